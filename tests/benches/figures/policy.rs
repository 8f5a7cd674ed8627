//! A judgement, in the sandbox.

use std::hint::black_box;

use pointsman_model::{Access, Principal, Question, Ruling, Timestamp, Verdict};
use pointsman_sandbox::{Rulebook, Sandbox, SandboxConfig};
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

/// The rules that ship.
const CAREFUL: &str = include_str!("../../../policies/rules/sets/careful.toml");
const DECISIONS: usize = 20_000;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let sandbox = Sandbox::new(SandboxConfig::new(None)).expect("a sandbox");
    let module = sandbox.load_policy("rules", pointsman_bundle::RULES).expect("the module loads");
    let shipped = CAREFUL.matches("[[rule]]").count();
    let chains = [
        (format!("1 module, the {shipped} rules that ship"), 1, CAREFUL.to_owned(), Goal::AtMost(10.0)),
        ("1 module, 20 rules".to_owned(), 1, copies(20), Goal::AtMost(10.0)),
        ("3 modules, 20 rules each".to_owned(), 3, copies(20), Goal::None),
        ("10 modules, 20 rules each".to_owned(), 10, copies(20), Goal::None),
        ("1 module, 200 rules".to_owned(), 1, copies(200), Goal::None),
    ];
    let measured = chains.map(|(what, modules, set, goal)| {
        let chain: Vec<Rulebook> =
            (0..modules).map(|_| module.load(&set).expect("the rules are read")).collect();
        chain_of(&chain, &what, goal, effort.of(DECISIONS, DECISIONS / 20))
    });
    measured.into_iter().flatten().collect()
}

/// Measures every ruling of a chain by itself: what is rare is seen, too.
fn chain_of(chain: &[Rulebook], what: &str, goal: Goal, decisions: usize) -> Vec<Figure> {
    let question = question();
    let rule = || {
        let asked = black_box(&question);
        Ruling::compose(chain.iter().map(|module| module.decide(asked).expect("a ruling")))
    };
    for _ in 0..decisions / 10 {
        assert_eq!(rule().verdict, Verdict::Allow);
    }
    let samples = Samples::new((0..decisions).map(|_| {
        let (took, ruling) = timed(rule);
        assert_eq!(ruling.verdict, Verdict::Allow);
        took.as_secs_f64() * 1e6
    }));
    let how = samples.spread("rulings");
    let figure = |name: &str, reached: f64, unit, goal| Figure {
        what: format!("policy ruling, {what}, {name}"),
        reached,
        unit,
        goal,
        how: how.clone(),
    };
    vec![
        figure("p50", samples.median(), "µs", goal),
        figure("p99", samples.percentile(99), "µs", Goal::None),
        figure("rate", 1e6 / samples.median(), "/s", Goal::None),
    ]
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
