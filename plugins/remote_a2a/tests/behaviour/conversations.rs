//! Questions, answers, further runs, cancelling, and what cannot be reached.

use pointsman_sdk::backend::{
    Effect, Ending, Input, InterruptionKind, Refused, RequestFault, Task, Value as Secret,
};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{FilePart, Message, Part, Speaker};
use rstest::rstest;
use serde_json::{Value, json};

use crate::stage::{CANCEL, POLL, RETRY, Stage, body, card, chunk, config, said, status, task};

fn headers(request: &pointsman_sdk::backend::Request) -> Vec<(String, Secret)> {
    request.headers.clone()
}

#[test]
fn credentials_go_with_every_request_the_one_for_the_card_included() {
    let more = json!({"auth_token_secret": "TOKEN", "headers": {"X-Team": "blue"}, "secret_headers": {"X-Key": "KEY"}});
    let mut stage = Stage::with("1.0", more, a_task("x"));
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    stage.ring(POLL);
    stage.cancel();
    let all: Vec<_> = stage
        .run
        .effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::SendRequest(request) => Some(request.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(all.len(), 4, "card, message, look, cancel");
    for request in all {
        let headers = headers(&request);
        for wanted in [
            ("authorization", Secret::Secret("TOKEN".to_owned())),
            ("x-team", Secret::Plain("blue".to_owned())),
            ("x-key", Secret::Secret("KEY".to_owned())),
        ] {
            assert!(headers.contains(&(wanted.0.to_owned(), wanted.1.clone())), "{request:?}");
        }
    }
}

#[test]
fn a_version_is_named_where_the_protocol_wants_it() {
    for (version, method, named) in [("1.0", "SendStreamingMessage", true), ("0.3", "message/stream", false)]
    {
        let mut stage = Stage::with(version, json!({"auth_token": "t"}), a_task("x"));
        let headers = headers(&stage.take(method));
        assert_eq!(headers.iter().any(|(name, _)| name == "a2a-version"), named, "{version}");
        assert!(headers.contains(&("authorization".to_owned(), Secret::Plain("Bearer t".to_owned()))));
        assert!(headers.contains(&("accept".to_owned(), Secret::Plain("text/event-stream".to_owned()))));
    }
}

#[test]
fn a_card_is_looked_for_at_the_next_place() {
    let mut stage = Stage::begin(Task { config: config(json!({})), ..a_task("x") });
    let first = stage.take("GET");
    assert_eq!(first.url, "http://agent.example/.well-known/agent-card.json");
    stage.answer_raw(first.id, 404, b"not here");
    let second = stage.take("GET");
    assert_eq!(second.url, "http://agent.example/.well-known/agent.json");
    stage.answer(second.id, 200, &card("0.3"));
    assert_eq!(stage.names(), ["message/stream"]);
}

#[rstest]
#[case(401, br#"{"error":"missing token"}"#.as_slice(), "unauthorized", "auth_token_secret")]
#[case(404, b"", "not_found", "agent_card_path")]
#[case(500, b"<html>", "agent_error", "HTTP 500")]
#[case(200, b"<html>", "protocol_error", "is not JSON")]
#[case(200, b"[]", "protocol_error", "not a JSON object")]
#[case(200, b"\xff\xfe", "protocol_error", "is not JSON")]
#[case(304, b"", "agent_error", "HTTP 304")]
fn a_card_that_cannot_be_had_says_why(
    #[case] code: u16,
    #[case] answer: &[u8],
    #[case] reason: &str,
    #[case] says: &str,
) {
    let mut stage = Stage::begin(Task { config: config(json!({})), ..a_task("x") });
    while stage.outcome().is_none() {
        let request = stage.take("GET");
        stage.answer_raw(request.id, code, answer);
    }
    let failure = stage.failure();
    assert_eq!(failure.0, reason, "{}", failure.1);
    assert!(failure.1.contains(says), "{}", failure.1);
}

#[test]
fn an_agent_that_is_just_starting_is_waited_for() {
    let mut stage = Stage::begin(Task { config: config(json!({})), ..a_task("x") });
    for _ in 0..2 {
        let request = stage.take("GET");
        stage.fail(request.id, RequestFault::Unreachable);
        stage.ring(RETRY);
    }
    let request = stage.take("GET");
    stage.answer(request.id, 200, &card("1.0"));
    for _ in 0..2 {
        let request = stage.take("SendStreamingMessage");
        stage.fail(request.id, RequestFault::Unreachable);
        stage.ring(RETRY);
    }
    let request = stage.take("SendStreamingMessage");
    stage.fail(request.id, RequestFault::Unreachable);
    assert_eq!(stage.failure().0, "unreachable");
}

#[rstest]
#[case(RequestFault::Broken, "connection_lost", "whether the agent has taken the message is not known")]
#[case(RequestFault::TimedOut, "timed_out", "blocking = false")]
#[case(RequestFault::Redirected, "redirected", "of no use")]
#[case(RequestFault::TooLarge, "too_large", "of no use")]
fn a_message_that_may_have_arrived_is_not_sent_again(
    #[case] fault: RequestFault,
    #[case] reason: &str,
    #[case] says: &str,
) {
    let mut stage = Stage::set("1.0");
    let request = stage.take("SendStreamingMessage");
    stage.fail(request.id, fault);
    assert!(stage.open.is_empty(), "{:?}", stage.names());
    let failure = stage.failure();
    assert_eq!(failure.0, reason);
    assert!(failure.1.contains(says), "{}", failure.1);
}

#[test]
fn what_is_not_granted_says_what_the_operator_can_do() {
    let mut stage = Stage::set("1.0");
    let id = stage.take("SendStreamingMessage").id;
    stage.input(Input::Refused(Refused {
        effect: "send-request".to_owned(),
        id: Some(id),
        leaf: "request/send@1".to_owned(),
        reason: "the operator's table has no origin http://agent.example".to_owned(),
    }));
    let (reason, error) = stage.failure();
    assert_eq!(reason, "not_granted");
    assert!(error.contains("http://agent.example/a2a") && error.contains("the operator's table"), "{error}");
}

#[rstest]
#[case("1.0", "input-required", InterruptionKind::Input)]
#[case("0.3", "auth-required", InterruptionKind::Auth)]
fn a_question_is_answered_in_its_task(
    #[case] version: &str,
    #[case] state: &str,
    #[case] kind: InterruptionKind,
    #[values(true, false)] streaming: bool,
) {
    let mut stage = Stage::with(version, json!({ "streaming": streaming }), a_task("x"));
    let name = |streams: &'static str, waits: &'static str| if streaming { streams } else { waits };
    let method = match version {
        "1.0" => name("SendStreamingMessage", "SendMessage"),
        _ => name("message/stream", "message/send"),
    };
    let mut question = task(state, json!([{"artifactId": "a", "parts": [{"text": "draft"}]}]), json!([]));
    question["status"]["message"] = said("q1", "yes or no?");
    let ask = |stage: &mut Stage, question: Value| {
        if streaming {
            let stream = stage.stream(method);
            stage.event(stream, question);
            stage.end(stream);
        } else {
            stage.result(method, question);
        }
    };
    ask(&mut stage, question.clone());
    assert_eq!(stage.questions(), ["yes or no?"]);
    assert!(
        stage
            .run
            .effects()
            .iter()
            .any(|effect| matches!(effect, Effect::AwaitInput(asked) if asked.kind == kind))
    );
    assert_eq!(stage.told("artifact_added", "text"), ["draft"]);
    assert_eq!(stage.run.remembered().unwrap()["state"], state);

    // Not understood: the question comes again, and is another one.
    stage.say("perhaps");
    let request = stage.open.last().unwrap();
    let message = body(request)["params"]["message"].clone();
    assert_eq!((&message["taskId"], &message["contextId"]), (&json!("t"), &json!("c")));
    question["status"]["message"] = said("q2", "yes or no, please?");
    ask(&mut stage, question);
    assert_eq!(stage.questions(), ["yes or no?", "yes or no, please?"]);

    stage.say("yes");
    let ids: Vec<Value> = stage
        .run
        .effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::SendRequest(request) => Some(body(request).pointer("/params/message/messageId")?.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    ask(&mut stage, task("completed", json!([{"artifactId": "b", "parts": [{"text": "final"}]}]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn another_pointsmans_questions_are_questions_here_too() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    let questions = json!([{"id": "color", "question": "Which color?", "options": [{"label": "Red"}]}]);
    let mut question = task("input-required", json!([]), json!([]));
    question["status"]["message"] = json!({"messageId": "q", "role": "ROLE_AGENT", "parts": [
        {"text": "Which color?\n- Red"}, {"data": {"introduction": "First:", "questions": questions}},
    ]});
    stage.result("SendMessage", question);
    assert_eq!(stage.questions(), ["Which color?\n- Red"]);
    let detail = stage.run.effects().iter().find_map(|effect| match effect {
        Effect::AwaitInput(asked) => asked.detail.as_deref(),
        _ => None,
    });
    let detail: Value = serde_json::from_str(detail.unwrap()).unwrap();
    assert_eq!((&detail["introduction"], &detail["questions"]), (&json!("First:"), &questions));
}

#[test]
fn a_question_that_is_answered_elsewhere_is_no_question_any_more() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    stage.result("SendMessage", task("auth-required", json!([]), json!([])));
    assert_eq!(stage.timers[&POLL], 30_000, "seldom: a person is waited for");
    stage.ring(POLL);
    stage.result("GetTask", task("auth-required", json!([]), json!([])));
    assert_eq!(stage.questions().len(), 1, "the same question");
    stage.ring(POLL);
    stage.result("GetTask", task("working", json!([]), json!([])));
    assert_eq!(stage.told("status_changed", "status").last().unwrap(), "running");
    stage.result("GetTask", task("completed", json!([]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn an_agent_that_refuses_the_answer_fails_the_run_with_its_reason() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    let mut question = task("input-required", json!([]), json!([]));
    question["status"]["message"] = said("q", "?");
    stage.result("SendMessage", question.clone());
    stage.say("a picture");
    stage.error("SendMessage", -32005, "no pictures");
    stage.result("GetTask", question);
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    let (reason, error) = stage.failure();
    assert_eq!(reason, "content_type_not_supported");
    assert!(error.contains("no pictures"), "{error}");
}

#[test]
fn an_agent_that_answers_at_once_is_looked_up_until_it_is_done() {
    let mut stage = Stage::with("0.3", json!({"streaming": false, "blocking": false}), a_task("x"));
    let request = stage.open.last().unwrap();
    assert_eq!(body(request)["params"]["configuration"]["blocking"], false);
    stage.result("message/send", task("submitted", json!([]), json!([])));
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(stage.timers[&POLL]);
        stage.ring(POLL);
        stage.result("tasks/get", task("working", json!([]), json!([])));
    }
    assert!(waits[0] <= 500 && waits.is_sorted_by(|a, b| a <= b) || waits[1] <= 500, "{waits:?}");
    assert_eq!(*waits.last().unwrap(), 5_000);
    stage.ring(POLL);
    stage.result(
        "tasks/get",
        task("completed", json!([{"artifactId": "a", "parts": [{"text": "42"}]}]), json!([])),
    );
    assert_eq!(stage.response(), "42");
}

#[test]
fn looks_that_fail_are_borne_for_a_while() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    stage.result("SendMessage", task("working", json!([]), json!([])));
    for _ in 0..3 {
        stage.ring(POLL);
        let id = stage.take("GetTask").id;
        stage.fail(id, RequestFault::Unreachable);
    }
    stage.ring(POLL);
    stage.result("GetTask", task("completed", json!([]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);

    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    stage.result("SendMessage", task("working", json!([]), json!([])));
    stage.ring(POLL);
    stage.error("GetTask", -32001, "gone");
    stage.error("CancelTask", -32001, "gone");
    assert_eq!(stage.failure().0, "task_not_found");
}

#[test]
fn a_direct_message_is_an_answer() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    let mut message = said("m", "hello");
    message["taskId"] = "no such task".into();
    message["contextId"] = "c".into();
    stage.result("SendMessage", json!({ "message": message }));
    assert_eq!((stage.outcome().unwrap().ending, stage.response()), (Ending::Completed, "hello"));
    assert_eq!(stage.run.remembered().unwrap()["context_id"], "c");
    assert_eq!(stage.run.remembered().unwrap().get("task_id"), None);
}

fn resumed(memory: Value) -> Task {
    Task { resume: Some(memory.to_string()), ..a_task("go on") }
}

#[test]
fn the_next_run_goes_on_in_the_same_context() {
    let memory = json!({"agent_url": "http://agent.example/", "context_id": "c", "task_id": "old",
        "state": "completed", "messages": 7});
    let mut stage = Stage::with("1.0", json!({}), resumed(memory));
    let message = body(&stage.take("SendStreamingMessage"))["params"]["message"].clone();
    assert_eq!((&message["contextId"], message.get("taskId")), (&json!("c"), None));
    assert_eq!(message["referenceTaskIds"], json!(["old"]));
    assert!(message["messageId"].as_str().unwrap().ends_with("-8"), "no id of a message comes twice");
}

#[test]
fn the_next_run_answers_what_the_last_one_was_asked() {
    let memory = json!({"agent_url": "http://agent.example", "context_id": "c", "task_id": "t", "state": "input-required"});
    let mut stage = Stage::with("1.0", json!({}), resumed(memory.clone()));
    let stream = stage.take("SendStreamingMessage");
    assert_eq!(body(&stream)["params"]["message"]["taskId"], "t");
    stage.head(stream.id, 200, "text/event-stream");
    stage.event(stream.id, status("completed", Some(said("m", "thanks"))));
    stage.end(stream.id);
    assert_eq!(stage.response(), "thanks");

    // The agent has forgotten it: the conversation goes on with another task.
    let mut stage = Stage::with("1.0", json!({}), resumed(memory));
    stage.error("SendStreamingMessage", -32001, "no such task");
    let again = stage.take("SendStreamingMessage");
    let message = body(&again)["params"]["message"].clone();
    assert_eq!((&message["contextId"], message.get("taskId")), (&json!("c"), None));
    stage.head(again.id, 200, "text/event-stream");
    stage.event(
        again.id,
        json!({"task": {"id": "new", "contextId": "c", "status": {"state": "TASK_STATE_COMPLETED"}}}),
    );
    stage.end(again.id);
    assert_eq!(stage.run.remembered().unwrap()["task_id"], "new");
}

#[test]
fn what_was_said_before_this_run_is_not_told_again() {
    let memory = json!({"agent_url": "http://agent.example", "context_id": "c", "task_id": "t", "state": "input-required"});
    let mut stage = Stage::with("1.0", json!({"streaming": false}), resumed(memory));
    let ours = json!({"messageId": "11111111-1111-4111-8111-111111111111-1", "role": "ROLE_USER", "parts": [], "taskId": "t"});
    let history = json!([said("before", "old news"), ours, said("after", "news")]);
    stage.result("SendMessage", json!({"task": task("completed", json!([]), history)}));
    assert_eq!(stage.told("agent_message", "text"), ["news"]);
}

#[test]
fn a_session_belongs_to_one_agent() {
    let memory = json!({"agent_url": "http://other.example", "context_id": "c"});
    let error = Rehearsal::<pointsman_remote_a2a::RemoteA2a>::start(Task {
        config: config(json!({})),
        ..resumed(memory)
    });
    assert!(error.unwrap_err().contains("http://other.example"));
}

#[test]
fn cancelling_tells_the_agent() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    stage.cancel();
    assert_eq!(stage.timers[&CANCEL], 5_000);
    stage.event(stream, status("canceled", None));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
}

#[rstest]
#[case::it_answers(0)]
#[case::it_cannot(1)]
#[case::it_is_gone(2)]
#[case::it_is_silent(3)]
fn cancelling_ends_the_run_whatever_the_agent_does(#[case] how: u8) {
    let mut stage = Stage::set("0.3");
    let stream = stage.stream("message/stream");
    stage.event(stream, task("working", json!([]), json!([])));
    stage.cancel();
    stage.cancel();
    match how {
        0 => stage.result("tasks/cancel", task("canceled", json!([]), json!([]))),
        1 => stage.error("tasks/cancel", -32002, "it has ended"),
        2 => {
            let id = stage.take("tasks/cancel").id;
            stage.fail(id, RequestFault::Unreachable);
        }
        _ => stage.ring(CANCEL),
    }
    let outcome = stage.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("nobody wants it")));
    assert_eq!(stage.told("x_remote_a2a_not_cancelled", "reason").len(), usize::from(how != 0));
}

#[test]
fn a_task_that_is_not_known_yet_is_cancelled_as_soon_as_it_is() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.cancel();
    assert!(stage.outcome().is_none() && stage.open.is_empty(), "{:?}", stage.names());
    stage.event(stream, task("submitted", json!([]), json!([])));
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);

    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    stage.cancel();
    stage.ring(CANCEL);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
    assert!(stage.told("x_remote_a2a_not_cancelled", "reason")[0].as_str().unwrap().contains("never said"));
}

#[test]
fn before_anything_was_sent_nothing_has_to_be_cancelled() {
    let mut stage = Stage::begin(Task { config: config(json!({})), ..a_task("x") });
    stage.cancel();
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn a_run_that_waits_for_its_user_can_be_cancelled() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), a_task("x"));
    stage.result("SendMessage", task("input-required", json!([]), json!([])));
    stage.cancel();
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn a_message_while_it_works_is_not_lost_silently() {
    let mut stage = Stage::set("1.0");
    stage.say("and this");
    assert_eq!(stage.told("x_remote_a2a_undelivered", "text"), ["and this"]);
}

