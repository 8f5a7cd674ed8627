//! The real Codex CLI while it works: steered, interrupted, cut off, killed.

use rstest::rstest;
use serde_json::json;

use crate::codex_approvals::kill;
use crate::codex_stage::{EXEC, Stage, of_kind};

#[test]
fn a_running_turn_is_steered() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 2"}"#, json!({}));
    stage.host.event(&run, "command_started");
    let said = stage.say(&run, "mock:recall");
    assert_eq!(said["mode"], "live", "{said}");
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("2 scripted prompt(s)"), "{record}");
    assert_eq!(of_kind(&events, "message_added")[0]["data"]["text"], "mock:recall");
    stage.end();
}

#[test]
fn over_exec_a_message_is_the_next_turn_of_the_same_run() {
    let mut stage = Stage::with(EXEC);
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 1"}"#, json!({}));
    stage.host.event(&run, "command_started");
    assert_eq!(stage.say(&run, "mock:recall")["mode"], "live");
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("2 scripted prompt(s)"), "{record}");
    stage.end();
}

#[rstest]
#[case::hanging("mock:hang", "x_codex_config_warning")]
#[case::in_a_command(r#"mock:shell {"cmd":"sleep 1000 & sleep 1000"}"#, "command_started")]
fn an_interrupted_run_ends_at_once(#[case] prompt: &str, #[case] kind: &str) {
    let mut stage = Stage::set();
    let run = stage.spawn(prompt, json!({}));
    stage.host.event(&run, kind);
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    stage.place.mark().no_agent_left();
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "cancelled", "{record}");
    assert!(of_kind(&events, "run_completed").is_empty(), "cancel wins");
    stage.end();
}

#[test]
fn an_interrupted_conversation_is_taken_up_again() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 1000"}"#, json!({}));
    stage.host.event(&run, "command_started");
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    let first = stage.host.finish(&run);
    let more = json!({"session_mode": "resume", "session_id": first["session_id"]});
    let (second, _) = stage.run("mock:recall", more);
    assert!(second["final_response"].as_str().unwrap().contains("2 scripted prompt(s)"), "{second}");
    stage.end();
}

#[test]
fn a_killed_agent_fails_its_run_and_leaves_nothing() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 1000 & sleep 1000"}"#, json!({}));
    stage.host.event(&run, "command_started");
    kill(&stage, "app-server");
    let (record, events) = stage.finish(&run);
    assert_eq!((&record["status"], &record["error"]["reason"]), (&json!("failed"), &json!("exit_status")));
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "interrupted");
    stage.end();
}

#[rstest]
#[case::cut_stream("mock:cut", "connection_lost", true)]
#[case::overloaded("mock:overloaded", "overloaded", true)]
#[case::quota("mock:quota", "quota_exceeded", false)]
#[case::unauthorized("mock:unauthorized", "unauthorized", true)]
#[case::bad_request("mock:badrequest", "bad_request", false)]
#[case::too_long("mock:toolong", "context_too_long", false)]
fn trouble_at_the_provider_has_a_name(#[case] prompt: &str, #[case] reason: &str, #[case] retried: bool) {
    let mut stage = Stage::set();
    let (record, events) = stage.run(prompt, json!({}));
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!(reason)),
        "{record}"
    );
    assert_eq!(events.iter().any(|event| event["data"]["retry"] == true), retried, "{events:#?}");
    stage.end();
}

#[test]
fn trouble_that_passes_is_told_and_got_over() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:http500 {"times":2}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert!(events.iter().any(|event| event["data"]["retry"] == true), "{events:#?}");
    stage.end();
}

#[test]
fn thoughts_are_told() {
    let mut stage = Stage::set();
    let (_, events) = stage.run(r#"mock:think {"think":"Hm.","text":"So."}"#, json!({}));
    assert!(of_kind(&events, "reasoning").iter().any(|event| event["data"]["text"] == "Hm."), "{events:#?}");
    stage.end();
}

#[test]
fn an_image_reaches_the_model() {
    let mut stage = Stage::set();
    let png =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let parts = json!([
        {"type": "text", "text": "mock:text"},
        {"type": "file", "bytes_base64": png, "mime_type": "image/png"},
    ]);
    let run = stage.host.call(
        "spawn_run",
        json!({
            "backend": "codex", "role": "worker", "cwd": stage.place.project(), "session_mode": "new",
            "input_message": {"role": "user", "parts": parts},
        }),
    );
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(stage.model().seen().contains("data:image/png;base64,"), "the model was shown it");
    stage.end();
}
