//! Hostile policies.

use pointsman_model::{Access, Matched, Principal, Question, Ruling, Timestamp, Verdict};
use pointsman_sandbox::{CallError, Cause, PolicyLoadError, PolicyModule};
use rstest::rstest;
use serde_json::json;

use crate::support::{NOW, cause, cause_of, component, is_cause_of, sandbox, sandbox_with};

fn policy() -> PolicyModule {
    sandbox().load_policy("hostile", component()).expect("a policy")
}

pub(crate) fn question(word: &str) -> Question {
    Question {
        action: word.to_owned(),
        chain: vec![Principal { name: "c".to_owned(), role: "client".to_owned(), run_id: None, depth: 0 }],
        backend: Some("codex".to_owned()),
        role: None,
        cwd: Some("/tmp".to_owned()),
        access: Some(Access::Full),
        detail: json!({"b": 1.0, "a": []}),
        facts: json!({}),
        at: Timestamp::from_millis(NOW),
    }
}

#[rstest]
fn ruin_is_contained_and_named(
    #[values("trap", "panic", "exit", "stack", "frames", "spin", "memory")] word: &str,
) {
    let policy = policy();
    let Err(PolicyLoadError::Guest(failure)) = policy.load(&json!({ "do": word }).to_string()) else {
        panic!("the policy did not fail")
    };
    let found = cause_of(failure, "rulebook.load");
    assert!(is_cause_of(word, &found), "{found:?}");

    let rulebook = policy.load("{}").expect("a rule book");
    let found = cause(rulebook.decide(&question(word)), "rulebook.decide");
    assert!(is_cause_of(word, &found), "{found:?}");
    // The next question gets another instance.
    assert_eq!(rulebook.decide(&question("allow")).map(|ruling| ruling.verdict), Ok(Verdict::Allow));
}

#[test]
fn findings_are_handed_on() {
    let error = policy().load(r#"{"do":"findings"}"#).expect_err("there are findings");
    assert_eq!(error.to_string(), "policy hostile: rule first: says nothing");
}

#[test]
fn findings_are_bounded() {
    let Err(PolicyLoadError::Guest(failure)) = policy().load(r#"{"do":"many_findings"}"#) else {
        panic!("that many findings are too much")
    };
    let expected = Cause::ReturnedTooMuch { what: "texts in lists", limit: 1_024 };
    assert_eq!(cause_of(failure, "rulebook.load"), expected);
}

#[test]
fn a_ruling_is_bounded() {
    let rulebook = policy().load("{}").expect("a rule book");
    let found = cause(rulebook.decide(&question("huge_return")), "rulebook.decide");
    assert_eq!(found, Cause::ReturnedTooMuch { what: "bytes", limit: 1 << 20 });
}

#[test]
fn a_ruling_keeps_its_meaning_and_names_its_module() {
    let rulebook = policy().load("{}").expect("a rule book");
    assert_eq!(rulebook.decide(&question("refuse")), Err(CallError::Refused("not today".to_owned())));
    let ruling = rulebook.decide(&question("deny")).expect("a ruling");
    let expected = Ruling {
        verdict: Verdict::Deny,
        module: "hostile".to_owned(),
        rule: Some("deny".to_owned()),
        reason: r#"{"a":[],"b":1} by 1"#.to_owned(),
        ttl_seconds: Some(60),
        ceiling: Some(Access::ReadOnly),
        scope: None,
    };
    assert_eq!(ruling, expected);
}

#[test]
fn an_explanation_keeps_its_meaning_and_is_bounded() {
    let rulebook = policy().load("{}").expect("a rule book");
    assert_eq!(rulebook.explain(&question("refuse")), Err(CallError::Refused("not today".to_owned())));
    let matched = rulebook.explain(&question("deny")).expect("an explanation");
    let expected = Matched {
        rule: "deny".to_owned(),
        verdict: Verdict::Deny,
        reason: r#"{"a":[],"b":1} by 1"#.to_owned(),
        ttl_seconds: Some(60),
        ceiling: Some(Access::ReadOnly),
        scope: None,
        undecided: None,
    };
    assert_eq!(matched, [expected]);
    for word in ["spin", "memory", "stack"] {
        let found = cause(rulebook.explain(&question(word)), "rulebook.explain");
        assert!(is_cause_of(word, &found), "{found:?}");
    }
    let found = cause(rulebook.explain(&question("many_matched")), "rulebook.explain");
    assert_eq!(found, Cause::ReturnedTooMuch { what: "texts in lists", limit: 1_024 });
    // The next question gets another instance.
    assert_eq!(rulebook.explain(&question("allow")).map(|matched| matched.len()), Ok(1));
}

/// A question does not wait for another one's guest.
#[test]
fn a_spinning_question_holds_up_no_other() {
    let limit = std::time::Duration::from_secs(5);
    let sandbox = sandbox_with(|limits| {
        limits.fuel = u64::MAX;
        limits.deadline = limit;
    });
    let rulebook =
        sandbox.load_policy("hostile", component()).expect("a policy").load("{}").expect("a rule book");
    let theirs = rulebook.clone();
    let spinning = std::thread::spawn(move || theirs.decide(&question("spin")));
    for _ in 0..100 {
        rulebook.decide(&question("allow")).expect("a ruling");
    }
    assert!(!spinning.is_finished(), "a hundred questions took longer than the deadline of one");
    let answer = spinning.join().expect("no panic");
    assert_eq!(cause(answer, "rulebook.decide"), Cause::Deadline { limit });
}
