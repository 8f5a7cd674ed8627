//! What no recording shows: agents that do what the protocol allows and nobody was seen doing, and hosts that say no.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod scene;

use pointsman_acp::{IDLE_TIMER, PACE_TIMER, PROCESS, STOP_TIMER};
use pointsman_sdk::backend::{Answer, Effect, Ending, Exit, Input, InterruptionKind, Refused, Stop, Task};
use pointsman_sdk::rehearsal::a_task;
use pointsman_sdk::types::{Access, Message, Speaker};
use rstest::rstest;
use scene::{Scene, config, permission, task};
use serde_json::{Value, json};

// --- Questions ---------------------------------------------------------------------------------------------------

#[test]
fn a_question_with_a_text_for_an_id_that_nobody_announced_gets_its_tool_event_first() {
    let mut scene = Scene::prompted();
    scene.says(&permission("7f3c-text", json!({ "toolCallId": "t", "title": "rm -r /", "kind": "execute" })));
    let kinds: Vec<&str> = scene.run.effects().iter().rev().take(2).map(name).collect();
    assert_eq!(kinds, ["ask-permission", "emit"]);
    let begun = scene.events("command_started").pop().unwrap();
    assert_eq!((&begun["item"], &begun["data"]["command"]), (&json!("t"), &json!("rm -r /")));
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.last(), selected("7f3c-text", "yes"));
}

fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Emit(_) => "emit",
        Effect::AskPermission(_) => "ask-permission",
        _ => "other",
    }
}

fn selected(id: &str, option: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": { "outcome": "selected", "optionId": option } } })
}

fn outcome_cancelled(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": { "outcome": "cancelled" } } })
}

#[test]
fn a_question_about_nothing_known_is_asked_as_such() {
    let mut scene = Scene::prompted();
    scene.says(&json!({ "id": "q", "method": "session/request_permission", "params": { "options": [] } }));
    let asked = scene.asked();
    assert_eq!((asked.kind.as_str(), asked.item.as_deref()), ("tool", Some("permission-1")));
    scene.answers("permission-1", Answer::Deny("no".to_owned()));
    assert_eq!(scene.last(), outcome_cancelled("q"), "there is no option to reject by");
}

#[test]
fn a_yes_for_once_never_becomes_one_for_ever() {
    let mut scene = Scene::prompted();
    let mut question = permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" }));
    question["params"]["options"] = json!([
        { "optionId": "always", "kind": "allow_always", "name": "Always" },
        { "optionId": "never", "kind": "reject_always", "name": "Never" },
    ]);
    scene.says(&question);
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.last(), selected("q", "never"));
    assert_eq!(scene.events("x_acp_permission_unanswerable").len(), 1);
}

#[test]
fn what_was_said_about_a_denial_reaches_the_agent_when_its_turn_is_over() {
    let mut scene = Scene::prompted();
    scene.says(&permission(
        "a",
        json!({ "toolCallId": "t", "title": "git push\nand more", "kind": "execute" }),
    ));
    scene.answers("permission-1", Answer::Deny("main is protected".to_owned()));
    assert_eq!(scene.last(), selected("a", "no"));
    scene.ends_turn("cancelled");
    let prompt = scene.last();
    let words = prompt["params"]["prompt"][0]["text"].as_str().unwrap();
    assert!(words.contains("- git push: main is protected"), "{words}");
    assert_eq!(scene.events("command_finished")[0]["data"]["status"], "declined");
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "I leave it." } }));
    scene.ends_turn("end_turn");
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (Ending::Completed, Some("I leave it.")));
}

#[test]
fn an_agent_with_nothing_to_add_to_a_denial_keeps_its_answer() {
    let mut scene = Scene::prompted();
    scene.says(&permission("a", json!({ "toolCallId": "t", "title": "git push", "kind": "execute" })));
    scene.answers("permission-1", Answer::Deny("main is protected".to_owned()));
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "Not pushed." } }));
    scene.ends_turn("end_turn");
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().final_response.as_deref(), Some("Not pushed."));
}

