//! A client of the modern era is asked by the call that waits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pointsman_model::{ApprovalState, Scope};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::asked_legacy::options;
use super::client::Line;
use super::fake::Fake;
use super::people::{People, approval_id, question};

fn meta(name: &str, capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": name, "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

struct Scene {
    line: Line,
}

impl Scene {
    fn new() -> Self {
        Self::with(Fake::default())
    }

    fn with(host: Fake) -> Self {
        Self { line: Line::with(host, options(&["editor", "other"])) }
    }

    fn people(&self) -> &People {
        &self.line.host.people
    }

    async fn begin(&mut self, name: &str, tool: &str, arguments: Value, more: Value) -> u64 {
        let mut params = json!({
            "name": tool, "arguments": arguments, "_meta": meta(name, &json!({"elicitation": {"form": {}}})),
        });
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.line.begin("tools/call", params).await
    }

    async fn call(&mut self, more: Value) -> Value {
        let id = self.begin("editor", "wait_for_runs", json!({"mode": "all"}), more).await;
        let answer = self.line.receive().await;
        assert_eq!(answer["id"], id);
        answer
    }

    /// A call that is to ask; gives the form and the state.
    async fn asked(&mut self, more: Value) -> (Value, Value) {
        let answer = self.call(more).await;
        let result = &answer["result"];
        assert_eq!(result["resultType"], "input_required", "{answer}");
        let question = &result["inputRequests"]["approval"];
        assert_eq!(question["method"], "elicitation/create");
        (question["params"].clone(), result["requestState"].clone())
    }

    /// A call that is to answer.
    async fn complete(&mut self, more: Value) {
        let answer = self.call(more).await;
        assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
        assert_eq!(answer["result"]["structuredContent"]["done"], true, "{answer}");
    }

    /// Another wait, which is to answer.
    async fn complete_another(&mut self) {
        let id = self.begin("editor", "wait_for_runs", json!({"wait_ms": 1_000}), json!({})).await;
        let answer = self.line.receive().await;
        assert_eq!(
            (&answer["id"], &answer["result"]["resultType"]),
            (&json!(id), &json!("complete")),
            "{answer}"
        );
    }

    fn open(&self) -> bool {
        self.people().answers().is_empty()
    }
}

fn back(state: &Value, result: &Value) -> Value {
    json!({"requestState": state, "inputResponses": {"approval": result}})
}

fn allow() -> Value {
    json!({"action": "accept", "content": {"answer": "allow"}})
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_question_and_goes_on_with_the_answer() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Run));
    let (form, state) = scene.asked(json!({})).await;
    assert_eq!(form["mode"], "form");
    assert!(form["message"].as_str().unwrap().contains("│ make"), "{form}");
    assert_eq!(form["requestedSchema"]["properties"]["scope"]["enum"], json!(["once", "run"]));
    scene.complete(back(&state, &allow())).await;
    assert_eq!(scene.people().answers(), [json!({"answer": "allow", "by": "mcp:editor", "command": "make"})]);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_up_ends_a_wait_that_goes_on() {
    let mut scene = Scene::new();
    let began = Instant::now();
    scene.begin("editor", "wait_for_runs", json!({}), json!({})).await;
    scene.line.host.waiting.notified().await;
    scene.people().ask(question(1, "make", Scope::Once));
    let answer = scene.line.receive().await;
    assert_eq!(answer["result"]["resultType"], "input_required");
    assert_eq!(began.elapsed().as_secs(), 0);
    assert_eq!(scene.line.host.in_flight.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn only_calls_that_wait_ask() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let spawn = json!({"backend": "codex", "cwd": "/", "session_mode": "new", "prompt": "go"});
    for (tool, arguments) in [("spawn_run", spawn), ("list_runs", json!({}))] {
        scene.begin("editor", tool, arguments, json!({})).await;
        assert_eq!(scene.line.receive().await["result"]["resultType"], "complete");
    }
    let poll = json!({"run_id": super::fake::run_id(1).to_string(), "after_seq": 2});
    scene.begin("editor", "poll_events", poll, json!({})).await;
    assert_eq!(scene.line.receive().await["result"]["resultType"], "input_required");
}

/// Nothing is asked twice, and nothing that is no clear answer settles anything.
#[rstest]
#[case::closed(Some(json!({"action": "cancel"})))]
#[case::no_content(Some(json!({"action": "accept"})))]
#[case::another_word(Some(json!({"action": "accept", "content": {"answer": "yes"}})))]
#[case::nonsense(Some(json!(["allow"])))]
#[case::no_answer(None)]
#[tokio::test(start_paused = true)]
async fn what_is_no_clear_answer_leaves_the_question_open(#[case] result: Option<Value>) {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    let more = match result {
        Some(result) => back(&state, &result),
        None => json!({"requestState": state, "inputResponses": {"another": allow()}}),
    };
    scene.complete(more).await;
    scene.complete(json!({})).await;
    assert!(scene.open());
    // A yes that comes after all is no answer to anything.
    scene.complete(back(&state, &allow())).await;
    assert!(scene.open());
}

