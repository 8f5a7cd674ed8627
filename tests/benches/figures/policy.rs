//! A judgement, in the sandbox.

use std::hint::black_box;

use pointsman_model::{Access, Principal, Question, Timestamp, Verdict};
use pointsman_sandbox::{Sandbox, SandboxConfig};
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

/// The rules that ship.
const CAREFUL: &str = include_str!("../../../policies/rules/sets/careful.toml");
const DECISIONS: u32 = 2_000;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let sandbox = Sandbox::new(SandboxConfig::new(None)).expect("a sandbox");
    let module = sandbox.load_policy("rules", pointsman_bundle::RULES).expect("the module loads");
    let rules = CAREFUL.matches("[[rule]]").count();
    let sets = [("the rules that ship", rules, CAREFUL.to_owned()), ("20 rules", 20, copies(20))];
    sets.map(|(what, rules, set)| {
        let rulebook = module.load(&set).expect("the rules are read");
        let question = question();
        let round = || {
            let (took, ()) = timed(|| {
                for _ in 0..DECISIONS {
                    let ruling = rulebook.decide(black_box(&question)).expect("a ruling");
                    assert_eq!(ruling.verdict, Verdict::Allow);
                }
            });
            took.as_secs_f64() * 1e6 / f64::from(DECISIONS)
        };
        round();
        let samples = Samples::new((0..effort.of(21, 3)).map(|_| round()));
        Figure {
            what: format!("policy decision in the sandbox, {what}"),
            reached: samples.median(),
            unit: "µs",
            goal: Goal::AtMost(10.0),
            how: format!("{}; {rules} rules, {DECISIONS} decisions each", samples.spread("rounds")),
        }
    })
    .into()
}

/// Gives so many rules: those that ship, over and over, each with a name of its own.
fn copies(count: usize) -> String {
    let rules = CAREFUL.split("[[rule]]\n").skip(1).collect::<Vec<_>>();
    let rule = |number: usize, rule: &str| {
        format!("[[rule]]\n{}", rule.replacen("id = \"", &format!("id = \"n{number}-"), 1))
    };
    rules.into_iter().cycle().take(count).enumerate().map(|(number, text)| rule(number, text)).collect()
}

fn question() -> Question {
    let client =
        Principal { name: "claude-code".to_owned(), role: "client".to_owned(), run_id: None, depth: 0 };
    Question {
        action: "spawn".to_owned(),
        chain: vec![client],
        backend: Some("codex".to_owned()),
        role: Some("worker".to_owned()),
        cwd: Some("/src/project".to_owned()),
        access: Some(Access::WorkspaceWrite),
        detail: json!({"prompt": "Fix the failing test."}),
        facts: json!({
            "git": {"inside": true, "root": "/src/project", "branch": "main", "worktree": false},
            "roots": {"inside": true, "configured": false},
            "runs": {"live": 0},
            "client": {"name": "claude-code", "version": "2.1.0"},
        }),
        at: Timestamp::from_millis(1_767_607_200_000),
    }
}
