//! What no recording of `codex exec` shows: the command line, cancelling, refusals, and a codex that nobody knows yet.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_codex::{Codex, PROCESS, STOP_TIMER};
use pointsman_sdk::backend::{Effect, Ending, Exit, Input, Refused, Stop, Task};
use pointsman_sdk::rehearsal::Rehearsal;
use pointsman_sdk::types::{Access, FilePart, Message, Part, Speaker};
use rstest::rstest;
use serde_json::{Value, json};

/// Makes a task for `codex exec`.
fn a_task(prompt: &str) -> Task {
    Task { config: r#"{"protocol":"exec"}"#.to_owned(), ..pointsman_sdk::rehearsal::a_task(prompt) }
}

fn start(task: Task) -> Rehearsal<Codex> {
    Rehearsal::start(task).unwrap()
}

/// Starts, and fails the test if that was not refused.
fn refusal(task: Task) -> String {
    Rehearsal::<Codex>::start(task).unwrap_err()
}

fn stops(run: &Rehearsal<Codex>) -> Vec<Stop> {
    let stops = run.effects().iter().filter_map(|effect| match effect {
        Effect::StopProcess((_, how)) => Some(*how),
        _ => None,
    });
    stops.collect()
}

#[rstest]
#[case(Access::ReadOnly, "read-only", true)]
#[case(Access::WorkspaceWrite, "workspace-write", true)]
#[case(Access::Full, "danger-full-access", false)]
fn access_is_codexs_sandbox(#[case] access: Access, #[case] sandbox: &str, #[case] without_network: bool) {
    let args = start(Task { access, ..a_task("x") }).args(PROCESS).join(" ");
    assert!(args.contains(&format!("-s {sandbox} -C /workspace --skip-git-repo-check")), "{args}");
    assert_eq!(args.contains("sandbox_workspace_write.network_access=false"), without_network, "{args}");
}

#[test]
fn a_plain_run_says_this() {
    let run = start(a_task("do it"));
    assert_eq!(
        run.args(PROCESS).join(" "),
        "exec --json -c shell_environment_policy.ignore_default_excludes=false -c sandbox_workspace_write.network_access=false -s workspace-write -C /workspace \
         --skip-git-repo-check -"
    );
    assert_eq!(run.written(PROCESS), b"do it");
    assert!(run.effects().contains(&Effect::CloseInput(PROCESS)), "an open standard input is waited for");
    assert_eq!(run.process(PROCESS).unwrap().program, "codex");
}

#[test]
fn everything_that_can_be_configured_is_said() {
    let config = json!({
        "protocol": "exec", "program": "codex-next", "model": "gpt-5.5", "reasoning_effort": "high",
        "overrides": { "model_providers.x": { "base_url": "http://127.0.0.1:1" }, "features.plugins": false },
        "extra_args": ["--ephemeral"],
    });
    let task = Task {
        config: config.to_string(),
        output_schema: Some("{}".to_owned()),
        resume: Some(json!({ "thread_id": "0199-a" }).to_string()),
        instructions: Some("Be brief.".to_owned()),
        ..a_task("do it")
    };
    let run = start(task);
    assert_eq!(
        run.args(PROCESS).join(" "),
        "exec --json --model=gpt-5.5 -c shell_environment_policy.ignore_default_excludes=false \
         -c model_reasoning_effort=\"high\" -c features.plugins=false \
         -c model_providers.x={\"base_url\" = \"http://127.0.0.1:1\"} \
         -c sandbox_workspace_write.network_access=false --ephemeral -s workspace-write -C /workspace --skip-git-repo-check \
         --output-schema <output-schema.json> resume 0199-a -"
    );
    assert_eq!(run.process(PROCESS).unwrap().program, "codex-next");
    let written = String::from_utf8(run.written(PROCESS)).unwrap();
    assert!(written.contains("Be brief.") && written.ends_with("do it"), "{written}");
    assert_eq!(run.events()[0], json!({ "kind": "run_started", "data": { "thread_id": "0199-a" } }));
}

#[rstest]
#[case::unknown_key(json!({ "modle": "x" }), "modle")]
#[case::wrong_type(json!({ "model": 7 }), "`model`")]
#[case::no_null(json!({ "overrides": { "a": null } }), "`overrides`")]
fn a_wrong_configuration_is_refused_by_its_key(#[case] config: Value, #[case] names: &str) {
    let why = refusal(Task { config: config.to_string(), ..a_task("x") });
    assert!(why.contains(names), "{why}");
}

#[test]
fn a_session_of_another_kind_is_refused() {
    let why = refusal(Task { resume: Some(json!({ "thread_id": "--last" }).to_string()), ..a_task("x") });
    assert!(why.contains("--last"), "{why}");
}

#[test]
fn a_cancelled_run_is_asked_more_and_more_firmly() {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, [STARTED]).unwrap();
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.input(Input::Cancel("enough, I said".to_owned())).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt]);
    run.input(Input::Timer(STOP_TIMER)).unwrap();
    run.input(Input::Timer(STOP_TIMER)).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt, Stop::Terminate, Stop::Kill]);
    run.exited(PROCESS, Exit::Signal(9), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
    let last = run.events().pop().unwrap();
    assert_eq!((&last["kind"], &last["data"]["status"]), (&json!("command_finished"), &json!("interrupted")));
}