#[test]
fn an_agent_that_asks_for_the_same_for_ever_is_not_listened_to_for_ever() {
    let mut scene = Scene::prompted();
    for turn in 1..=21 {
        scene.says(&permission(
            "q",
            json!({ "toolCallId": format!("t{turn}"), "title": "ls", "kind": "execute" }),
        ));
        scene.answers(&format!("permission-{turn}"), Answer::Deny("no".to_owned()));
        scene.ends_turn("end_turn");
    }
    assert_eq!(scene.exits().ending, Ending::Completed);
}

#[test]
fn a_question_that_the_agent_takes_back_is_withdrawn() {
    let mut scene = Scene::prompted();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    scene.says(&json!({ "method": "$/cancel_request", "params": { "requestId": "q" } }));
    assert!(scene.run.effects().contains(&Effect::WithdrawPermission("permission-1".to_owned())));
    assert_eq!((&scene.last()["id"], &scene.last()["error"]["code"]), (&json!("q"), &json!(-32800)));
    let before = scene.sent().len();
    scene.answers("permission-1", Answer::Allow);
    assert_eq!(scene.sent().len(), before, "an answer that crossed it goes nowhere");
}

#[test]
fn a_question_that_outlives_its_turn_is_withdrawn() {
    let mut scene = Scene::prompted();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    scene.ends_turn("end_turn");
    assert!(scene.run.effects().contains(&Effect::WithdrawPermission("permission-1".to_owned())));
    assert!(scene.sent().contains(&outcome_cancelled("q")));
}

// --- Cancelling --------------------------------------------------------------------------------------------------

#[test]
fn a_cancelled_run_tells_the_agent_and_answers_what_is_open() {
    let mut scene = Scene::prompted();
    for id in ["a", "b"] {
        scene.says(&permission(id, json!({ "toolCallId": id, "title": "ls", "kind": "execute" })));
    }
    scene.input(Input::Cancel("enough".to_owned()));
    scene.input(Input::Cancel("enough, I said".to_owned()));
    let sent = scene.sent();
    let said: Vec<&Value> = sent.iter().rev().take(3).rev().collect();
    assert_eq!(said[0]["method"], "session/cancel");
    assert_eq!([said[1], said[2]], [&outcome_cancelled("a"), &outcome_cancelled("b")]);
    scene.says(&permission("c", json!({ "toolCallId": "c", "title": "ls", "kind": "execute" })));
    assert_eq!(scene.last(), outcome_cancelled("c"), "nobody is asked any more");
    scene.ends_turn("cancelled");
    assert!(scene.run.effects().contains(&Effect::CloseInput(PROCESS)));
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
}

#[test]
fn an_agent_that_does_not_end_is_asked_more_and_more_firmly() {
    let mut scene = Scene::prompted();
    scene.input(Input::Cancel("enough".to_owned()));
    assert_eq!(scene.stops(), [], "the protocol's way first");
    scene.input(Input::Timer(PACE_TIMER));
    for _ in 0..3 {
        scene.input(Input::Timer(STOP_TIMER));
    }
    assert_eq!(scene.stops(), [Stop::Interrupt, Stop::Terminate, Stop::Kill]);
    scene.run.exited(PROCESS, Exit::Signal(9), "").unwrap();
    assert_eq!(scene.run.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn an_agent_that_stays_when_its_input_ends_is_stopped_and_its_answer_stands() {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "done" } }),
    );
    scene.ends_turn("end_turn");
    scene.input(Input::Timer(PACE_TIMER));
    assert_eq!(scene.stops(), []);
    scene.input(Input::Timer(PACE_TIMER));
    assert_eq!(scene.stops(), [Stop::Interrupt]);
    scene.run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    let outcome = scene.run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (Ending::Completed, Some("done")));
}

#[test]
fn a_run_cancelled_before_its_turn_is_stopped_at_once() {
    let mut scene = Scene::begun(task());
    scene.input(Input::Cancel("enough".to_owned()));
    assert_eq!(scene.stops(), [Stop::Interrupt]);
    assert_eq!(scene.exits().ending, Ending::Cancelled);
}

// --- The session -------------------------------------------------------------------------------------------------

#[test]
fn another_version_of_the_protocol_is_a_clear_failure() {
    let mut scene = Scene::begun(task());
    scene.answer(json!({ "protocolVersion": 2 }));
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("unsupported_protocol"));
    assert!(outcome.error.unwrap().contains("version 2"));
}

