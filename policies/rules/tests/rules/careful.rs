//! The default rules, as a table of decisions.

use pointsman_rules::{Access, CAREFUL, Principal, Question, Verdict};
use rstest::rstest;
use serde_json::json;

use crate::{decide, load, set_facts};

fn access(access: Access) -> impl Fn(&mut Question) {
    move |question| question.access = Some(access)
}

fn action(action: &'static str) -> impl Fn(&mut Question) {
    move |question| question.action = action.to_owned()
}

fn fact(pointer: &'static str, value: bool) -> impl Fn(&mut Question) {
    move |question| set_facts(question, &[(pointer, json!(value))])
}

fn depth(depth: u32) -> impl Fn(&mut Question) {
    move |question| {
        let principal = |depth| Principal { name: "a".into(), role: "worker".into(), run_id: None, depth };
        question.chain = (0..depth).map(principal).collect();
    }
}

fn facts(json: &'static str) -> impl Fn(&mut Question) {
    move |question| question.facts = json.to_owned()
}

#[rstest]
#[case::a_plain_spawn(|_: &mut Question| {}, Verdict::Allow, Some("inside-work-tree"))]
#[case::a_continuation(action("continue"), Verdict::Allow, Some("inside-work-tree"))]
#[case::reading_only(access(Access::ReadOnly), Verdict::Allow, Some("inside-work-tree"))]
#[case::full_access(access(Access::Full), Verdict::Ask, Some("full-access"))]
#[case::outside_roots(fact("/roots/inside", false), Verdict::Ask, Some("outside-allowed-roots"))]
#[case::outside_repository(fact("/git/inside", false), Verdict::Ask, Some("outside-repository"))]
#[case::in_a_worktree(fact("/git/worktree", true), Verdict::Allow, Some("inside-work-tree"))]
#[case::depth_2(depth(2), Verdict::Ask, Some("deep-delegation"))]
#[case::depth_9(depth(9), Verdict::Ask, Some("deep-delegation"))]
#[case::a_tool(action("permission"), Verdict::Abstain, None)]
#[case::a_process(action("process"), Verdict::Abstain, None)]
#[case::a_request(action("request"), Verdict::Abstain, None)]
#[case::a_message(action("peer_message"), Verdict::Abstain, None)]
#[case::an_action_from_tomorrow(action("teleport"), Verdict::Abstain, None)]
#[case::no_access_named(|q: &mut Question| q.access = None, Verdict::Abstain, None)]
#[case::no_facts(facts("{}"), Verdict::Ask, Some("outside-allowed-roots"))]
#[case::no_git_facts(facts(r#"{"roots":{"inside":true}}"#), Verdict::Ask, Some("outside-repository"))]
#[case::broken_facts(facts("{"), Verdict::Ask, Some("outside-allowed-roots"))]
#[case::facts_of_another_shape(facts("[]"), Verdict::Ask, Some("outside-allowed-roots"))]
fn careful_decides(
    #[case] change: impl Fn(&mut Question),
    #[case] verdict: Verdict,
    #[case] rule: Option<&str>,
) {
    let ruling = decide(&load(CAREFUL), change);
    assert_eq!((ruling.verdict, ruling.rule.as_deref()), (verdict, rule), "{}", ruling.reason);
}

#[test]
fn whoever_is_asked_is_told_why_and_for_how_long() {
    let ruling = decide(&load(CAREFUL), access(Access::Full));
    assert_eq!(ruling.reason, "full access reaches everything that your user may do, network included");
    assert_eq!(ruling.ttl_seconds, Some(1800));
}

#[test]
fn every_rule_has_examples_on_both_sides() {
    let table: toml::Table = CAREFUL.parse().unwrap();
    for rule in table["rule"].as_array().unwrap() {
        for side in ["match", "not_match"] {
            assert!(
                rule.get(side).is_some_and(|examples| !examples.as_array().unwrap().is_empty()),
                "{rule}"
            );
        }
        assert!(rule.get("reason").is_some(), "{rule}");
    }
}
