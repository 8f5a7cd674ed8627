//! What there is without a file: the agents that are known, as programs and as backends, and careful rules.

use std::collections::BTreeMap;

use pointsman_model::{Grant, Leaf};

use super::document::{Backend, Config, Policy, Program, Sanitizer};

/// The rule sets that ship, by name; `careful` is the default.
pub(super) const RULE_SETS: &[(&str, &str)] = &[
    ("careful", include_str!("../../../../policies/rules/sets/careful.toml")),
    ("read-only", include_str!("../../../../policies/rules/sets/read-only.toml")),
    ("team", include_str!("../../../../policies/rules/sets/team.toml")),
    ("open", include_str!("../../../../policies/rules/sets/open.toml")),
];

/// Adds what is built in to what the file says. What the file names wins as a whole: half of each would be neither.
pub(super) fn complete(config: &Config) -> Config {
    let mut config = config.clone();
    for (id, program) in programs() {
        config.programs.entry(id).or_insert(program);
    }
    config.backends.entry("codex".to_owned()).or_insert_with(codex);
    config.backends.entry("claude_code".to_owned()).or_insert_with(claude_code);
    for (name, args) in [("gemini", "--acp"), ("opencode", "acp")] {
        config.backends.entry(name.to_owned()).or_insert_with(|| acp(name, args));
    }
    config.backends.entry("remote_a2a".to_owned()).or_insert_with(remote_a2a);
    config.sanitizers.get_or_insert_with(|| {
        // Secrets go first: what `spill` moves into an artifact must not have them any more.
        ["redact", "spill"]
            .map(|name| Sanitizer {
                name: name.to_owned(),
                component: format!("bundled:{name}"),
                config: serde_json::Map::new(),
                keep_originals: false,
            })
            .to_vec()
    });
    config.policies.get_or_insert_with(|| {
        vec![Policy {
            name: "careful".to_owned(),
            component: "bundled:rules".to_owned(),
            rules: Some("bundled:careful".to_owned()),
            inline: None,
            on_failure: None,
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
        ("claude".to_owned(), program(CLAUDE_ENV)),
        (
            "gemini".to_owned(),
            Program {
                // It would start itself a second time, for no use here.
                set_env: BTreeMap::from([("GEMINI_CLI_NO_RELAUNCH".to_owned(), "true".to_owned())]),
                ..program(&["GEMINI_*", "GOOGLE_*"])
            },
        ),
        (
            "opencode".to_owned(),
            Program {
                set_env: BTreeMap::from([("OPENCODE_PERMISSION".to_owned(), OPENCODE_ASKS.to_owned())]),
                ..program(&["OPENCODE_CONFIG*", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"])
            },
        ),
    ])
}

/// How Claude Code is set up, and how it gets in.
const CLAUDE_ENV: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CONFIG_DIR",
];

fn claude_code() -> Backend {
    Backend {
        component: "bundled:claude_code".to_owned(),
        config: serde_json::Map::new(),
        caller_may_set: vec!["model".to_owned(), "effort".to_owned()],
        grants: vec![
            Grant { leaf: Leaf::ProcessSpawn, target: "claude".to_owned() }.into(),
            Grant { leaf: Leaf::TimerSet, target: "*".to_owned() }.into(),
        ],
    }
}

/// By itself opencode asks about nothing; so it asks about all that does more than look.
const OPENCODE_ASKS: &str = r#"{"*":"ask","read":{"*":"allow","*.env":"ask","*.env.*":"ask"},"glob":"allow","grep":"allow","list":"allow","lsp":"allow","skill":"allow","task":"allow","todoread":"allow","todowrite":"allow","question":"deny"}"#;

/// An agent that speaks the Agent Client Protocol, and asks before it changes anything.
fn acp(program: &str, args: &str) -> Backend {
    let config = serde_json::json!({ "program": program, "args": [args], "access": "read-only" });
    Backend {
        component: "bundled:acp".to_owned(),
        config: config.as_object().cloned().unwrap_or_default(),
        caller_may_set: vec!["model".to_owned()],
        grants: vec![
            Grant { leaf: Leaf::ProcessSpawn, target: program.to_owned() }.into(),
            Grant { leaf: Leaf::TimerSet, target: "*".to_owned() }.into(),
        ],
    }
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

/// Reaches nobody until the operator lists an origin. What a caller brings along is its own: no secret of the operator's.
fn remote_a2a() -> Backend {
    let keys = [
        "agent_url",
        "agent_card_path",
        "headers",
        "auth_token",
        "history_length",
        "blocking",
        "streaming",
        "accepted_output_modes",
        "transport",
        "protocol_version",
    ];
    Backend {
        component: "bundled:remote_a2a".to_owned(),
        config: serde_json::Map::new(),
        caller_may_set: keys.map(str::to_owned).to_vec(),
        grants: vec![
            Grant { leaf: Leaf::RequestSend, target: "*".to_owned() }.into(),
            Grant { leaf: Leaf::TimerSet, target: "*".to_owned() }.into(),
        ],
    }
}