#[tokio::test(start_paused = true)]
async fn a_state_counts_once() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    scene.complete(back(&state, &allow())).await;
    // The agent asks exactly the same again: the old yes is none for it.
    let mut again = question(2, "make", Scope::Once);
    again.digest = question(1, "make", Scope::Once).digest;
    scene.people().ask(again);
    let (_, other) = scene.asked(back(&state, &allow())).await;
    assert_ne!(state, other);
    assert_eq!(scene.people().answers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_none_of_ours_is_refused_and_answers_nothing() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    let sealed = state.as_str().unwrap().to_owned();
    let mut other = Scene::new();
    other.people().ask(question(1, "make", Scope::Once));
    let (_, foreign) = other.asked(json!({})).await;
    let mut forged: Vec<Value> = vec![foreign, json!(""), json!("rs1.e30.e30"), json!("x".repeat(100_000))];
    forged.extend((0..sealed.len()).step_by(7).map(|at| {
        let mut bytes = sealed.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        json!(String::from_utf8(bytes).unwrap())
    }));
    for state in forged {
        let refused = scene.call(back(&state, &allow())).await;
        assert_eq!(refused["error"]["code"], -32602, "{state}: {refused}");
    }
    // Another call, another tool, another client: not what was asked.
    let more = back(&state, &allow());
    let poll = json!({"run_id": super::fake::run_id(1).to_string(), "after_seq": 0});
    for (name, tool, arguments) in [
        ("editor", "wait_for_runs", json!({"mode": "any"})),
        ("editor", "poll_events", poll),
        ("other", "wait_for_runs", json!({"mode": "all"})),
        ("stranger", "wait_for_runs", json!({"mode": "all"})),
    ] {
        scene.begin(name, tool, arguments, more.clone()).await;
        let refused = scene.line.receive().await;
        assert_eq!(refused["error"]["code"], -32602, "{name} {tool}: {refused}");
    }
    let alone = scene.call(json!({"inputResponses": {"approval": allow()}})).await;
    assert_eq!(alone["error"]["code"], -32602, "{alone}");
    assert!(scene.open());
    // The true one still counts.
    scene.complete(more).await;
    assert!(!scene.open());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_answered_elsewhere_makes_room_and_a_late_yes_counts_for_nothing() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    scene.people().ask(question(2, "ls", Scope::Once));
    // One after the other.
    scene.complete_another().await;
    scene.people().settle(approval_id(1), ApprovalState::Denied);
    let (form, _) = scene.asked(back(&state, &allow())).await;
    assert!(form["message"].as_str().unwrap().contains("│ ls"), "{form}");
    assert!(scene.open());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_comes_back_does_not_hold_up_the_next_question_for_ever() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    scene.people().ask(question(2, "ls", Scope::Once));
    scene.asked(json!({})).await;
    scene.complete_another().await;
    tokio::time::advance(Duration::from_secs(601)).await;
    let (form, state) = scene.asked(json!({})).await;
    assert!(form["message"].as_str().unwrap().contains("│ ls"), "{form}");
    scene.complete(back(&state, &json!({"action": "decline"}))).await;
    assert_eq!(scene.people().answers(), [json!({"answer": "deny", "by": "mcp:editor", "command": "ls"})]);
}

