//! Calls that wait.

use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::time::Instant;

use super::client::Line;
use super::fake::{Fake, run_id};

#[tokio::test(start_paused = true)]
async fn defaults_and_bounds_of_waits() {
    let mut line = Line::legacy(Fake::default(), "claude-code").await;
    let run = run_id(1).to_string();
    line.answer("poll_events", json!({"run_id": run, "after_seq": 0})).await;
    line.answer("wait_for_runs", json!({"run_ids": [run]})).await;
    line.answer("wait_for_runs", json!({"wait_ms": 3_600_000, "mode": "all"})).await;
    assert_eq!(
        line.host.asked(),
        [
            "poll_events Some(100) Some(20000) Some(8192)",
            "wait_for_runs None 40s",
            "wait_for_runs Some(All) 110s"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_change_ends_a_wait_at_once() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let began = Instant::now();
    line.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
    line.host.waiting.notified().await;
    line.host.wake.notify_one();
    assert_eq!(line.receive().await["result"]["structuredContent"]["done"], true);
    assert_eq!(began.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_every_ten_seconds_and_only_if_asked_for() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let params = json!({"name": "wait_for_runs", "arguments": {}, "_meta": {"progressToken": "tick"}});
    line.begin("tools/call", params).await;
    for seconds in [10.0, 20.0, 30.0] {
        let progress = line.receive().await;
        assert_eq!(
            progress["params"],
            json!({"progressToken": "tick", "progress": seconds, "total": 40.0, "message": "waiting for runs"})
        );
    }
    // At forty seconds the wait ends; whether a last notification wins the race does not matter.
    let mut answer = line.receive().await;
    if answer["method"] == "notifications/progress" {
        answer = line.receive().await;
    }
    assert_eq!(answer["result"]["structuredContent"]["done"], true);
    assert_eq!(line.answer("wait_for_runs", json!({})).await["done"], true);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_stops_waiting_and_is_not_answered() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let began = Instant::now();
    let id = line.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
    line.host.waiting.notified().await;
    assert_eq!(line.host.in_flight.load(Ordering::SeqCst), 1);
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}))
        .await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
    while line.host.in_flight.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(began.elapsed().as_secs(), 0);
}

#[tokio::test]
async fn a_wait_holds_nothing_up() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    for _ in 0..20 {
        line.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
    }
    line.host.waiting.notified().await;
    assert_eq!(line.answer("list_runs", json!({})).await["total"], 1);
}
