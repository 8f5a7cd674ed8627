//! The default rules, as a table of decisions.

use pointsman_rules::{Access, CAREFUL, Principal, Question, Verdict};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{decide, load, set_facts};

fn access(access: Access) -> impl Fn(&mut Question) {
    move |question| question.access = Some(access)
}

fn action(action: &'static str) -> impl Fn(&mut Question) {
    move |question| question.action = action.to_owned()
}

fn live(action: &'static str) -> impl Fn(&mut Question) {
    move |question| {
        question.action = action.to_owned();
        question.detail = r#"{"mode":"live"}"#.to_owned();
    }
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
#[case::a_process(action("process"), Verdict::Allow, Some("plugin-effects"))]
#[case::a_process_of_a_run_with_full_access(
    and(action("process"), access(Access::Full)),
    Verdict::Allow,
    Some("plugin-effects")
)]
#[case::a_request(action("request"), Verdict::Allow, Some("plugin-effects"))]
#[case::a_message(action("peer_message"), Verdict::Allow, Some("messages"))]
#[case::a_message_to_a_live_run(live("continue"), Verdict::Allow, Some("inside-work-tree"))]
#[case::a_message_to_a_live_run_with_full_access(
    and(live("continue"), access(Access::Full)),
    Verdict::Allow,
    Some("messages")
)]
#[case::a_launch_that_calls_itself_live(
    and(live("spawn"), access(Access::Full)),
    Verdict::Ask,
    Some("full-access")
)]
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

/// A running agent's question: what it is, and the paths that the host found in it.
fn permission(kind: &str, detail: Value, paths: Value) -> impl Fn(&mut Question) {
    let detail = json!({"kind": kind, "title": "t", "detail": detail}).to_string();
    move |question| {
        question.action = "permission".to_owned();
        question.detail.clone_from(&detail);
        let mut facts: Value = serde_json::from_str(&question.facts).unwrap();
        facts["paths"] = paths.clone();
        question.facts = facts.to_string();
    }
}

fn and(first: impl Fn(&mut Question), second: impl Fn(&mut Question)) -> impl Fn(&mut Question) {
    move |question| {
        first(question);
        second(question);
    }
}

fn command(sandboxed: bool) -> impl Fn(&mut Question) {
    permission(
        "command",
        json!({"command": "make", "cwd": "/repo/project", "sandboxed": sandboxed}),
        json!([]),
    )
}

fn runs(line: &str) -> impl Fn(&mut Question) + use<> {
    permission("command", json!({"command": line, "cwd": "/repo/project"}), json!([]))
}

fn edit(paths: Value) -> impl Fn(&mut Question) {
    permission("edit", json!({"changes": []}), paths)
}

fn read(paths: Value) -> impl Fn(&mut Question) {
    permission("read", json!({"path": "?"}), paths)
}

fn tool(name: &str, server: Value) -> impl Fn(&mut Question) {
    let asked = permission("tool", json!({"tool": name, "server": server, "input": {}}), json!([]));
    and(asked, |question| question.backend = Some("claude_code".to_owned()))
}

fn read_only(asked: impl Fn(&mut Question)) -> impl Fn(&mut Question) {
    and(asked, access(Access::ReadOnly))
}

fn full(asked: impl Fn(&mut Question)) -> impl Fn(&mut Question) {
    and(asked, access(Access::Full))
}

/// Whoever let a run start where the rules would ask is not asked about that again.
fn launched_by_a_person(asked: impl Fn(&mut Question)) -> impl Fn(&mut Question) {
    let start = |q: &mut Question| {
        set_facts(q, &[("/git/inside", json!(false)), ("/roots/inside", json!(false))]);
        depth(3)(q);
    };
    and(asked, start)
}

const GIT: &str = "/repo/project/.git/config";
const INSIDE: &str = "/repo/project/src/a.rs";