#[rstest]
#[case::can_resume(json!({ "loadSession": true, "sessionCapabilities": { "resume": {} } }), Some("session/resume"))]
#[case::can_load(json!({ "loadSession": true }), Some("session/load"))]
#[case::can_neither(json!({}), None)]
fn a_session_is_taken_up_as_the_agent_can(#[case] can: Value, #[case] method: Option<&str>) {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": can }));
    match method {
        Some(method) => {
            assert_eq!(
                (&scene.last()["method"], &scene.last()["params"]["sessionId"]),
                (&json!(method), &json!("s"))
            );
            scene.answer(Value::Null);
            if method == "session/load" {
                scene.input(Input::Timer(PACE_TIMER));
            }
            assert_eq!(scene.last()["method"], "session/prompt");
            assert_eq!(scene.run.remembered().unwrap()["session_id"], "s");
        }
        None => assert_eq!(scene.exits().reason.as_deref(), Some("resume_unsupported")),
    }
}

#[test]
fn an_agent_that_cannot_resume_after_all_loads() {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    let can = json!({ "loadSession": true, "sessionCapabilities": { "resume": {} } });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": can }));
    scene.fails(-32601, "Method not found", Value::Null);
    assert_eq!(scene.last()["method"], "session/load");
}

#[rstest]
#[case::the_same_minute(json!({ "session_id": "s", "opened_at": 1 }), true)]
#[case::another(json!({ "session_id": "s", "opened_at": 60_001 }), false)]
fn gemini_is_given_time_for_its_files(#[case] remembered: Value, #[case] waits: bool) {
    let mut scene = Scene::begun(Task { resume: Some(remembered.to_string()), ..task() });
    scene.answer(json!({
        "protocolVersion": 1, "agentInfo": { "name": "gemini-cli" }, "agentCapabilities": { "loadSession": true },
    }));
    assert_eq!(scene.last()["method"], if waits { "initialize" } else { "session/load" });
    if waits {
        assert!(scene.run.effects().contains(&Effect::SetTimer((PACE_TIMER, 60_999))));
        scene.input(Input::Timer(PACE_TIMER));
        assert_eq!(scene.last()["method"], "session/load");
    }
}

#[test]
fn a_history_that_comes_behind_its_answer_is_no_news() {
    let mut scene = Scene::begun(Task { resume: Some(json!({ "session_id": "s" }).to_string()), ..task() });
    scene.answer(json!({ "protocolVersion": 1, "agentCapabilities": { "loadSession": true } }));
    let old = json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "old" } });
    scene.update(old.clone());
    scene.answer(json!({}));
    scene.update(old);
    assert_eq!(scene.last()["method"], "session/load", "more may come");
    scene.input(Input::Timer(PACE_TIMER));
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "new" } }),
    );
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().final_response.as_deref(), Some("new"));
    assert_eq!(scene.events("agent_message").len(), 1);
    assert_eq!(scene.events("x_acp_history_skipped")[0]["data"]["updates"], 2);
}

#[test]
fn modes_models_and_options_are_set_before_the_prompt() {
    let config = config(json!({
        "modes": { "workspace-write": "careful" }, "model": "large", "options": { "loud": true },
    }));
    let mut scene = Scene::begun(Task { config, ..task() });
    scene.answer(json!({ "protocolVersion": 1 }));
    scene.answer(json!({
        "sessionId": "s",
        "modes": { "currentModeId": "wild", "availableModes": [{ "id": "wild" }, { "id": "careful" }] },
        "models": { "currentModelId": "small", "availableModels": [{ "modelId": "large" }] },
    }));
    let mut said = Vec::new();
    for _ in 0..3 {
        said.push(json!([scene.last()["method"], scene.last()["params"]]));
        scene.answer(json!({}));
    }
    assert_eq!(
        said,
        [
            json!(["session/set_mode", { "modeId": "careful", "sessionId": "s" }]),
            json!(["session/set_model", { "modelId": "large", "sessionId": "s" }]),
            json!(["session/set_config_option", { "configId": "loud", "sessionId": "s", "type": "boolean", "value": true }]),
        ]
    );
    assert_eq!(scene.last()["method"], "session/prompt");
}

