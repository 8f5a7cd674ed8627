//! A client of the legacy era is asked what waits for its person.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_model::{ApprovalState, Scope};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::Line;
use super::fake::Fake;
use super::people::{People, approval_id, question};
use crate::elicit::Elicitation;
use crate::serve::ServeOptions;

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn options(clients: &[&str]) -> ServeOptions {
    let clients = clients.iter().map(|&client| client.to_owned()).collect();
    let elicitation = Elicitation { clients, timeout: 10 * MINUTE, instead_of_secret: false };
    ServeOptions { elicitation, ..ServeOptions::default() }
}

async fn welcomed(host: Fake, name: &str, capabilities: Value) -> Line {
    let mut line = Line::with(host, options(&["editor"]));
    let params = json!({
        "protocolVersion": "2025-06-18", "capabilities": capabilities,
        "clientInfo": {"name": name, "version": "1"},
    });
    line.request("initialize", params).await;
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    line
}

async fn editor() -> Line {
    welcomed(Fake::default(), "editor", json!({"elicitation": {}})).await
}

/// Waits for the next thing that the server asks, and answers with what it is given.
async fn reply(line: &mut Line, result: Value) -> Value {
    let asked = line.receive().await;
    assert_eq!(asked["method"], "elicitation/create", "{asked}");
    line.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": result})).await;
    asked["params"].clone()
}

/// Nothing comes: what was sent before is through once a ping is answered, and then some.
async fn silent(line: &mut Line) {
    tokio::time::sleep(MINUTE).await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
}

async fn until_answers(line: &Line, count: usize) -> Vec<Value> {
    while line.host.people.answers().len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    line.host.people.answers()
}

#[tokio::test(start_paused = true)]
async fn a_person_sees_the_exact_request_and_allows_it() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "git push --force\u{1b}[2K", Scope::Session));
    let accept = json!({"action": "accept", "content": {"answer": "allow"}});
    let shown = reply(&mut line, accept).await;
    insta::assert_json_snapshot!(shown);
    let answers = until_answers(&line, 1).await;
    assert_eq!(
        answers,
        [json!({"answer": "allow", "by": "mcp:editor", "command": "git push --force\u{1b}[2K"})]
    );
}

#[rstest]
#[case::allowed(json!({"answer": "allow"}), json!({"answer": "allow"}))]
#[case::for_the_run(json!({"answer": "allow", "scope": "run"}), json!({"answer": "allow", "scope": "run"}))]
#[case::for_the_session(
    json!({"answer": "allow", "scope": "session"}),
    json!({"answer": "allow", "scope": "session", "until": "2026-11-18T11:36:40.000Z"})
)]
#[case::once(json!({"answer": "allow", "scope": "once", "feedback": "fine"}), json!({"answer": "allow"}))]
#[case::denied(json!({"answer": "deny"}), json!({"answer": "deny"}))]
#[case::denied_with_a_word(
    json!({"answer": "deny", "feedback": " use a branch\u{7} ", "scope": "run"}),
    json!({"answer": "deny", "feedback": "use a branch\\x07"})
)]
#[tokio::test(start_paused = true)]
async fn what_is_chosen_is_what_is_answered(#[case] content: Value, #[case] answer: Value) {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Session));
    reply(&mut line, json!({"action": "accept", "content": content})).await;
    let mut answer = answer;
    answer["by"] = json!("mcp:editor");
    answer["command"] = json!("make");
    assert_eq!(until_answers(&line, 1).await, [answer]);
}

#[tokio::test(start_paused = true)]
async fn a_person_who_declines_denies() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Once));
    reply(&mut line, json!({"action": "decline", "content": {"answer": "allow"}})).await;
    let denied = json!({"answer": "deny", "by": "mcp:editor", "command": "make"});
    assert_eq!(until_answers(&line, 1).await, [denied]);
}