#[test]
fn profile_data_and_files_are_handed_over() {
    let file =
        FilePart { uri: None, bytes: Some(b"abc".to_vec()), mime_type: None, name: Some("a.txt".to_owned()) };
    let message = Message {
        speaker: Speaker::System,
        parts: vec![Part::Text("look".to_owned()), Part::Data(r#"{"n":1}"#.to_owned()), Part::File(file)],
        metadata: Some(r#"{"k":"v"}"#.to_owned()),
    };
    let task = Task { message, instructions: Some("be kind".to_owned()), ..a_task("") };
    let mut stage = Stage::with("1.0", json!({}), task);
    let message = body(&stage.take("SendStreamingMessage"))["params"]["message"].clone();
    assert_eq!(message["role"], "ROLE_USER");
    assert!(message["parts"][0]["text"].as_str().unwrap().contains("be kind"));
    assert_eq!(message["parts"][1]["text"], "look");
    assert_eq!(message["parts"][2]["data"], json!({"n": 1}));
    assert_eq!(message["parts"][3], json!({"raw": "YWJj", "filename": "a.txt"}));
    assert_eq!(message["metadata"]["k"], "v");
    let about = &message["metadata"]["nanobot_orchestrator"];
    assert_eq!(
        (&about["cwd"], about["run_id"].is_string(), about["session_id"].is_string()),
        (&json!("/workspace"), true, true)
    );
}

#[rstest]
#[case::data(json!([{"data": {"n": 1}}]), None, json!({"n": 1}))]
#[case::text(json!([{"text": "{\"n\": 2}"}]), None, json!({"n": 2}))]
#[case::fenced(json!([{"text": "```json\n{\"n\": 3}\n```"}]), None, json!({"n": 3}))]
#[case::the_one_that_fits(json!([{"data": {"n": 4}}, {"data": {"log": 1}}]), None, json!({"n": 4}))]
#[case::in_the_last_word(json!([]), Some("{\"n\": 5}"), json!({"n": 5}))]
fn the_answer_to_a_schema_is_found(#[case] parts: Value, #[case] word: Option<&str>, #[case] value: Value) {
    let schema = r#"{"type":"object","required":["n"]}"#.to_owned();
    let asked = Task { output_schema: Some(schema.clone()), ..a_task("x") };
    let mut stage = Stage::with("1.0", json!({"streaming": false}), asked);
    let sent = body(stage.open.last().unwrap());
    assert!(sent.to_string().contains("JSON Schema"), "{sent}");
    let artifacts = if parts == json!([]) { json!([]) } else { json!([{"artifactId": "a", "parts": parts}]) };
    let mut done = task("completed", artifacts, json!([]));
    if let Some(word) = word {
        done["status"]["message"] = said("m", word);
    }
    stage.result("SendMessage", done);
    let found = stage.outcome().unwrap().structured_output.clone().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), value);
}

#[test]
fn an_artifact_that_nobody_calls_finished_is_told_when_it_rests() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.events(stream, [task("working", json!([]), json!([])), chunk("one", false, false)]);
    for _ in 0..2 {
        stage.ring(POLL);
        stage.result("GetTask", task("working", json!([]), json!([])));
    }
    assert_eq!(stage.told("artifact_added", "text"), ["one"]);
}