#[test]
fn a_setting_that_the_agent_refuses_fails_the_run_by_its_name() {
    let mut scene = Scene::begun(Task { config: config(json!({ "options": { "loud": "very" } })), ..task() });
    scene.answer(json!({ "protocolVersion": 1 }));
    scene.answer(json!({ "sessionId": "s" }));
    scene.fails(-32602, "no such value", Value::Null);
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("bad_configuration"));
    assert!(outcome.error.unwrap().contains("option loud to \"very\": no such value"));
}

#[test]
fn a_profile_stands_in_front_and_a_schema_behind() {
    let schema = r#"{"type":"integer"}"#;
    let mut scene = Scene::begun(Task {
        instructions: Some("Be brief.".to_owned()),
        output_schema: Some(schema.to_owned()),
        ..task()
    });
    scene.opens();
    let blocks = scene.last()["params"]["prompt"].as_array().unwrap().clone();
    let texts: Vec<&str> = blocks.iter().map(|block| block["text"].as_str().unwrap()).collect();
    assert!(texts[0].contains("Be brief.") && texts[0].ends_with("</system_instructions>"), "{texts:?}");
    assert_eq!(texts[1], "do it");
    assert!(texts[2].ends_with(schema), "{texts:?}");
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "```json\n7\n```" } }));
    scene.ends_turn("end_turn");
    assert_eq!(scene.exits().structured_output.as_deref(), Some("7"));
}

#[rstest]
#[case(Access::ReadOnly, "workspace-write", false)]
#[case(Access::WorkspaceWrite, "workspace-write", true)]
#[case(Access::WorkspaceWrite, "full", false)]
#[case(Access::ReadOnly, "read-only", true)]
fn a_task_that_wants_the_agent_held_closer_than_it_is_is_refused(
    #[case] access: Access,
    #[case] declared: &str,
    #[case] taken: bool,
) {
    let task = Task { access, config: config(json!({ "access": declared })), ..a_task("x") };
    let started = Scene::start(task);
    assert_eq!(started.is_ok(), taken);
    if let Err(why) = started {
        assert!(why.contains("without asking") && why.contains(access.as_str()), "{why}");
    }
}

// --- Logging in --------------------------------------------------------------------------------------------------

#[test]
fn an_agent_that_wants_a_login_waits_for_its_user() {
    let mut scene = Scene::begun(task());
    scene.answer(
        json!({ "protocolVersion": 1, "authMethods": [{ "id": "web", "name": "Log in by browser" }] }),
    );
    scene.fails(-32000, "Authentication required", Value::Null);
    let waiting = scene.awaited();
    assert_eq!(waiting.kind, InterruptionKind::Auth);
    assert!(waiting.text.contains("Log in by browser"), "{}", waiting.text);
    let detail: Value = serde_json::from_str(&waiting.detail.unwrap()).unwrap();
    assert_eq!(detail["methods"][0]["id"], "web");
    scene.input(Input::Message(Message::text(Speaker::User, "done")));
    assert_eq!(scene.last()["method"], "session/new");
    scene.answer(json!({ "sessionId": "s" }));
    assert_eq!(scene.last()["params"]["prompt"][0]["text"], "do it");
}

#[test]
fn a_login_that_the_operator_configured_is_tried_once_by_itself() {
    let mut scene = Scene::begun(Task { config: config(json!({ "auth_method": "key" })), ..task() });
    scene.opens();
    scene.fails(-32000, "Please log in", Value::Null);
    assert_eq!(
        (&scene.last()["method"], &scene.last()["params"]["methodId"]),
        (&json!("authenticate"), &json!("key"))
    );
    scene.answer(json!({}));
    assert_eq!(scene.last()["method"], "session/prompt");
    scene.fails(-32000, "Please log in", Value::Null);
    assert_eq!(scene.awaited().kind, InterruptionKind::Auth);
}

#[test]
fn another_use_of_the_logins_code_is_a_failure() {
    let mut scene = Scene::prompted();
    scene.fails(-32000, "the moon is full", Value::Null);
    assert_eq!(scene.exits().reason.as_deref(), Some("turn_failed"));
}

// --- What the agent says -----------------------------------------------------------------------------------------

