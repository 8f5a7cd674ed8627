//! What is said about arguments that are wrong.

use rstest::rstest;
use serde_json::{Value, json};

use super::client::Line;
use super::fake::{Fake, run_id};

async fn issues(tool: &str, arguments: Value) -> Vec<(String, String, String)> {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let text = line.failure(tool, arguments).await;
    let start = format!("MCP error -32602: Input validation error: Invalid arguments for tool {tool}: ");
    let list: Vec<Value> = serde_json::from_str(text.strip_prefix(&start).expect(&text)).unwrap();
    assert_eq!(line.host.asked(), Vec::<String>::new());
    list.into_iter()
        .map(|issue| {
            let text = |key: &str| issue[key].as_str().unwrap().to_owned();
            (text("code"), issue["path"].to_string(), text("message"))
        })
        .collect()
}

#[tokio::test]
async fn everything_is_said_at_once() {
    let found =
        issues("spawn_run", json!({"role": "boss", "cwd": 5, "session_mode": "resume", "prompt": ""})).await;
    let expected = [
        ("invalid_type", r#"["cwd"]"#, "cwd must be a string, not a number"),
        ("too_small", r#"["prompt"]"#, "prompt must not be empty"),
        (
            "invalid_value",
            r#"["role"]"#,
            r#"role must be one of "planner", "worker", "reviewer", not "boss""#,
        ),
        ("custom", r#"["backend"]"#, "backend is required: give it, or a profile that does"),
        ("custom", r#"["session_id"]"#, r#"session_id is required when session_mode is "resume""#),
    ];
    assert_eq!(found, expected.map(|(code, path, text)| (code.to_owned(), path.to_owned(), text.to_owned())));
}

#[rstest]
#[case("poll_events", json!({"run_id": "x"}), r#"["after_seq"]"#, "after_seq is required: a whole number")]
#[case("poll_events", json!({"run_id": "x", "after_seq": -1}), r#"["after_seq"]"#, "after_seq must be at least 0, not -1")]
#[case("poll_events", json!({"run_id": "x", "after_seq": 0, "limit": 0}), r#"["limit"]"#, "limit must be at least 1, not 0")]
#[case("poll_events", json!({"run_id": "x", "after_seq": 0, "limit": 1001}), r#"["limit"]"#, "limit must be at most 1000, not 1001")]
#[case("poll_events", json!({"run_id": "x", "after_seq": 0, "wait_ms": 30_001}), r#"["wait_ms"]"#, "wait_ms must be at most 30000, not 30001")]
#[case("poll_events", json!({"run_id": "x", "after_seq": 1.5}), r#"["after_seq"]"#, "after_seq must be a whole number, not 1.5")]
#[case("poll_events", json!({"after_seq": 0, "run_id": "", "agent_name": null}), r#"["run_id"]"#, "run_id or agent_name is required, to name the run")]
#[case("get_event_artifact", json!({"run_id": "x", "seq": 0, "field_path": "/a"}), r#"["seq"]"#, "seq must be at least 1, not 0")]
#[case("get_event_artifact", json!({"run_id": "x", "seq": 1, "field_path": "/a", "limit": 262_145}), r#"["limit"]"#, "limit must be at most 262144, not 262145")]
#[case("list_runs", json!({"status": "done"}), r#"["status"]"#, "status must be one of \"queued\", \"approval_required\", \"running\", \"input_required\", \"auth_required\", \"completed\", \"failed\", \"cancelled\", \"rejected\", not \"done\"")]
#[case("continue_run", json!({"run_id": "x", "input_message": "go on"}), r#"["input_message"]"#, "input_message must be an object, not a string")]
#[case("continue_run", json!({"run_id": "x", "input_message": {"role": "user", "parts": []}}), r#"["input_message","parts"]"#, "input_message.parts must not be empty")]
#[case("continue_run", json!({"run_id": "x", "input_message": {"role": "user", "parts": [{"type": "text"}]}}), r#"["input_message","parts",0,"text"]"#, "input_message.parts[0].text is required when type is \"text\"")]
#[case("send_agent_message", json!({"to_agent_name": "a", "message": {"role": "user", "parts": [{"type": "text", "text": ""}]}}), r#"["message","parts",0,"text"]"#, "message.parts[0].text must not be empty")]
#[case("wait_for_runs", json!({"run_ids": "x"}), r#"["run_ids"]"#, "run_ids must be an array, not a string")]
#[case("wait_for_runs", json!({"run_ids": vec!["x"; 257]}), r#"["run_ids"]"#, "run_ids must have at most 256 items, not 257")]
#[case("spawn_run", json!({"backend": "codex", "role": "worker", "cwd": "/", "session_mode": "new"}), r#"["prompt"]"#, "Either prompt or input_message is required")]
#[tokio::test]
async fn one_thing_wrong(
    #[case] tool: &str,
    #[case] arguments: Value,
    #[case] path: &str,
    #[case] message: &str,
) {
    let found = issues(tool, arguments).await;
    let shown: Vec<(&str, &str)> =
        found.iter().map(|(_, path, message)| (path.as_str(), message.as_str())).collect();
    assert_eq!(shown, [(path, message)]);
}

#[tokio::test]
async fn numbers_beyond_every_range_are_said_too() {
    for wait in [json!(1e300), json!(u64::MAX)] {
        assert_eq!(issues("wait_for_runs", json!({"wait_ms": wait})).await.len(), 1);
    }
}

#[tokio::test]
async fn there_is_an_end_to_complaints() {
    let parts = vec![json!({"type": "nothing"}); 500];
    assert_eq!(
        issues("continue_run", json!({"input_message": {"role": "user", "parts": parts}})).await.len(),
        20
    );
}

#[tokio::test]
async fn null_means_absent_and_unknown_keys_mean_nothing() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let run = run_id(1).to_string();
    let arguments =
        json!({"run_id": run, "agent_name": "", "cwd": null, "after_seq": 0.0, "limit": null, "new_key": {}});
    assert_eq!(line.answer("poll_events", arguments).await["next_after_seq"], 2);
    let parts = json!([{"type": "file", "uri": "file:///a", "mime_type": null, "size": 4}, {"type": "data", "data": {"a": null}}]);
    let message = json!({"role": "user", "parts": parts, "metadata": null, "kind": "message"});
    line.answer("continue_run", json!({"run_id": run, "input_message": message})).await;
}
