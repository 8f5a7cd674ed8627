//! What programs are told, and what becomes of what they say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_command::{Command, PROCESS, STOP_TIMER, TIMEOUT};
use pointsman_sdk::backend::{
    Answer, Effect, Ending, Exit, Input, InterruptionKind, Permission, Refused, Stop, Task,
};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Access, Message, Part, Speaker};
use rstest::rstest;
use serde_json::{Value, json};

/// A task with full access for the program `bot`, configured like this.
fn task(mut config: Value, prompt: &str) -> Task {
    config["program"] = json!("bot");
    Task { access: Access::Full, config: config.to_string(), ..a_task(prompt) }
}

fn start(config: Value) -> Rehearsal<Command> {
    Rehearsal::start(task(config, "do it")).unwrap()
}

fn refusal(task: Task) -> String {
    Rehearsal::<Command>::start(task).unwrap_err()
}

fn ended(config: Value, lines: &[&str], exit: Exit) -> Rehearsal<Command> {
    let mut run = start(config);
    run.lines(PROCESS, lines.iter().copied()).unwrap();
    run.exited(PROCESS, exit, "first\n\nlast words\n").unwrap();
    run
}

#[test]
fn a_prompt_reaches_the_program_by_standard_input() {
    let run = start(json!({ "args": ["--dir", "{cwd}", "--run={run_id}"] }));
    assert_eq!(run.process(PROCESS).unwrap().program, "bot");
    assert_eq!(run.args(PROCESS), ["--dir", "/workspace", "--run=11111111-1111-4111-8111-111111111111"]);
    assert_eq!(run.written(PROCESS), b"do it");
    assert!(run.effects().contains(&Effect::CloseInput(PROCESS)));
}

#[test]
fn or_by_an_argument_and_never_by_a_shell() {
    let config = json!({ "prompt": "argument", "args": ["--ask={prompt}", "x"] });
    let run = Rehearsal::<Command>::start(task(config, "'; rm -rf {cwd} #\n--force")).unwrap();
    assert_eq!(run.args(PROCESS), ["--ask='; rm -rf {cwd} #\n--force", "x"]);
    assert_eq!(run.written(PROCESS), b"");
    assert!(run.effects().contains(&Effect::CloseInput(PROCESS)));
}

#[test]
fn or_with_the_whole_task() {
    let task = Task {
        instructions: Some("be kind".to_owned()),
        output_schema: Some(json!({ "type": "object" }).to_string()),
        resume: Some("7".to_owned()),
        ..task(json!({ "prompt": "json" }), "do it")
    };
    let written = Rehearsal::<Command>::start(task).unwrap().written(PROCESS);
    assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), 1);
    let told: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!((&told["prompt"], &told["instructions"]), (&json!("do it"), &json!("be kind")));
    assert_eq!((&told["resume"], &told["output_schema"]["type"]), (&json!(7), &json!("object")));
}

#[rstest]
#[case(json!({ "args": ["{prompt}"] }), "{prompt}")]
#[case(json!({ "prompt": "argument" }), "{prompt}")]
#[case(json!({ "args": ["{promt}"] }), "{promt}")]
#[case(json!({ "prompt": "shout" }), "`prompt`")]
#[case(json!({ "promt": "stdin" }), "promt")]
fn a_wrong_configuration_is_refused_by_its_key(#[case] config: Value, #[case] names: &str) {
    let why = refusal(task(config, "x"));
    assert!(why.contains("configuration") && why.contains(names), "{why}");
}

#[rstest]
#[case(json!({}), Access::WorkspaceWrite, false)]
#[case(json!({}), Access::Full, true)]
#[case(json!({ "access": "workspace-write" }), Access::WorkspaceWrite, true)]
#[case(json!({ "access": "workspace-write" }), Access::ReadOnly, false)]
#[case(json!({ "access": "read-only" }), Access::ReadOnly, true)]
fn a_run_that_may_have_less_than_the_program_has_is_refused(
    #[case] config: Value,
    #[case] access: Access,
    #[case] taken: bool,
) {
    let run = Rehearsal::<Command>::start(Task { access, ..task(config, "x") });
    assert_eq!(run.is_ok(), taken);
    if let Err(why) = run {
        assert!(why.contains(access.as_str()) && why.contains("`access`"), "{why}");
    }
}

#[test]
fn what_the_program_is_not_told_of_is_refused() {
    for changed in [
        Task { output_schema: Some("{}".to_owned()), ..task(json!({}), "x") },
        Task { resume: Some("{}".to_owned()), ..task(json!({}), "x") },
    ] {
        assert!(refusal(changed).contains("prompt = \"json\""));
    }
}

#[test]
fn text_is_the_answer() {
    let mut run = start(json!({}));
    run.lines(PROCESS, ["one", "two"]).unwrap();
    run.lines(PROCESS, ["", "three", ""]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!(outcome.ending, Ending::Completed);
    assert_eq!(outcome.final_response.as_deref(), Some("one\ntwo\n\nthree"));
    assert_eq!(run.kinds()["agent_message"], 2);
}

#[test]
fn an_answer_that_is_too_long_is_not_half_an_answer() {
    let mut run = start(json!({}));
    for _ in 0..3 {
        run.lines(PROCESS, ["é".repeat(300_000)]).unwrap();
    }
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, &outcome.final_response), (Ending::Completed, &None));
    assert_eq!(run.kinds()["agent_message"], 3);
}