/// Whatever is no clear answer leaves the question open, and nobody is asked about it again; the next one is put.
#[rstest]
#[case::closed(json!({"action": "cancel"}))]
#[case::closed_with_content(json!({"action": "cancel", "content": {"answer": "allow"}}))]
#[case::no_content(json!({"action": "accept"}))]
#[case::empty(json!({"action": "accept", "content": {}}))]
#[case::null(json!({"action": "accept", "content": null}))]
#[case::a_list(json!({"action": "accept", "content": ["allow"]}))]
#[case::a_text(json!({"action": "accept", "content": "allow"}))]
#[case::yes(json!({"action": "accept", "content": {"answer": true}}))]
#[case::another_word(json!({"action": "accept", "content": {"answer": "Allow"}}))]
#[case::another_key(json!({"action": "accept", "content": {"allow": "allow"}}))]
#[case::several(json!({"action": "accept", "content": {"answer": ["allow"]}}))]
#[case::wider_than_may_be(json!({"action": "accept", "content": {"answer": "allow", "scope": "session"}}))]
#[case::odd_scope(json!({"action": "accept", "content": {"answer": "allow", "scope": 1}}))]
#[case::long_feedback(json!({"action": "accept", "content": {"answer": "deny", "feedback": "x".repeat(2_001)}}))]
#[case::odd_feedback(json!({"action": "accept", "content": {"answer": "deny", "feedback": {"x": 1}}}))]
#[case::another_action(json!({"action": "agree", "content": {"answer": "allow"}}))]
#[case::no_action(json!({"content": {"answer": "allow"}}))]
#[case::nothing(json!({}))]
#[case::sampled(json!({"role": "assistant", "content": {"type": "text", "text": "allow"}, "model": "m"}))]
#[case::number(json!(1))]
#[tokio::test(start_paused = true)]
async fn what_is_no_clear_answer_leaves_the_question_open(#[case] result: Value) {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Run));
    line.host.people.ask(question(2, "ls", Scope::Run));
    reply(&mut line, result).await;
    let deny = json!({"action": "decline"});
    let next = reply(&mut line, deny).await;
    assert!(next["message"].as_str().unwrap().contains("ls"), "{next}");
    assert_eq!(
        until_answers(&line, 1).await,
        [json!({"answer": "deny", "by": "mcp:editor", "command": "ls"})]
    );
    silent(&mut line).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_fails_leaves_the_question_open() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Once));
    let asked = line.receive().await;
    let error = json!({"code": -32601, "message": "I cannot do that"});
    line.send(json!({"jsonrpc": "2.0", "id": asked["id"], "error": error})).await;
    silent(&mut line).await;
    assert_eq!(line.host.people.answers(), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_answered_elsewhere_is_taken_back_and_a_late_yes_counts_for_nothing() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Once));
    let asked = line.receive().await;
    line.host.people.settle(approval_id(1), ApprovalState::Denied);
    let back = line.receive().await;
    assert_eq!(back["method"], "notifications/cancelled");
    assert_eq!(back["params"]["requestId"], asked["id"]);
    assert_eq!(back["params"]["reason"], "it was denied elsewhere");
    let yes = json!({"action": "accept", "content": {"answer": "allow"}});
    line.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": yes})).await;
    silent(&mut line).await;
    assert_eq!(line.host.people.answers(), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_nobody_answers_in_time_makes_room_for_the_next() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Once));
    line.host.people.ask(question(2, "ls", Scope::Once));
    let asked = line.receive().await;
    let began = Instant::now();
    let back = line.receive().await;
    assert_eq!(began.elapsed().as_secs(), 600);
    assert_eq!(
        (&back["method"], &back["params"]["requestId"]),
        (&json!("notifications/cancelled"), &asked["id"])
    );
    let next = reply(&mut line, json!({"action": "cancel"})).await;
    assert!(next["message"].as_str().unwrap().contains("ls"), "{next}");
    assert_eq!(line.host.people.answers(), Vec::<Value>::new());
}

/// One dialog after the other, however many wait; those that are settled meanwhile are passed over.
#[tokio::test(start_paused = true)]
async fn a_hundred_questions_come_one_after_the_other() {
    let mut line = editor().await;
    for n in 1..=100 {
        line.host.people.ask(question(n, &format!("step {n}"), Scope::Once));
    }
    let first = line.receive().await;
    assert_eq!(line.request("ping", json!({})).await["result"], json!({}));
    for n in 50..=100 {
        line.host.people.settle(approval_id(n), ApprovalState::Expired);
    }
    let deny = json!({"action": "decline"});
    line.send(json!({"jsonrpc": "2.0", "id": first["id"], "result": deny})).await;
    for _ in 2..50 {
        reply(&mut line, deny.clone()).await;
    }
    let answers = until_answers(&line, 49).await;
    let commands: Vec<_> = answers.iter().map(|answer| answer["command"].as_str().unwrap()).collect();
    assert_eq!(commands, (1..50).map(|n| format!("step {n}")).collect::<Vec<_>>());
    silent(&mut line).await;
}

#[rstest]
#[case::no_capability("editor", json!({}))]
#[case::links_only("editor", json!({"elicitation": {"url": {}}}))]
#[case::not_named("other", json!({"elicitation": {"form": {}}}))]
#[case::another_case("Editor", json!({"elicitation": {"form": {}}}))]
#[tokio::test(start_paused = true)]
async fn whoever_the_operator_does_not_name_or_cannot_show_a_form_is_not_asked(
    #[case] name: &str,
    #[case] capabilities: Value,
) {
    let mut line = welcomed(Fake::default(), name, capabilities).await;
    line.host.people.ask(question(1, "make", Scope::Once));
    silent(&mut line).await;
}

#[tokio::test(start_paused = true)]
async fn the_agent_of_a_run_is_never_asked() {
    let host = Fake { people: People::of_an_agent(), ..Fake::default() };
    let mut line = welcomed(host, "editor", json!({"elicitation": {}})).await;
    line.host.people.ask(question(1, "make", Scope::Once));
    silent(&mut line).await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_in_place_of_a_secret() {
    let mut line = editor().await;
    line.host.people.secret.store(true, Ordering::SeqCst);
    line.host.people.ask(question(1, "make", Scope::Once));
    silent(&mut line).await;
    // One that is set while a question is open counts, too.
    line.host.people.secret.store(false, Ordering::SeqCst);
    line.host.people.ask(question(2, "ls", Scope::Once));
    let asked = line.receive().await;
    line.host.people.secret.store(true, Ordering::SeqCst);
    let yes = json!({"action": "accept", "content": {"answer": "allow"}});
    line.send(json!({"jsonrpc": "2.0", "id": asked["id"], "result": yes})).await;
    silent(&mut line).await;
    assert_eq!(line.host.people.answers(), Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_in_the_middle_leaves_the_question_open() {
    let mut line = editor().await;
    line.host.people.ask(question(1, "make", Scope::Once));
    assert_eq!(line.receive().await["method"], "elicitation/create");
    line.close_input();
    tokio::time::timeout(Duration::from_secs(1), &mut line.server)
        .await
        .expect("the server hangs")
        .unwrap()
        .unwrap();
    assert_eq!(line.host.people.answers(), Vec::<Value>::new());
}

/// A second `initialized` must not have everything asked twice.
#[tokio::test(start_paused = true)]
async fn a_client_is_asked_once() {
    let mut line = editor().await;
    line.send(json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    line.host.people.ask(question(1, "make", Scope::Once));
    reply(&mut line, json!({"action": "cancel"})).await;
    silent(&mut line).await;
}
