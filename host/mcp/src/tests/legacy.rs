//! The era of `initialize`.

use serde_json::json;

use super::client::Line;
use super::fake::{Fake, run_id};
use crate::tool::Tool;

#[tokio::test]
async fn a_client_is_welcomed_and_told_how_to_go_on() {
    let mut line = Line::to(Fake::default());
    let welcome = line.initialize("test").await;
    let result = &welcome["result"];
    assert_eq!(result["protocolVersion"], "2025-06-18");
    assert_eq!(result["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert!(result["instructions"].as_str().unwrap().contains("approval_required"));

    let listed = line.request("tools/list", json!({})).await;
    let names: Vec<&str> = listed["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, Tool::ALL.map(Tool::name));
    assert_eq!(listed["result"].as_object().unwrap().keys().collect::<Vec<_>>(), ["tools"]);
    assert_eq!(line.host.asked(), Vec::<String>::new(), "a list must not touch the host");
}

#[tokio::test]
async fn an_unknown_revision_is_answered_with_the_newest_that_has_a_handshake() {
    let mut line = Line::to(Fake::default());
    let params = json!({"protocolVersion": "2031-01-01", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let welcome = line.request("initialize", params).await;
    assert_eq!(welcome["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn an_answer_is_sent_whole_as_text_and_as_structure() {
    let mut line = Line::legacy(Fake::default(), "claude-code").await;
    let spawned = line
        .answer(
            "spawn_run",
            json!({"backend": "codex", "role": "worker", "cwd": "/x", "session_mode": "new", "prompt": "go", "later": 1}),
        )
        .await;
    assert_eq!(spawned["status"], "queued");
    assert_eq!(line.host.asked(), ["spawn_run by claude-code 1.2.3: go"]);
    let result = line.call("get_run", json!({"run_id": run_id(1).to_string()})).await;
    assert_eq!(result.get("isError"), None);
    assert!(!result["content"][0]["text"].as_str().unwrap().contains('\n'));
}

#[tokio::test]
async fn failures_are_results() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    assert_eq!(line.failure("get_run", json!({"run_id": "nope"})).await, "Error: Unknown run_id: nope");
    let run = json!({"run_id": run_id(1).to_string()});
    assert_eq!(line.failure("cancel_run", run).await, "Error: run is already terminal: completed");
    assert_eq!(
        line.failure("answer_approval", json!({})).await,
        "MCP error -32602: Tool answer_approval not found"
    );
    let long = "x".repeat(100_000);
    let text = line.failure("get_run", json!({"run_id": long})).await;
    assert!(text.len() <= 8_192 && text.ends_with('…'));
}

#[tokio::test]
async fn unknown_methods_are_refused_and_the_connection_stays() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let refused = line.request("tools/forget", json!({})).await;
    assert_eq!(refused["error"]["code"], -32601);
    assert!(refused["error"]["message"].as_str().unwrap().contains("tools/forget"));
    let misshapen = line.request("tools/call", json!({"name": "list_runs", "arguments": [1]})).await;
    assert_eq!(misshapen["error"]["code"], -32602, "{misshapen}");
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/unheard_of"})).await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn nothing_that_precedes_the_handshake_closes_the_connection() {
    let mut line = Line::to(Fake::default());
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}))
        .await;
    line.send(json!({"jsonrpc": "2.0", "id": 77, "result": {}})).await;
    let refused = line.request("server/guess", json!({})).await;
    assert_eq!(refused["error"]["code"], -32601);
    let early = line.request("tools/list", json!({})).await;
    assert_eq!(early["error"]["code"], -32602);
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
    assert_eq!(line.initialize("test").await["result"]["protocolVersion"], "2025-06-18");
    assert!(line.request("tools/list", json!({})).await["result"]["tools"].is_array());
}

#[tokio::test]
async fn lines_that_are_no_messages_are_skipped() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    line.write("{\"jsonrpc\": \"2.0\", \"id\": 5, \"method\"\n\n   \nContent-Length: 12\n\u{1}\u{2}\n").await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
}

#[tokio::test]
async fn a_line_without_end_is_dropped() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let piece = "x".repeat(1 << 20);
    for _ in 0..18 {
        line.write(&piece).await;
    }
    line.write("\n").await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
}
