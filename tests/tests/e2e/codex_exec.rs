//! The real Codex CLI over `codex exec`, as it is where there is no app server.

use rstest::rstest;
use serde_json::{Value, json};

use crate::codex_stage::{EXEC, Stage, of_kind};

#[test]
fn commands_run_and_files_change() {
    let mut stage = Stage::with(EXEC);
    let (record, events) = stage.run(r#"mock:shell {"cmd":"echo seen-$((6 * 7))"}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["output"], "seen-42\n");
    let (_, events) = stage.run(r#"mock:write {"path":"new.txt","content":"made by an agent\n"}"#, json!({}));
    assert_eq!(of_kind(&events, "file_changed").last().unwrap()["data"]["changes"][0]["kind"], "add");
    stage.end();
}

#[rstest]
#[case::rate_limit("mock:http429", "rate_limited")]
#[case::server_error("mock:http500", "server_error")]
fn trouble_at_the_provider_has_a_name(#[case] prompt: &str, #[case] reason: &str) {
    let mut stage = Stage::with(EXEC);
    let (record, _) = stage.run(prompt, json!({}));
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!(reason)),
        "{record}"
    );
    stage.end();
}

#[test]
fn an_output_schema_is_held_to() {
    let schema =
        json!({"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]});
    let mut stage = Stage::with(EXEC);
    let (record, _) = stage.run(r#"mock:json {"value":{"answer":42}}"#, json!({"output_schema": schema}));
    assert_eq!(record["structured_output"], json!({"answer": 42}), "{record}");
    stage.end();
}

#[test]
fn a_session_is_taken_up_again() {
    let mut stage = Stage::with(EXEC);
    let (first, _) = stage.run(r#"mock:text {"text":"Noted."}"#, json!({}));
    let more = json!({"session_mode": "resume", "session_id": first["session_id"]});
    let (second, _): (Value, _) = stage.run("mock:recall", more);
    assert!(second["final_response"].as_str().unwrap().contains("2 scripted prompt(s)"), "{second}");
    assert!(second["usage"]["input_tokens"].as_u64().unwrap() <= 1200, "{second}");
    stage.end();
}

#[test]
fn a_cancelled_run_leaves_no_process_of_its_command() {
    let mut stage = Stage::with(EXEC);
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 1000 & sleep 1000"}"#, json!({}));
    stage.host.event(&run, "command_started");
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    stage.place.mark().no_agent_left();
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "cancelled", "{record}");
    stage.end();
}
