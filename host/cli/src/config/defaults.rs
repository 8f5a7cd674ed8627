//! What there is without a file: Codex and Claude Code as programs, the backend for Codex, and careful rules.

use std::collections::BTreeMap;

use pointsman_model::{Grant, Leaf};

use super::document::{Backend, Config, Policy, Program, Sanitizer};

/// The rule set that ships: allows work inside a repository, asks about everything wider.
pub(super) const CAREFUL: &str = include_str!("../../../../policies/rules/sets/careful.toml");

/// Adds what is built in to what the file says. What the file names wins as a whole: half of each would be neither.
pub(super) fn complete(config: &Config) -> Config {
    let mut config = config.clone();
    for (id, program) in programs() {
        config.programs.entry(id).or_insert(program);
    }
    config.backends.entry("codex".to_owned()).or_insert_with(codex);
    config.sanitizers.get_or_insert_with(|| {
        vec![Sanitizer {
            name: "spill".to_owned(),
            component: "bundled:spill".to_owned(),
            config: serde_json::Map::new(),
        }]
    });
    config.policies.get_or_insert_with(|| {
        vec![Policy {
            name: "careful".to_owned(),
            component: "bundled:rules".to_owned(),
            rules: Some("bundled:careful".to_owned()),
            inline: None,
        }]
    });
    config
}

/// Each agent gets the variables that it is set up by, and no more.
fn programs() -> BTreeMap<String, Program> {
    let program = |pass_env: &[&str]| Program {
        pass_env: pass_env.iter().map(|&name| name.to_owned()).collect(),
        ..Program::default()
    };
    BTreeMap::from([
        ("codex".to_owned(), program(&["CODEX_HOME", "CODEX_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL"])),
        ("claude".to_owned(), program(&["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"])),
    ])
}

fn codex() -> Backend {
    Backend {
        component: "bundled:codex".to_owned(),
        config: serde_json::Map::new(),
        // What a task may cost is the caller's to choose; what its agent may do is not.
        caller_may_set: vec!["model".to_owned(), "reasoning_effort".to_owned()],
        grants: vec![
            Grant { leaf: Leaf::ProcessSpawn, target: "codex".to_owned() }.into(),
            Grant { leaf: Leaf::TimerSet, target: "*".to_owned() }.into(),
        ],
    }
}