#[test]
fn cancelling_wins_over_a_turn_that_is_completed_meanwhile() {
    let mut run = start(a_task("x"));
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.lines(PROCESS, [ANSWER, COMPLETED]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.final_response.as_deref()), (Ending::Cancelled, Some("done")));
}

#[test]
fn without_a_timer_a_cancelled_run_is_not_left_waiting() {
    let mut run = start(a_task("x"));
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.input(refused("set-timer")).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt, Stop::Terminate]);
}

#[test]
fn a_codex_that_may_not_or_cannot_start_ends_the_run() {
    let mut run = start(a_task("x"));
    run.input(refused("start-process")).unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("not_granted"));
    let mut run = start(a_task("x"));
    run.input(Input::ProcessFailed((PROCESS, "no such file".to_owned()))).unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("start_failed"));
    assert!(outcome.error.as_deref().unwrap().contains("no such file"));
}

#[rstest]
#[case::silence(&[], Exit::Code(0), "no_outcome")]
#[case::another_program(&["hello"], Exit::Code(0), "no_outcome")]
#[case::killed_from_outside(&[STARTED], Exit::Signal(9), "exit_status")]
#[case::completed_but_failed(&[ANSWER, COMPLETED], Exit::Code(3), "exit_status")]
#[case::error_without_failed_turn(
    &[r#"{"type":"error","message":"unexpected status 401 Unauthorized"}"#], Exit::Code(1), "unauthorized"
)]
fn an_end_without_success_is_a_failure(#[case] lines: &[&str], #[case] exit: Exit, #[case] reason: &str) {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, lines.iter().copied()).unwrap();
    run.exited(PROCESS, exit, "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.reason.as_deref()), (Ending::Failed, Some(reason)));
}

#[test]
fn an_error_that_was_got_over_is_told_and_does_not_end_the_run() {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, [r#"{"type":"error","message":"hiccup"}"#, ANSWER, COMPLETED]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.events()[2], json!({ "kind": "reasoning", "data": { "text": "hiccup" } }));
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[rstest]
#[case(r#"{"type":"session.moved","to":"x"}"#, "x_codex_session_moved", json!({ "to": "x" }))]
#[case(r#"{"type":"item.completed","item":{"id":"i","type":"Dream State","n":1}}"#,
    "x_codex_dream_state_completed", json!({ "n": 1 }))]
#[case(r#"{"type":"item.completed","item":7}"#, "x_codex_item_completed", json!({ "item": 7 }))]
#[case(r#"{"type":"item.updated","item":{"type":"agent_message","text":"do"}}"#,
    "x_codex_agent_message_updated", json!({ "text": "do" }))]
#[case(r#"{"type":"thread.started"}"#, "x_codex_thread_started", json!({}))]
#[case(r#"{"type":"error","message":{"code":1}}"#, "x_codex_error", json!({ "message": { "code": 1 } }))]
#[case(r#"{"type":7}"#, "x_codex_output", json!({ "line": { "type": 7 } }))]
#[case("thread 'main' panicked", "x_codex_output", json!({ "text": "thread 'main' panicked" }))]
#[case(r#"{"type":"item.comp"#, "x_codex_output", json!({ "text": r#"{"type":"item.comp"# }))]
fn what_nobody_knows_is_told_as_it_is(#[case] line: &str, #[case] kind: &str, #[case] data: Value) {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, [line]).unwrap();
    let event = run.events().pop().unwrap();
    assert_eq!((event["kind"].as_str().unwrap(), &event["data"]), (kind, &data));
}

