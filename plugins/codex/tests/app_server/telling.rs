//! What is told of what codex says, known or not.

use pointsman_sdk::backend::Task;
use pointsman_sdk::rehearsal::a_task;
use rstest::rstest;
use serde_json::{Value, json};

use crate::behaviour::{item, running, says};

#[rstest]
#[case(json!({ "method": "moon/full", "params": { "n": 1 } }), "x_codex_moon_full", json!({ "n": 1 }))]
#[case(json!({ "method": "moon/full", "params": [1] }), "x_codex_moon_full", json!({ "params": [1] }))]
#[case(json!({ "method": "moon/full" }), "x_codex_moon_full", json!({}))]
#[case(json!({ "method": "item/completed", "params": { "item": 7 } }), "x_codex_item_completed", json!({ "item": 7 }))]
#[case(json!({ "method": "item/completed", "params": { "item": { "id": "i", "type": "dreamState", "n": 1 } } }), "x_codex_dream_state_completed", json!({ "n": 1 }))]
#[case(json!({ "method": "item/started", "params": { "item": { "n": 1 } } }), "x_codex_item_started", json!({ "n": 1 }))]
#[case(json!({ "id": 99, "result": { "n": 1 } }), "x_codex_answer", json!({ "id": 99, "result": { "n": 1 } }))]
#[case(json!({ "id": [], "n": 1 }), "x_codex_output", json!({ "line": { "id": [], "n": 1 } }))]
#[case(json!("thread 'main' panicked"), "x_codex_output", json!({ "text": "\"thread 'main' panicked\"" }))]
#[case(json!({ "method": "turn/completed", "params": { "threadId": "t", "turn": { "id": "other", "status": "completed" } } }),
    "x_codex_turn_completed", json!({ "threadId": "t", "turn": { "id": "other", "status": "completed" } }))]
#[case(json!({ "method": "thread/tokenUsage/updated", "params": { "tokenUsage": 7 } }), "x_codex_thread_token_usage_updated", json!({ "tokenUsage": 7 }))]
fn what_nobody_knows_is_told_as_it_is(#[case] message: Value, #[case] kind: &str, #[case] data: Value) {
    let mut run = running(a_task("x"));
    says(&mut run, message);
    let event = run.events().pop().unwrap();
    assert_eq!((event["kind"].as_str().unwrap(), &event["data"]), (kind, &data));
}

#[test]
fn what_grows_is_told_where_it_is_wanted() {
    let delta = json!({ "method": "item/agentMessage/delta", "params": { "threadId": "t", "itemId": "m", "delta": "He" } });
    for (config, told) in [("{}", false), (r#"{"deltas":true}"#, true)] {
        let mut run = running(Task { config: config.to_owned(), ..a_task("x") });
        says(&mut run, delta.clone());
        assert_eq!(run.kinds().contains_key("x_codex_item_agent_message_delta"), told);
    }
}

#[test]
fn plans_and_searches_are_told() {
    let mut run = running(a_task("x"));
    let plan = json!([{ "step": "one", "status": "completed" }, { "step": "two", "status": "inProgress" }]);
    says(
        &mut run,
        json!({ "method": "turn/plan/updated", "params": { "threadId": "t", "explanation": "why", "plan": plan } }),
    );
    item(&mut run, "completed", json!({ "type": "webSearch", "id": "w", "query": "rust", "action": null }));
    item(
        &mut run,
        "completed",
        json!({ "type": "fileChange", "id": "f", "status": "completed",
        "changes": [{ "path": "/a", "kind": { "type": "update", "move_path": "/b" }, "diff": "@@" }] }),
    );
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!("plans_and_searches", run.events()[3..]);
    });
}
