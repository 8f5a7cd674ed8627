//! The era without a handshake: every request is complete in itself.

use serde_json::{Value, json};

use super::client::Line;
use super::fake::{Fake, run_id};

fn meta(name: &str) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": name, "version": "9"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

#[tokio::test]
async fn discovery_and_lists_say_how_long_they_hold() {
    let mut line = Line::to(Fake::default());
    let found = line.request("server/discover", json!({"_meta": meta("test")})).await;
    let result = &found["result"];
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")));
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["ttlMs"], 300_000);
    assert_eq!(result["cacheScope"], "public");
    assert_eq!(result["capabilities"], json!({"tools": {}}));
    assert_eq!(result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "pointsman");
    assert!(result["instructions"].is_string());

    let listed = line.request("tools/list", json!({"_meta": meta("test")})).await;
    let result = &listed["result"];
    assert_eq!(result["tools"].as_array().unwrap().len(), 12);
    assert_eq!((&result["resultType"], &result["ttlMs"]), (&json!("complete"), &json!(300_000)));
    assert_eq!(result["cacheScope"], "public");
    assert_eq!(line.host.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn every_request_says_who_calls() {
    let mut line = Line::to(Fake::default());
    for name in ["codex-mcp-client", "claude-code"] {
        let arguments =
            json!({"backend": "codex", "role": "worker", "cwd": "/", "session_mode": "new", "prompt": name});
        let answer = line
            .request("tools/call", json!({"name": "spawn_run", "arguments": arguments, "_meta": meta(name)}))
            .await;
        assert_eq!(answer["result"]["resultType"], "complete");
        assert_eq!(answer["result"]["structuredContent"]["status"], "queued");
    }
    assert_eq!(
        line.host.asked(),
        ["spawn_run by codex-mcp-client 9: codex-mcp-client", "spawn_run by claude-code 9: claude-code"]
    );
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error_and_bad_arguments_are_a_result() {
    let mut line = Line::to(Fake::default());
    let unknown =
        line.request("tools/call", json!({"name": "nope", "arguments": {}, "_meta": meta("test")})).await;
    assert_eq!(unknown["error"], json!({"code": -32602, "message": "Tool nope not found"}));
    let bad = line.request("tools/call", json!({"name": "get_run", "_meta": meta("test")})).await;
    assert_eq!(bad["result"]["isError"], true);
    let failed = line
        .request(
            "tools/call",
            json!({"name": "get_run", "arguments": {"run_id": "x"}, "_meta": meta("test")}),
        )
        .await;
    assert_eq!(failed["result"]["content"][0]["text"], "Error: Unknown run_id: x");
    let refused = line.request("tools/forget", json!({"_meta": meta("test")})).await;
    assert_eq!(refused["error"]["code"], -32601);
    assert_eq!(line.request("ping", json!({"_meta": meta("test")})).await["error"]["code"], -32601);
}

#[tokio::test]
async fn an_unknown_revision_is_refused_with_those_that_are_known() {
    let mut line = Line::to(Fake::default());
    let mut meta = meta("test");
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2031-01-01");
    let refused = line.request("tools/list", json!({"_meta": meta})).await;
    assert_eq!(refused["error"]["code"], -32022, "{refused}");
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}))
        .await;
    let listed = line.request("tools/list", json!({"_meta": self::meta("test")})).await;
    assert!(listed["result"]["tools"].is_array());
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_where_it_was_asked_for() {
    let mut line = Line::to(Fake::default());
    let mut meta = meta("test");
    meta["progressToken"] = json!(7);
    let arguments = json!({"run_id": run_id(1).to_string(), "after_seq": 2});
    let id =
        line.begin("tools/call", json!({"name": "poll_events", "arguments": arguments, "_meta": meta})).await;
    let progress = line.receive().await;
    assert_eq!(progress["method"], "notifications/progress");
    assert_eq!(
        progress["params"],
        json!({"progressToken": 7, "progress": 10.0, "total": 20.0, "message": "waiting for an event"})
    );
    let answer = line.receive().await;
    assert_eq!(answer["id"], id);
    assert_eq!(answer["result"]["structuredContent"]["events"], json!([]));
}
