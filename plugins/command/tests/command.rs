//! What programs are told, and what becomes of what they say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_command::{Command, PROCESS, STOP_TIMER, TIMEOUT};
use pointsman_sdk::backend::{Effect, Ending, Exit, Input, Refused, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::Access;
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

#[test]
fn the_readme_speaks_of_every_key() {
    let about = <Command as pointsman_sdk::backend::Adapter>::describe();
    let schema: Value = serde_json::from_str(&about.common.config_schema).unwrap();
    let readme = include_str!("../README.md");
    for key in schema["properties"].as_object().unwrap().keys() {
        assert!(readme.contains(&format!("| `{key}` |")), "{key} is missing");
    }
}