#[rstest]
#[case(json!({}), Exit::Code(3), Ending::Failed)]
#[case(json!({}), Exit::Signal(11), Ending::Failed)]
#[case(json!({ "success_codes": [0, 3] }), Exit::Code(3), Ending::Completed)]
#[case(json!({ "success_codes": [3] }), Exit::Code(0), Ending::Failed)]
fn exit_codes_decide(#[case] config: Value, #[case] exit: Exit, #[case] ending: Ending) {
    let run = ended(config, &["said"], exit);
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (ending, Some("said")));
    if ending == Ending::Failed {
        assert_eq!(outcome.reason.as_deref(), Some("exit_status"));
        let error = outcome.error.as_deref().unwrap();
        assert!(error.starts_with("bot ") && error.ends_with("first\nlast words"), "{error}");
    }
}

#[test]
fn lines_are_events() {
    let run = ended(
        json!({ "output": "jsonl" }),
        &[
            r#"{"type":"command_started","item_id":"1","data":{"command":"ls"}}"#,
            r#"{"type":"x_command_score","data":{"points":7}}"#,
            r#"{"type":"agent_message","data":{"text":"done"}}"#,
            r#"{"type":"remember","data":{"page":3}}"#,
        ],
        Exit::Code(0),
    );
    assert_eq!(
        run.events()[2..],
        [
            json!({ "kind": "command_started", "item": "1", "data": { "command": "ls" } }),
            json!({ "kind": "x_command_score", "data": { "points": 7 } }),
            json!({ "kind": "agent_message", "data": { "text": "done" } }),
        ]
    );
    assert_eq!(run.remembered().unwrap(), json!({ "page": 3 }));
    assert_eq!(run.outcome().unwrap().final_response.as_deref(), Some("done"));
}

#[rstest]
#[case::not_the_programs_to_say(r#"{"type":"status_changed","data":{"status":"completed"}}"#)]
#[case::nor_this(r#"{"type":"run_completed","data":{}}"#)]
#[case::no_data(r#"{"type":"agent_message","text":"x"}"#)]
#[case::another_plugins(r#"{"type":"x_codex_output","data":{}}"#)]
#[case::no_type(r#"{"a":1}"#)]
#[case::a_result_of_wrong_type(r#"{"type":"result","usage":"much"}"#)]
#[case::no_json("warning: paint is wet")]
#[case::half_of_it(r#"{"type":"agent_mess"#)]
fn what_is_no_line_of_the_dialect_is_told_as_it_is(#[case] line: &str) {
    let run = ended(json!({ "output": "jsonl" }), &[line], Exit::Code(0));
    let event = &run.events()[2];
    assert_eq!(event["kind"], "x_command_output");
    let told = match &event["data"]["line"] {
        Value::Null => event["data"]["text"].as_str().unwrap().to_owned(),
        object => object.to_string(),
    };
    let said =
        serde_json::from_str::<Value>(line).map_or_else(|_| line.to_owned(), |value| value.to_string());
    assert_eq!(told, said);
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn a_result_is_the_outcome() {
    let line = r#"{"type":"result","text":"t","structured_output":{"a":1},"usage":{"input_tokens":2,"cost_micro_usd":5}}"#;
    let run = ended(json!({ "output": "jsonl" }), &[line], Exit::Code(0));
    let outcome = run.outcome().unwrap();
    assert_eq!(outcome.final_response.as_deref(), Some("t"));
    assert_eq!(outcome.structured_output.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!((outcome.usage.unwrap().input_tokens, outcome.usage.unwrap().cost_micro_usd), (2, Some(5)));

    let line = r#"{"type":"result","error":"no paint","reason":"out_of_paint"}"#;
    for code in [0, 1] {
        let run = ended(json!({ "output": "jsonl" }), &[line], Exit::Code(code));
        let outcome = run.outcome().unwrap();
        assert_eq!((outcome.ending, outcome.reason.as_deref()), (Ending::Failed, Some("out_of_paint")));
        assert_eq!(outcome.error.as_deref(), Some("no paint"));
    }
}

#[test]
fn a_good_result_does_not_make_an_exit_code_good() {
    let run = ended(json!({ "output": "jsonl" }), &[r#"{"type":"result","text":"t"}"#], Exit::Code(9));
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("exit_status"));
}

#[test]
fn a_program_that_takes_too_long_is_ended() {
    let mut run = start(json!({ "timeout_ms": 50 }));
    assert!(run.effects().contains(&Effect::SetTimer((TIMEOUT, 50))));
    run.input(Input::Timer(TIMEOUT)).unwrap();
    run.input(Input::Timer(STOP_TIMER)).unwrap();
    run.exited(PROCESS, Exit::Signal(15), "").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("timeout"));
}

#[test]
fn cancelling_wins_over_everything() {
    let mut run = start(json!({ "timeout_ms": 50 }));
    run.input(Input::Timer(TIMEOUT)).unwrap();
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
}

#[test]
fn a_program_that_may_not_start_ends_the_run() {
    let mut run = start(json!({}));
    run.input(Input::Refused(Refused {
        effect: "start-process".to_owned(),
        id: Some(PROCESS),
        leaf: "process/spawn@1".to_owned(),
        reason: "add the grant".to_owned(),
    }))
    .unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("not_granted"));
    assert!(outcome.error.as_deref().unwrap().contains("add the grant"));
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
    assert!(refusal(task(config, "x")).contains("`interactive`"));
}

#[test]
fn the_readme_speaks_of_every_key() {
    let about = <Command as pointsman_sdk::backend::Adapter>::describe();
    let schema: Value = serde_json::from_str(&about.common.config_schema).unwrap();
    let readme = include_str!("../README.md");
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(readme.contains(&format!("| `{key}` |")), "{key} is missing");
    }
}
