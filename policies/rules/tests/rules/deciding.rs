//! How rules go together.

use pointsman_rules::{Access, CAREFUL, Rulebook, Ruling, Scope, Verdict, base_question};
use proptest::prelude::*;

use crate::{decide, load};

const SEVERAL: &str = r#"
[[rule]]
id = "allow-first"
when = "true"
then = "allow"
ceiling = "workspace-write"

[[rule]]
id = "ask-first"
when = "depth == 1"
then = "ask"
ttl = "1h"
scope = "session"
reason = "the first"

[[rule]]
id = "ask-second"
when = "depth == 1"
then = "ask"
ttl = 60
scope = "run"
ceiling = "read-only"

[[rule]]
id = "deny-nobody"
when = "backend == 'nobody'"
then = "deny"
reason = "nobody may"
"#;

#[test]
fn the_strictest_stands_and_the_first_among_equals() {
    let ruling = decide(&load(SEVERAL), |_| {});
    let expected = Ruling {
        verdict: Verdict::Ask,
        rule: Some("ask-first".to_owned()),
        reason: "the first".to_owned(),
        ttl_seconds: Some(60),
        ceiling: Some(Access::ReadOnly),
        scope: Some(Scope::Run),
    };
    assert_eq!(ruling, expected);
    assert_eq!(decide(&load(SEVERAL), |q| q.backend = Some("nobody".into())).verdict, Verdict::Deny);
}

