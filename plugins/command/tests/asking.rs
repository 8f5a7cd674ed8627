//! Programs that ask, and what they are answered.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_command::{Command, PROCESS, TIMEOUT};
use pointsman_sdk::backend::{
    Answer, Effect, Ending, Exit, Input, InterruptionKind, Permission, Refused, Stop, Task,
};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Access, Message, Part, Speaker};
use rstest::rstest;
use serde_json::{Value, json};

/// A task with full access for the program `bot`, configured like this.
fn task(mut config: Value) -> Task {
    config["program"] = json!("bot");
    Task { access: Access::Full, config: config.to_string(), ..a_task("do it") }
}

fn start(config: Value) -> Rehearsal<Command> {
    Rehearsal::start(task(config)).unwrap()
}

/// A run of a program that asks, behind these lines.
fn asking(lines: &[&str]) -> Rehearsal<Command> {
    let mut run = start(json!({ "output": "jsonl", "prompt": "none", "interactive": true }));
    run.lines(PROCESS, lines.iter().copied()).unwrap();
    run
}

fn asked(run: &Rehearsal<Command>) -> Vec<Permission> {
    let asked = run.effects().iter().filter_map(|effect| match effect {
        Effect::AskPermission(permission) => Some(permission.clone()),
        _ => None,
    });
    asked.collect()
}