#[test]
fn the_longest_word_still_makes_a_kind() {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, [format!(r#"{{"type":"{}"}}"#, "é".repeat(500))]).unwrap();
    assert_eq!(run.events().pop().unwrap()["kind"].as_str().unwrap().len(), 64);
}

#[test]
fn tools_and_plans_are_told() {
    let mut run = start(a_task("x"));
    run.lines(
        PROCESS,
        [
            r#"{"type":"item.started","item":{"id":"a","type":"mcp_tool_call","server":"s","tool":"t","arguments":{"q":1},"status":"in_progress"}}"#,
            r#"{"type":"item.updated","item":{"id":"a","type":"mcp_tool_call","server":"s","tool":"t","arguments":{"q":1},"status":"in_progress"}}"#,
            r#"{"type":"item.completed","item":{"id":"a","type":"mcp_tool_call","server":"s","tool":"t","arguments":{"q":1},"result":{"content":[]},"error":null,"status":"completed"}}"#,
            r#"{"type":"item.started","item":{"id":"b","type":"web_search","query":"rust"}}"#,
            r#"{"type":"item.updated","item":{"id":"c","type":"todo_list","items":[{"text":"x","completed":false}]}}"#,
        ],
    )
    .unwrap();
    run.exited(PROCESS, Exit::Code(1), "").unwrap();
    insta::assert_json_snapshot!(run.events());
}

#[test]
fn a_message_that_comes_meanwhile_is_the_next_turn_of_the_same_run() {
    let mut run = start(a_task("x"));
    run.lines(PROCESS, [r#"{"type":"thread.started","thread_id":"0199-a"}"#]).unwrap();
    run.input(Input::Message(Message::text(Speaker::User, "and this"))).unwrap();
    run.lines(PROCESS, [ANSWER, COMPLETED]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert!(run.outcome().is_none());
    assert!(run.args(PROCESS).join(" ").ends_with("resume 0199-a -"), "{:?}", run.args(PROCESS));
    assert_eq!(run.written(PROCESS), b"xand this");
    run.lines(PROCESS, [ANSWER, COMPLETED]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn a_message_that_no_turn_can_take_is_not_lost() {
    let mut run = start(a_task("x"));
    run.input(Input::Message(Message::text(Speaker::User, "and this"))).unwrap();
    run.exited(PROCESS, Exit::Code(1), "").unwrap();
    assert_eq!(run.events().pop().unwrap()["data"]["text"], "and this");
    assert_eq!(run.outcome().unwrap().ending, Ending::Failed);
}

#[test]
fn images_are_handed_over() {
    let image = |uri: Option<&str>, bytes: Option<&[u8]>| {
        Part::File(FilePart {
            uri: uri.map(str::to_owned),
            bytes: bytes.map(<[u8]>::to_vec),
            mime_type: Some("image/png".to_owned()),
            name: None,
        })
    };
    let parts = vec![
        Part::Text("look".to_owned()),
        image(Some("file:///a.png"), None),
        image(None, Some(b"x")),
        image(Some("https://h/b.png"), None),
    ];
    let run =
        start(Task { message: Message { speaker: Speaker::User, parts, metadata: None }, ..a_task("x") });
    assert!(run.args(PROCESS).join(" ").contains(" --image=/a.png --image <image-1> -c "));
    let said = String::from_utf8(run.written(PROCESS)).unwrap();
    assert_eq!(said, "look\n\n[attached file, image/png, at https://h/b.png]");
}

const STARTED: &str = r#"{"type":"item.started","item":{"id":"item_0","type":"command_execution","command":"sleep 9","aggregated_output":"","exit_code":null,"status":"in_progress"}}"#;
const ANSWER: &str =
    r#"{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"done"}}"#;
const COMPLETED: &str =
    r#"{"type":"turn.completed","usage":{"input_tokens":1,"cached_input_tokens":0,"output_tokens":1}}"#;

fn refused(effect: &str) -> Input {
    Input::Refused(Refused {
        effect: effect.to_owned(),
        id: None,
        leaf: "process/spawn@1".to_owned(),
        reason: "add the grant".to_owned(),
    })
}