/// The official clients give up on a call that asks for ever.
#[tokio::test(start_paused = true)]
async fn a_hundred_questions_take_several_calls() {
    let mut scene = Scene::new();
    for n in 1..=100 {
        scene.people().ask(question(n, &format!("step {n}"), Scope::Once));
    }
    let mut more = json!({});
    let mut in_one_call = 0;
    while scene.people().answers().len() < 100 {
        let answer = scene.call(more).await;
        if answer["result"]["resultType"] == "input_required" {
            in_one_call += 1;
            assert!(in_one_call <= 8);
            more = back(&answer["result"]["requestState"], &allow());
        } else {
            in_one_call = 0;
            more = json!({});
        }
    }
    let answers = scene.people().answers();
    let commands: Vec<_> = answers.iter().map(|answer| answer["command"].as_str().unwrap()).collect();
    assert_eq!(commands, (1..=100).map(|n| format!("step {n}")).collect::<Vec<_>>());
}

/// Capabilities hold for the request that names them.
#[rstest]
#[case::no_capability("editor", json!({}))]
#[case::links_only("editor", json!({"elicitation": {"url": {}}}))]
#[case::not_named("stranger", json!({"elicitation": {"form": {}}}))]
#[tokio::test(start_paused = true)]
async fn whoever_may_not_be_asked_gets_an_answer(#[case] name: &str, #[case] capabilities: Value) {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let params = json!({"name": "wait_for_runs", "arguments": {}, "_meta": meta(name, &capabilities)});
    let answer = scene.line.request("tools/call", params).await;
    assert_eq!(answer["result"]["resultType"], "complete");
}

#[tokio::test(start_paused = true)]
async fn neither_the_agent_of_a_run_nor_anybody_in_place_of_a_secret_is_asked() {
    let host = Fake { people: People::of_an_agent(), ..Fake::default() };
    let mut scene = Scene::with(host);
    scene.people().ask(question(1, "make", Scope::Once));
    scene.complete(json!({})).await;
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    scene.people().secret.store(true, Ordering::SeqCst);
    scene.people().ask(question(2, "ls", Scope::Once));
    scene.complete(back(&state, &allow())).await;
    assert!(scene.open());
}

/// Two waits at once: one asks, the other waits; when the first has its answer, the second asks what is next.
#[tokio::test(start_paused = true)]
async fn of_two_waits_one_asks() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    scene.people().ask(question(2, "ls", Scope::Once));
    let (_, state) = scene.asked(json!({})).await;
    let second = scene.begin("editor", "wait_for_runs", json!({}), json!({})).await;
    scene.line.host.waiting.notified().await;
    let first = scene.begin("editor", "wait_for_runs", json!({"mode": "all"}), back(&state, &allow())).await;
    let answer = scene.line.receive().await;
    assert!([first, second].contains(&answer["id"].as_u64().unwrap()), "{answer}");
    assert_eq!(answer["result"]["resultType"], "input_required");
    let form = &answer["result"]["inputRequests"]["approval"]["params"];
    assert!(form["message"].as_str().unwrap().contains("│ ls"), "{form}");
}

/// A client whose handler failed calls again without an answer: the next question is put, and the first is not asked
/// again; but should its answer come after all, it counts.
#[tokio::test(start_paused = true)]
async fn a_call_that_comes_anew_has_given_up_its_question() {
    let mut scene = Scene::new();
    scene.people().ask(question(1, "make", Scope::Once));
    scene.people().ask(question(2, "ls", Scope::Once));
    let (_, first) = scene.asked(json!({})).await;
    let (form, second) = scene.asked(json!({})).await;
    assert!(form["message"].as_str().unwrap().contains("│ ls"), "{form}");
    scene.complete(back(&first, &allow())).await;
    scene.complete(back(&second, &json!({"action": "decline"}))).await;
    let answers = scene.people().answers();
    let said: Vec<_> = answers.iter().map(|it| (it["command"].as_str(), it["answer"].as_str())).collect();
    assert_eq!(said, [(Some("make"), Some("allow")), (Some("ls"), Some("deny"))]);
}