/// Gives what a program read, line by line.
fn read(run: &Rehearsal<Command>) -> Vec<Value> {
    let written = String::from_utf8(run.written(PROCESS)).unwrap();
    written.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const MAKE: &str = r#"{"type":"permission","id":"1","kind":"command","title":"Build","detail":{"command":"make","cwd":"/w","input":{"command":"make"}},"editable":true}"#;

#[rstest]
#[case(Answer::Allow, json!({ "answer": "allow" }), false)]
#[case(Answer::AllowEdited(r#"{"command":"true"}"#.into()), json!({ "answer": "allow_edited", "input": { "command": "true" } }), false)]
#[case(Answer::Deny("not today".into()), json!({ "answer": "deny", "text": "not today" }), true)]
#[case(Answer::Cancelled, json!({ "answer": "cancelled" }), true)]
fn a_program_may_ask_and_reads_the_answer(
    #[case] answer: Answer,
    #[case] told: Value,
    #[case] declined: bool,
) {
    let mut run = asking(&[MAKE]);
    let permission = &asked(&run)[0];
    assert_eq!(
        (permission.id.as_str(), permission.kind.as_str(), permission.editable),
        ("1", "command", true)
    );
    assert_eq!((permission.title.as_str(), permission.item.as_deref()), ("Build", Some("1")));
    // Its tool event stands before it, and input stays open.
    let place = |wanted: fn(&Effect) -> bool| run.effects().iter().position(wanted);
    let begun = place(|effect| matches!(effect, Effect::Emit(event) if event.kind == "command_started"));
    assert!(begun < place(|effect| matches!(effect, Effect::AskPermission(_))));
    assert_eq!(
        run.events()[2],
        json!({ "kind": "command_started", "item": "1", "data": { "command": "make", "cwd": "/w" } })
    );
    assert!(!run.effects().contains(&Effect::CloseInput(PROCESS)));

    run.input(Input::Permission(("1".into(), answer))).unwrap();
    let mut expected = json!({ "type": "permission_answer", "id": "1" });
    for (key, value) in told.as_object().unwrap() {
        expected[key] = value.clone();
    }
    assert_eq!(read(&run), [expected]);
    let ended = json!({ "kind": "command_finished", "item": "1", "data": { "status": "declined" } });
    assert_eq!(run.events().last() == Some(&ended), declined);
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn a_question_belongs_to_the_item_that_the_program_told() {
    let begun = r#"{"type":"tool_started","item_id":"t","data":{"tool":"paint"}}"#;
    let question = r#"{"type":"permission","id":7,"kind":"tool","item_id":"t","detail":{"tool":"paint"},"editable":true}"#;
    let mut run = asking(&[begun, question]);
    let permission = &asked(&run)[0];
    assert_eq!((permission.id.as_str(), permission.item.as_deref()), ("7", Some("t")));
    // Without an input there is nothing to edit.
    assert_eq!((permission.title.as_str(), permission.editable), ("paint", false));
    assert_eq!(run.kinds()["tool_started"], 1);
    run.input(Input::Permission(("7".into(), Answer::Deny("no".into())))).unwrap();
    assert_eq!(read(&run), [json!({ "type": "permission_answer", "id": 7, "answer": "deny", "text": "no" })]);
    assert!(!run.kinds().contains_key("tool_finished"), "what the program began, it ends");
}

#[test]
fn what_is_not_well_asked_is_told_and_nothing_is_asked() {
    for (line, why) in [
        (r#"{"type":"permission","kind":"command"}"#, "`id` must be"),
        (r#"{"type":"permission","id":"2","detail":"make"}"#, "`detail` must be"),
        (r#"{"type":"permission","id":"1"}"#, "is open already"),
        (r#"{"type":"withdraw_permission","id":"9"}"#, "no question 9"),
    ] {
        let run = asking(&[MAKE, line]);
        assert_eq!(asked(&run).len(), 1, "{line}");
        let event = run.events().pop().unwrap();
        assert_eq!(event["kind"], "x_command_output");
        assert!(event["data"]["why"].as_str().unwrap().contains(why), "{event}");
    }
    let mut deaf = start(json!({ "output": "jsonl" }));
    deaf.lines(PROCESS, [MAKE, r#"{"type":"input_required","text":"?"}"#]).unwrap();
    assert!(asked(&deaf).is_empty());
    assert_eq!(deaf.kinds()["x_command_output"], 2);
}

#[test]
fn a_kind_of_tomorrow_is_asked_as_what_nobody_knows() {
    let run = asking(&[r#"{"type":"permission","id":"1","kind":"teleport","detail":{"to":"mars"}}"#]);
    assert_eq!(asked(&run)[0].kind, "other");
    assert_eq!(asked(&run)[0].detail, r#"{"to":"mars"}"#);
    assert_eq!(run.kinds()["tool_started"], 1);
}

#[test]
fn a_question_can_be_taken_back() {
    let mut run = asking(&[MAKE, r#"{"type":"withdraw_permission","id":"1"}"#]);
    assert!(run.effects().contains(&Effect::WithdrawPermission("1".into())));
    // An answer that crossed it is no answer any more.
    run.input(Input::Permission(("1".into(), Answer::Allow))).unwrap();
    assert_eq!(read(&run), Vec::<Value>::new());
}

#[test]
fn more_questions_than_a_host_takes_are_denied() {
    let lines: Vec<String> = (0..65).map(|n| format!(r#"{{"type":"permission","id":{n}}}"#)).collect();
    let run = asking(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(asked(&run).len(), 64);
    assert_eq!(read(&run)[0]["answer"], "deny");
    let mut run = asking(&[MAKE]);
    let refused =
        Refused { effect: "ask-permission".into(), id: None, leaf: String::new(), reason: "full".into() };
    run.input(Input::Refused(refused)).unwrap();
    assert_eq!(read(&run)[0]["text"], "full");
}

#[test]
fn a_cancelled_run_answers_what_is_open_before_it_interrupts() {
    let mut run = asking(&[MAKE]);
    run.input(Input::Cancel("enough".into())).unwrap();
    assert_eq!(read(&run), [json!({ "type": "permission_answer", "id": "1", "answer": "cancelled" })]);
    let place = |wanted: &Effect| run.effects().iter().position(|effect| effect == wanted).unwrap();
    assert!(place(&Effect::CloseInput(PROCESS)) < place(&Effect::StopProcess((PROCESS, Stop::Interrupt))));
    // Whoever asks now gets no answer, and the answer that crossed the end reaches nobody.
    run.lines(PROCESS, [MAKE]).unwrap();
    run.input(Input::Permission(("1".into(), Answer::Allow))).unwrap();
    assert_eq!((asked(&run).len(), read(&run).len()), (1, 1));
    run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn a_program_may_wait_for_messages_one_after_the_other() {
    let mut run = asking(&[
        r#"{"type":"input_required","text":"Which colour?","detail":{"colours":["red"]}}"#,
        r#"{"type":"auth_required","text":"Log in"}"#,
    ]);
    let waits = |run: &Rehearsal<Command>| {
        let waits = run.effects().iter().filter_map(|effect| match effect {
            Effect::AwaitInput(interruption) => Some((interruption.kind, interruption.text.clone())),
            _ => None,
        });
        waits.collect::<Vec<_>>()
    };
    assert_eq!(waits(&run), [(InterruptionKind::Input, "Which colour?".to_owned())]);
    let parts = vec![Part::Text("red".into()), Part::Data(r#"{"shade":3}"#.into())];
    run.input(Input::Message(Message { speaker: Speaker::User, parts, metadata: None })).unwrap();
    assert_eq!(waits(&run)[1], (InterruptionKind::Auth, "Log in".to_owned()));
    run.input(Input::Message(Message::text(Speaker::User, "done"))).unwrap();
    let told = [
        json!({ "type": "message", "text": "red\n\n{\"shade\":3}", "data": [{ "shade": 3 }] }),
        json!({ "type": "message", "text": "done" }),
    ];
    assert_eq!(read(&run), told);
    assert_eq!(waits(&run).len(), 2);
}

#[test]
fn time_in_which_a_person_thinks_does_not_count() {
    let config = json!({ "output": "jsonl", "prompt": "none", "interactive": true, "timeout_ms": 900 });
    let mut run = start(config.clone());
    assert!(run.effects().contains(&Effect::SetTimer((TIMEOUT, 900))));
    run.lines(PROCESS, [MAKE]).unwrap();
    assert_eq!(run.effects().last(), Some(&Effect::ClearTimer(TIMEOUT)));
    // A ring that was under way is no end.
    run.input(Input::Timer(TIMEOUT)).unwrap();
    assert!(!run.effects().iter().any(|effect| matches!(effect, Effect::StopProcess(_))));
    run.input(Input::Permission(("1".into(), Answer::Allow))).unwrap();
    assert_eq!(run.effects().last(), Some(&Effect::SetTimer((TIMEOUT, 900))));
    run.input(Input::Timer(TIMEOUT)).unwrap();
    run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("timeout"));

    // A longer time is looked at once, so that what went by before a question is known.
    let mut run = start(Value::Object(
        config
            .as_object()
            .unwrap()
            .clone()
            .into_iter()
            .chain([("timeout_ms".into(), json!(60_000))])
            .collect(),
    ));
    assert!(run.effects().contains(&Effect::SetTimer((TIMEOUT, 1_000))));
    run.input(Input::Timer(TIMEOUT)).unwrap();
    assert_eq!(run.effects().last(), Some(&Effect::SetTimer((TIMEOUT, 59_000))));
    run.lines(PROCESS, ["{}", "{}"]).unwrap();
    run.lines(PROCESS, [MAKE]).unwrap();
    run.input(Input::Permission(("1".into(), Answer::Allow))).unwrap();
    assert_eq!(run.effects().last(), Some(&Effect::SetTimer((TIMEOUT, 58_998))));
}

#[rstest]
#[case(json!({ "interactive": true }))]
#[case(json!({ "interactive": true, "output": "jsonl" }))]
#[case(json!({ "interactive": true, "prompt": "none" }))]
fn a_program_that_cannot_ask_is_not_taken_for_one_that_does(#[case] config: Value) {
    let why = Rehearsal::<Command>::start(task(config)).unwrap_err();
    assert!(why.contains("`interactive`"), "{why}");
}

/// The examples of the README are files, which the end-to-end tests run.
#[test]
fn the_readme_shows_the_examples() {
    let readme = include_str!("../README.md");
    for example in [include_str!("../examples/ask.sh"), include_str!("../examples/ask.py")] {
        assert!(readme.contains(example.trim_end()), "{example}");
    }
}