#[rstest]
#[case::nothing_confines_it(command(false), Verdict::Abstain, None)]
#[case::looks(runs("git status"), Verdict::Allow, Some("commands-that-look"))]
#[case::destroys(runs("git push --force"), Verdict::Ask, Some("commands-that-destroy"))]
#[case::unreadable(runs("make $(x)"), Verdict::Ask, Some("commands-that-destroy"))]
#[case::destroys_with_full_access(full(runs("rm -rf a")), Verdict::Allow, Some("full-access-granted"))]
#[case::its_sandbox_confines_it(command(true), Verdict::Allow, Some("sandboxed"))]
#[case::confined_to_reading(read_only(command(true)), Verdict::Allow, Some("sandboxed"))]
#[case::full_command(full(command(false)), Verdict::Allow, Some("full-access-granted"))]
#[case::full_git(full(edit(json!([GIT]))), Verdict::Allow, Some("full-access-granted"))]
#[case::reads(read(json!([INSIDE])), Verdict::Allow, Some("reads-inside"))]
#[case::reads_git(read_only(read(json!([GIT]))), Verdict::Allow, Some("reads-inside"))]
#[case::reads_elsewhere(read(json!(["/repo/project-old/a"])), Verdict::Abstain, None)]
#[case::reads_unclear(read(Value::Null), Verdict::Abstain, None)]
#[case::edits(edit(json!([INSIDE, "/repo/project/b"])), Verdict::Allow, Some("edits-inside"))]
#[case::edits_reading_only(read_only(edit(json!([INSIDE]))), Verdict::Abstain, None)]
#[case::edits_a_sibling(edit(json!([INSIDE, "/repo/project-evil/a"])), Verdict::Abstain, None)]
#[case::edits_above(edit(json!(["/repo/project/../a"])), Verdict::Ask, Some("edits-of-what-others-run"))]
#[case::edits_nothing(edit(json!([])), Verdict::Abstain, None)]
#[case::edits_unclear(edit(Value::Null), Verdict::Abstain, None)]
#[case::edits_git(edit(json!([INSIDE, GIT])), Verdict::Ask, Some("edits-of-what-others-run"))]
#[case::fetches(permission("fetch", json!({"url": "http://a.test"}), json!([])), Verdict::Abstain, None)]
#[case::plans(tool("TodoWrite", Value::Null), Verdict::Allow, Some("tools-without-effects"))]
#[case::searches(tool("WebSearch", Value::Null), Verdict::Abstain, None)]
#[case::foreign(tool("TodoWrite", json!("theirs")), Verdict::Abstain, None)]
#[case::else_(permission("other", json!({}), json!([])), Verdict::Abstain, None)]
#[case::tomorrow(permission("teleport", json!({}), json!([])), Verdict::Abstain, None)]
#[case::approved(launched_by_a_person(command(true)), Verdict::Allow, Some("sandboxed"))]
#[case::approved_edit(launched_by_a_person(edit(json!([INSIDE]))), Verdict::Allow, Some("edits-inside"))]
fn careful_decides_what_an_agent_asks(
    #[case] change: impl Fn(&mut Question),
    #[case] verdict: Verdict,
    #[case] rule: Option<&str>,
) {
    let ruling = decide(&load(CAREFUL), change);
    assert_eq!((ruling.verdict, ruling.rule.as_deref()), (verdict, rule), "{}", ruling.reason);
}

#[rstest]
#[case::no_kind(json!({}))]
#[case::no_detail(json!({"kind": "command"}))]
#[case::a_text(json!({"kind": "command", "detail": "make"}))]
#[case::no_text(json!({"kind": 7, "detail": {"sandboxed": 1}}))]
fn a_question_of_another_shape_allows_nothing(#[case] detail: Value) {
    let ruling = decide(&load(CAREFUL), |question| {
        question.action = "permission".to_owned();
        question.detail = detail.to_string();
    });
    assert!(matches!(ruling.verdict, Verdict::Abstain | Verdict::Ask), "{ruling:?}");
}

#[test]
fn whoever_is_asked_is_told_why_and_for_how_long() {
    let ruling = decide(&load(CAREFUL), access(Access::Full));
    assert_eq!(ruling.reason, "full access reaches everything that your user may do, network included");
    assert_eq!(ruling.ttl_seconds, Some(1800));
}