#[test]
fn news_behind_the_answer_still_counts() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "tool_call", "toolCallId": "t", "title": "ls", "kind": "execute", "status": "in_progress" }));
    scene.ends_turn("end_turn");
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "rawOutput": "x" }));
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "late" } }),
    );
    let outcome = scene.exits();
    assert_eq!(outcome.final_response.as_deref(), Some("late"));
    let finished = scene.events("command_finished");
    assert_eq!((finished.len(), &finished[0]["data"]["status"]), (1, &json!("completed")));
}

#[test]
fn pieces_of_a_message_are_one_event() {
    let mut scene = Scene::prompted();
    let piece = |kind: &str, id: Value, text: &str| json!({ "sessionUpdate": kind, "messageId": id, "content": { "type": "text", "text": text } });
    for (kind, id, text) in [
        ("agent_thought_chunk", json!("m"), "hm"),
        ("agent_thought_chunk", json!("m"), "m"),
        ("agent_message_chunk", json!("m"), "a"),
        ("agent_message_chunk", json!("m"), "b"),
        ("agent_message_chunk", json!("n"), "c"),
        ("agent_message_chunk", Value::Null, "d"),
    ] {
        scene.update(piece(kind, id, text));
        // Figures between two pieces do not part them.
        scene.update(json!({ "sessionUpdate": "usage_update", "used": 1, "size": 2 }));
    }
    scene.ends_turn("end_turn");
    let texts = |kind: &str| -> Vec<Value> {
        scene.events(kind).iter().map(|event| event["data"]["text"].clone()).collect()
    };
    assert_eq!(texts("reasoning"), ["hmm"]);
    assert_eq!(texts("agent_message"), ["ab", "c", "d"]);
}

#[test]
fn a_message_without_end_is_told_in_parts_and_the_answer_is_whole() {
    let mut scene = Scene::prompted();
    let piece = "0123456789".repeat(10_000);
    for _ in 0..25 {
        scene.update(
            json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": piece } }),
        );
    }
    scene.ends_turn("end_turn");
    let outcome = scene.exits();
    let told = scene.events("agent_message");
    assert!(told.len() >= 2 && told[0]["data"]["partial"] == true, "{} events", told.len());
    assert_eq!(outcome.final_response.unwrap().len(), 2_500_000);
}

#[test]
fn plans_are_todo_lists() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "plan", "entries": [
        { "content": "look", "priority": "high", "status": "completed" },
        { "content": "leap", "priority": "low", "status": "pending" },
    ] }));
    assert_eq!(
        scene.events("todo_updated")[0]["data"]["items"],
        json!([
            { "text": "look", "completed": true, "status": "completed", "priority": "high" },
            { "text": "leap", "completed": false, "status": "pending", "priority": "low" },
        ])
    );
}

#[test]
fn the_events_of_a_call_are_of_one_sort_whatever_it_becomes() {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "tool_call", "toolCallId": "t", "title": "?", "status": "in_progress" }),
    );
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "kind": "execute" }));
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed" }));
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "title": "again" }));
    assert_eq!((scene.events("tool_started").len(), scene.events("tool_finished").len()), (1, 1));
    assert_eq!(scene.events("x_acp_tool_call_update").len(), 1, "behind its end");
}

#[test]
fn what_nobody_knows_is_kept() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "mood_update", "mood": "blue" }));
    scene.says(&json!({ "method": "_vendor/hello", "params": { "a": 1 } }));
    scene.says(&json!({ "id": 99, "result": "to nobody" }));
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "image", "data": "AA==", "mimeType": "image/png" } }));
    scene.says(&json!({ "method": "session/update", "params": { "sessionId": "another", "update": { "sessionUpdate": "plan", "entries": [] } } }));
    scene.run.lines(PROCESS, ["warning: no JSON", "[1, 2]", r#"{"jsonrpc":"2.0"}"#]).unwrap();
    let kinds: Vec<String> = scene
        .run
        .events()
        .iter()
        .rev()
        .take(8)
        .rev()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "x_acp_mood_update",
            "x_acp_vendor_hello",
            "x_acp_answer",
            "x_acp_content",
            "x_acp_other_session",
            "x_acp_output",
            "x_acp_output",
            "x_acp_output",
        ]
    );
}

