//! How a connection ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::client::Line;
use super::fake::{Fake, run_id};
use crate::ServeError;
use crate::serve::ServeOptions;

const A_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_end_of_input_ends_every_wait_within_a_second() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    let poll = json!({"run_id": run_id(1).to_string(), "after_seq": 2, "wait_ms": 30_000});
    line.begin(
        "tools/call",
        json!({"name": "poll_events", "arguments": poll, "_meta": {"progressToken": 1}}),
    )
    .await;
    line.host.waiting.notified().await;
    line.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
    line.host.waiting.notified().await;
    line.close_input();
    timeout(A_SECOND, &mut line.server).await.expect("the server hangs").unwrap().unwrap();
    assert_eq!(line.host.in_flight.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn requests_before_the_end_of_input_are_answered() {
    let mut line = Line::legacy(Fake::default(), "test").await;
    line.begin("tools/list", json!({})).await;
    line.begin("tools/call", json!({"name": "list_runs"})).await;
    line.close_input();
    let mut answers = Vec::new();
    while let Some(answer) = line.receive_or_end().await {
        answers.push(answer["id"].as_u64().unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers, [2, 3]);
    line.server.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_goes_before_it_opened_is_no_error() {
    let mut line = Line::to(Fake::default());
    line.close_input();
    timeout(A_SECOND, line.server).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_reads_no_more_is_gone() {
    let Line { host, server, .. } = {
        let mut line = Line::legacy(Fake::default(), "test").await;
        line.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
        line.host.waiting.notified().await;
        line
    };
    timeout(A_SECOND, server).await.expect("the server hangs").unwrap().unwrap();
    assert_eq!(host.in_flight.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_shutdown_from_outside_ends_serving_in_either_state() {
    let options = ServeOptions::default();
    let shutdown = options.shutdown.clone();
    let silent = Line::with(Fake::default(), options.clone());
    let mut busy = Line::with(Fake::default(), options);
    busy.initialize("test").await;
    busy.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {}})).await;
    busy.host.waiting.notified().await;
    shutdown.cancel();
    for line in [silent, busy] {
        timeout(A_SECOND, line.server).await.expect("the server hangs").unwrap().unwrap();
    }
}

#[test]
fn errors_read_well() {
    let error = ServeError::NotWelcome { message: "no common protocol version".to_owned() };
    assert_eq!(error.to_string(), "the client could not be welcomed: no common protocol version");
}
