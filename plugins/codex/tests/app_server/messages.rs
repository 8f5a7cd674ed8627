//! What is said to codex while it works, and what codex asks its user.

use pointsman_codex::{Codex, LINGER_TIMER, PROCESS};
use pointsman_sdk::backend::{Effect, Ending, Exit, Input, Interruption};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{FilePart, Message, Part, Speaker};
use serde_json::{Value, json};

use crate::behaviour::{answers, ends, opened, running, says, start};
use crate::dialogue::{requests, written};

fn tell(run: &mut Rehearsal<Codex>, text: &str) {
    run.input(Input::Message(Message::text(Speaker::User, text))).unwrap();
}

fn closed(run: &Rehearsal<Codex>) -> bool {
    run.effects().contains(&Effect::CloseInput(PROCESS))
}

/// Gives how often the user was asked, and what for last.
fn put(run: &Rehearsal<Codex>) -> (usize, Option<Interruption>) {
    let put: Vec<Interruption> = run
        .effects()
        .iter()
        .filter_map(|effect| match effect {
            Effect::AwaitInput(interruption) => Some(interruption.clone()),
            _ => None,
        })
        .collect();
    (put.len(), put.last().cloned())
}

#[test]
fn a_message_steers_the_running_turn() {
    let mut run = running(a_task("x"));
    tell(&mut run, "and this");
    let steer = requests(&run).pop().unwrap();
    assert_eq!(steer["method"], "turn/steer");
    assert_eq!(
        steer["params"],
        json!({ "threadId": "t", "expectedTurnId": "u", "input": [{ "type": "text", "text": "and this" }] })
    );
    answers(&mut run, "turn/steer", json!({ "result": { "turnId": "u" } }));
    ends(&mut run, "completed");
    assert!(closed(&run));
}

#[test]
fn a_message_that_comes_before_the_turn_waits_for_it() {
    let mut run = start(a_task("x"));
    tell(&mut run, "one");
    answers(&mut run, "initialize", json!({ "result": {} }));
    tell(&mut run, "two");
    answers(&mut run, "thread/start", opened());
    // Both are what the turn begins with.
    let texts = |request: &Value| request["params"]["input"].as_array().unwrap().len();
    assert_eq!(texts(&requests(&run).pop().unwrap()), 3);
    tell(&mut run, "three");
    answers(&mut run, "turn/start", json!({ "result": { "turn": { "id": "u" } } }));
    assert_eq!(requests(&run).pop().unwrap()["params"]["input"][0]["text"], "three");
}

#[test]
fn a_message_that_crosses_the_end_of_its_turn_begins_the_next() {
    let mut run = running(a_task("x"));
    tell(&mut run, "and this");
    ends(&mut run, "completed");
    assert!(!closed(&run), "whether codex heard it is not known yet");
    answers(
        &mut run,
        "turn/steer",
        json!({ "error": { "code": -32600, "message": "no active turn to steer" } }),
    );
    let turn = requests(&run).pop().unwrap();
    assert_eq!(
        (&turn["method"], &turn["params"]["input"][0]["text"]),
        (&json!("turn/start"), &json!("and this"))
    );
    answers(&mut run, "turn/start", json!({ "result": { "turn": { "id": "v" } } }));
    says(
        &mut run,
        json!({ "method": "turn/completed", "params": { "threadId": "t", "turn": { "id": "v", "status": "completed" } } }),
    );
    assert!(closed(&run));
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_for_ever() {
    let mut run = running(a_task("x"));
    tell(&mut run, "and this");
    ends(&mut run, "completed");
    run.input(Input::Timer(LINGER_TIMER)).unwrap();
    assert!(closed(&run));
}

#[test]
fn after_a_turn_that_failed_nothing_more_is_said() {
    let mut run = running(a_task("x"));
    tell(&mut run, "and this");
    ends(&mut run, "failed");
    answers(&mut run, "turn/steer", json!({ "error": { "message": "no active turn to steer" } }));
    assert!(closed(&run));
    assert_eq!(run.events().pop().unwrap()["data"]["text"], "and this");
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Failed);
}

#[test]
fn images_are_handed_over() {
    let file = |uri: Option<&str>, bytes: Option<&[u8]>| {
        Part::File(FilePart {
            uri: uri.map(str::to_owned),
            bytes: bytes.map(<[u8]>::to_vec),
            mime_type: Some("image/png".to_owned()),
            name: None,
        })
    };
    let mut task = a_task("look");
    task.message.parts.extend([file(Some("file:///a.png"), None), file(None, Some(b"x"))]);
    let run = running(task);
    assert_eq!(
        requests(&run).pop().unwrap()["params"]["input"],
        json!([
            { "type": "text", "text": "look" },
            { "type": "localImage", "path": "/a.png" },
            { "type": "image", "url": "data:image/png;base64,eA==" },
        ])
    );
}

#[test]
fn questions_are_put_one_after_the_other() {
    let mut run = running(a_task("x"));
    let question =
        |id: &str| json!({ "id": id, "header": "h", "question": format!("{id}?"), "options": null });
    for (n, id) in ["a", "b"].iter().enumerate() {
        let params = json!({ "threadId": "t", "turnId": "u", "itemId": "i", "questions": [question(id)] });
        says(&mut run, json!({ "id": n, "method": "item/tool/requestUserInput", "params": params }));
    }
    assert_eq!((put(&run).0, put(&run).1.unwrap().text.as_str()), (1, "a?"));
    tell(&mut run, "yes");
    assert_eq!(
        written(&run).pop().unwrap(),
        json!({ "id": 0, "result": { "answers": { "a": { "answers": ["yes"] } } } })
    );
    assert_eq!((put(&run).0, put(&run).1.unwrap().text.as_str()), (2, "b?"));
    tell(&mut run, "no");
    assert_eq!(written(&run).pop().unwrap()["id"], 1);
    // Then messages are for the turn again.
    tell(&mut run, "go on");
    assert_eq!(requests(&run).pop().unwrap()["method"], "turn/steer");
}

#[test]
fn a_form_that_was_not_understood_is_put_again() {
    let mut run = running(a_task("x"));
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let params = json!({ "threadId": "t", "serverName": "s", "mode": "form", "_meta": null, "message": "How many?", "requestedSchema": schema });
    says(&mut run, json!({ "id": 0, "method": "mcpServer/elicitation/request", "params": params }));
    tell(&mut run, "many");
    let (times, last) = put(&run);
    assert_eq!(times, 2);
    assert!(last.unwrap().text.ends_with("a whole number is wanted for n."));
    tell(&mut run, "7");
    assert_eq!(written(&run).pop().unwrap()["result"], json!({ "action": "accept", "content": { "n": 7 } }));
}

#[test]
fn a_question_that_codex_answers_itself_is_let_go() {
    let mut run = running(a_task("x"));
    let params = json!({ "threadId": "t", "turnId": "u", "itemId": "i", "questions": [{ "id": "a", "question": "a?" }] });
    says(&mut run, json!({ "id": 0, "method": "item/tool/requestUserInput", "params": params }));
    says(
        &mut run,
        json!({ "method": "serverRequest/resolved", "params": { "threadId": "t", "requestId": 0 } }),
    );
    assert_eq!(run.events().pop().unwrap()["data"]["status"], "running");
    tell(&mut run, "too late for that");
    assert_eq!(requests(&run).pop().unwrap()["method"], "turn/steer");
}