#[rstest]
#[case("fs/read_text_file")]
#[case("terminal/create")]
#[case("elicitation/create")]
fn what_is_not_offered_is_declined(#[case] method: &str) {
    let mut scene = Scene::prompted();
    scene.says(&json!({ "id": "r", "method": method, "params": { "path": "/etc/shadow" } }));
    assert_eq!((&scene.last()["id"], &scene.last()["error"]["code"]), (&json!("r"), &json!(-32601)));
    assert_eq!(scene.events("x_acp_request_declined")[0]["data"]["method"], method);
}

// --- How it ends -------------------------------------------------------------------------------------------------

#[rstest]
#[case("end_turn", Ending::Completed, None)]
#[case("max_tokens", Ending::Failed, Some("max_tokens"))]
#[case("max_turn_requests", Ending::Failed, Some("max_turn_requests"))]
#[case("refusal", Ending::Failed, Some("refusal"))]
#[case("cancelled", Ending::Failed, Some("interrupted"))]
#[case("bored", Ending::Failed, Some("turn_failed"))]
fn a_reason_to_stop_is_an_outcome(#[case] stop: &str, #[case] ending: Ending, #[case] reason: Option<&str>) {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "so far" } }),
    );
    scene.ends_turn(stop);
    let outcome = scene.exits();
    assert_eq!((outcome.ending, outcome.reason.as_deref()), (ending, reason));
    assert_eq!(outcome.final_response.as_deref(), Some("so far"));
}

#[test]
fn an_agent_that_dies_says_why() {
    let mut scene = Scene::begun(task());
    scene.run.exited(PROCESS, Exit::Code(2), "error: unknown flag --acp\n").unwrap();
    let outcome = scene.run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("exit_status"));
    let error = outcome.error.as_deref().unwrap();
    assert!(
        error.contains("before it had answered the first request") && error.contains("unknown flag"),
        "{error}"
    );
}

#[test]
fn a_silence_is_borne_only_so_long_and_never_while_people_think() {
    let config = config(json!({ "idle_timeout_ms": 5 }));
    let mut scene = Scene::begun(Task { config, ..task() });
    scene.opens();
    scene.says(&permission("q", json!({ "toolCallId": "t", "title": "ls", "kind": "execute" })));
    for _ in 0..20 {
        scene.input(Input::Timer(IDLE_TIMER));
    }
    assert!(!scene.sent().iter().any(|message| message["method"] == "session/cancel"), "a person thinks");
    scene.answers("permission-1", Answer::Allow);
    for _ in 0..6 {
        scene.input(Input::Timer(IDLE_TIMER));
    }
    assert_eq!(scene.last()["method"], "session/cancel");
    scene.input(Input::Timer(PACE_TIMER));
    let outcome = scene.exits();
    assert_eq!(outcome.reason.as_deref(), Some("timeout"));
    assert!(outcome.error.unwrap().contains("idle_timeout_ms"));
}

#[test]
fn without_timers_nothing_waits_for_one() {
    let mut scene = Scene::prompted();
    scene.ends_turn("end_turn");
    for (effect, id) in [
        ("set-timer", IDLE_TIMER),
        ("set-timer", PACE_TIMER),
        ("set-timer", PACE_TIMER),
        ("set-timer", STOP_TIMER),
    ] {
        scene.input(Input::Refused(Refused {
            effect: effect.to_owned(),
            id: Some(id),
            leaf: "timer/set@1".to_owned(),
            reason: "not granted".to_owned(),
        }));
    }
    assert_eq!(scene.stops(), [Stop::Interrupt, Stop::Terminate]);
}

#[rstest]
#[case::cannot_start(Input::ProcessFailed((PROCESS, "no such file".to_owned())), "start_failed")]
#[case::not_granted(
    Input::Refused(Refused {
        effect: "start-process".to_owned(), id: Some(PROCESS), leaf: "process/spawn@1".to_owned(), reason: "grant it".to_owned(),
    }),
    "not_granted"
)]
fn an_agent_that_never_was_is_told(#[case] input: Input, #[case] reason: &str) {
    let mut scene = Scene::begun(task());
    scene.input(input);
    assert_eq!(scene.run.outcome().unwrap().reason.as_deref(), Some(reason));
}