/// What the file says by default stands where no rule has anything to say, and nowhere else.
#[test]
fn what_holds_by_default_holds_where_no_rule_speaks() {
    let book = load(
        r#"
default = { process = "allow", request = "deny", spawn = "ask" }
[[rule]]
id = "no-shells"
when = 'action == "process" && request.program == "sh"'
then = "deny"
[[rule]]
id = "home"
when = 'action == "request" && request.origin == "https://example.com"'
then = "allow"
"#,
    );
    let asked = |action: &str, request: &str| {
        let of = |question: &mut pointsman_rules::Question| {
            (question.action, question.detail) = (action.to_owned(), request.to_owned());
        };
        let mut question = base_question();
        of(&mut question);
        let ruling = book.decide(&question);
        let explained = book.explain(&question);
        assert_eq!(
            explained.iter().map(|it| Some(it.rule.clone())).collect::<Vec<_>>(),
            ruling.rule.iter().map(|rule| Some(rule.clone())).collect::<Vec<_>>(),
            "what decides is explained: {action} {request}"
        );
        (ruling.verdict, ruling.rule)
    };
    let by = |rule: &str| Some(rule.to_owned());
    assert_eq!(asked("process", r#"{"program":"git"}"#), (Verdict::Allow, by("default.process")));
    assert_eq!(asked("process", r#"{"program":"sh"}"#), (Verdict::Deny, by("no-shells")));
    // A rule that denies and cannot be judged counts, whatever holds by default.
    assert_eq!(asked("process", "{}"), (Verdict::Deny, by("no-shells")));
    assert_eq!(asked("request", r#"{"origin":"https://example.com"}"#), (Verdict::Allow, by("home")));
    assert_eq!(asked("request", r#"{"origin":"https://a.test"}"#), (Verdict::Deny, by("default.request")));
    assert_eq!(asked("spawn", "{}"), (Verdict::Ask, by("default.spawn")));
    assert_eq!(asked("peer_message", "{}"), (Verdict::Abstain, None));
    // One that allows and cannot be judged does not: then what holds by default stands, and the doubt is told.
    let ruling = decide(&book, |question| {
        (question.action, question.detail) = ("request".to_owned(), "{}".to_owned());
    });
    assert_eq!((ruling.verdict, ruling.rule), (Verdict::Deny, by("default.request")));
    assert!(ruling.reason.contains("rule `home` could not be judged"), "{}", ruling.reason);
}

#[test]
fn what_each_rule_says_is_explained() {
    let explained = load(SEVERAL).explain(&base_question());
    let said: Vec<_> = explained.iter().map(|rule| (rule.rule.as_str(), rule.scope)).collect();
    let expected =
        [("allow-first", None), ("ask-first", Some(Scope::Session)), ("ask-second", Some(Scope::Run))];
    assert_eq!(said, expected);
}

/// What was meant to lower what is granted does so, whether or not anybody can tell that it is meant here.
#[test]
fn the_ceiling_of_an_allowance_in_doubt_counts() {
    let book = load(
        r#"
[[rule]]
id = "inside"
when = "facts.git.inside"
then = "allow"

[[rule]]
id = "reviewers-read"
when = 'role.startsWith("review")'
then = "allow"
ceiling = "read-only"
"#,
    );
    let ruling = decide(&book, |question| question.role = None);
    assert_eq!(
        (ruling.verdict, ruling.ceiling),
        (Verdict::Allow, Some(Access::ReadOnly)),
        "{}",
        ruling.reason
    );
    assert!(ruling.reason.contains("`startsWith` cannot be applied to null"), "{}", ruling.reason);
    assert_eq!(decide(&book, |_| {}).ceiling, None);
}

/// An evasion is worth an example beside the rule that it wants to get around.
#[test]
fn a_line_that_cannot_be_read_may_be_an_example() {
    let example = r#"{ action = "permission", request = { kind = "command", detail = { command = "git status $(git push)" } } }"#;
    let when = r#"action == "permission" && commands(request.detail.command).all(c, c.program == "git")"#;
    let rule = |then: &str, side: &str| {
        let text =
            format!("[[rule]]\nid = \"x\"\nwhen = '{when}'\nthen = \"{then}\"\n{side} = [{example}]\n");
        Rulebook::load(&text).is_ok()
    };
    assert!(rule("allow", "not_match") && rule("ask", "match") && rule("deny", "match"));
    assert!(!rule("allow", "match") && !rule("ask", "not_match") && !rule("deny", "not_match"));
}

#[test]
fn a_denial_may_pass_over_what_cannot_be_read() {
    let denies = |when: &str, line: &str| {
        let book = load(&format!("[[rule]]\nid = \"x\"\nwhen = '{when}'\nthen = \"deny\""));
        let detail = serde_json::json!({"kind": "command", "detail": {"command": line}}).to_string();
        decide(&book, |question| {
            question.action = "permission".to_owned();
            question.detail = detail;
        })
        .verdict
            == Verdict::Deny
    };
    let any = r#"commands(request.detail.command).exists(c, c.program == "rm")"#;
    let sure = format!("readable(request.detail.command) && {any}");
    assert!(denies(any, "rm a") && denies(any, "rm $a"));
    assert!(denies(&sure, "sh -c 'rm a'") && !denies(&sure, "rm $a") && !denies(&sure, "ls"));
    assert!(denies("readable(7)", "ls"), "no line at all is a mistake, which denies");
}

#[test]
fn a_file_without_rules_has_no_opinion() {
    for text in ["", "# nothing yet\n", "rule = []"] {
        let ruling = decide(&load(text), |_| {});
        assert_eq!((ruling.verdict, ruling.rule), (Verdict::Abstain, None));
        assert_eq!(ruling.reason, "no rule speaks of this");
    }
}

#[test]
fn a_rule_without_reason_names_itself() {
    let book = load("[[rule]]\nid = \"x\"\nwhen = \"true\"\nthen = \"deny\"");
    assert_eq!(decide(&book, |_| {}).reason, "rule `x` says so");
}

const CONDITIONS: &[&str] = &[
    "true",
    "false",
    "depth > 1",
    "facts.git.inside",
    "request.nothing.here == 1",
    "chain[5].name == \"x\"",
    "access == \"full\"",
    "!facts.roots.inside",
    "cwd.startsWith(\"/repo\")",
];

fn rules() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop::collection::vec((0..CONDITIONS.len(), 0..3_usize, 0..4_usize), 0..12)
}

fn book(rules: &[(usize, usize, usize)]) -> Rulebook {
    let mut text = String::new();
    for (number, (condition, then, ceiling)) in rules.iter().enumerate() {
        let then = ["allow", "ask", "deny"][*then];
        text += &format!(
            "[[rule]]\nid = \"r{number}\"\nwhen = '{}'\nthen = \"{then}\"\n",
            CONDITIONS[*condition]
        );
        if *ceiling < 3 && then != "deny" {
            text += &format!("ceiling = \"{}\"\n", ["read-only", "workspace-write", "full"][*ceiling]);
        }
    }
    load(&text)
}

fn strictness(ruling: &Ruling) -> u8 {
    match ruling.verdict {
        Verdict::Abstain => 0,
        Verdict::Allow => 1,
        Verdict::Ask => 2,
        Verdict::Deny => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Invariant 7: policies only tighten. Silence asks, so the first allowance is the one word that may loosen.
    #[test]
    fn one_more_rule_never_loosens(
        rules in rules(),
        more in (0..CONDITIONS.len(), 0..3_usize, 0..4_usize),
        at in any::<prop::sample::Index>(),
        deep in 1..4_u32,
    ) {
        let mut question = base_question();
        let root = question.chain[0].clone();
        question.chain = (0..deep).map(|depth| pointsman_rules::Principal { depth, ..root.clone() }).collect();
        let before = book(&rules).decide(&question);
        let mut longer = rules.clone();
        longer.insert(at.index(rules.len() + 1), more);
        let after = book(&longer).decide(&question);
        prop_assert!(strictness(&after) >= strictness(&before));
        if after.verdict != Verdict::Deny {
            let ceiling = |ruling: &Ruling| ruling.ceiling.map_or(3, |ceiling| ceiling as u8);
            prop_assert!(ceiling(&after) <= ceiling(&before));
        }
    }

    #[test]
    fn the_same_question_gets_the_same_ruling(rules in rules()) {
        let first = book(&rules);
        let question = base_question();
        let ruling = first.decide(&question);
        prop_assert_eq!(&ruling, &first.decide(&question));
        prop_assert_eq!(&ruling, &book(&rules).decide(&question));
    }

    /// Whatever a host sends, nobody falls over, and what cannot be read allows nothing.
    #[test]
    fn no_question_breaks_the_judge(facts in ".{0,40}", detail in ".{0,40}", action in ".{0,12}") {
        let mut question = base_question();
        (question.facts, question.detail, question.action) = (facts, detail, action);
        let ruling = load(CAREFUL).decide(&question);
        prop_assert_ne!(ruling.verdict, Verdict::Allow);
    }
}
