//! The start, the end, cancelling, and a codex without an app server.

use pointsman_codex::{Codex, GREETING_TIMER, INTERRUPT_TIMER, LINGER_TIMER, PROCESS, STOP_TIMER};
use pointsman_sdk::backend::{Effect, Ending, Exit, Input, Refused, Stop, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Access, Message, Speaker};
use rstest::rstest;
use serde_json::{Value, json};

use crate::dialogue::{requests, written};

/// Starts a run.
pub(crate) fn start(task: Task) -> Rehearsal<Codex> {
    Rehearsal::start(task).unwrap()
}

/// Says something as codex.
pub(crate) fn says(run: &mut Rehearsal<Codex>, message: Value) {
    run.lines(PROCESS, [message.to_string()]).unwrap();
}

/// Answers the newest request of the adapter's that calls this method.
pub(crate) fn answers(run: &mut Rehearsal<Codex>, method: &str, outcome: Value) {
    let asked = requests(run).into_iter().rev().find(|asked| asked["method"] == method).unwrap();
    let mut answer = outcome;
    answer["id"] = asked["id"].clone();
    says(run, answer);
}

/// What codex says of a conversation that it opened as it was told.
pub(crate) fn opened() -> Value {
    json!({ "result": {
        "thread": { "id": "t" }, "model": "gpt-5.5", "approvalPolicy": "untrusted",
        "sandbox": { "type": "workspaceWrite", "writableRoots": [], "networkAccess": false },
        "activePermissionProfile": { "id": "pointsman" }, "runtimeWorkspaceRoots": ["/workspace"],
    } })
}

/// Starts a run whose turn is running.
pub(crate) fn running(task: Task) -> Rehearsal<Codex> {
    let mut run = start(task);
    answers(&mut run, "initialize", json!({ "result": { "codexHome": "/home/agent/.codex" } }));
    let opening = requests(&run).pop().unwrap()["method"].as_str().unwrap().to_owned();
    answers(&mut run, &opening, opened());
    answers(&mut run, "turn/start", json!({ "result": { "turn": { "id": "u" } } }));
    run
}

/// Ends the turn.
pub(crate) fn ends(run: &mut Rehearsal<Codex>, status: &str) {
    let turn = json!({ "id": "u", "status": status, "error": null });
    says(run, json!({ "method": "turn/completed", "params": { "threadId": "t", "turn": turn } }));
}

/// Tells an item of the turn's.
pub(crate) fn item(run: &mut Rehearsal<Codex>, when: &str, item: Value) {
    let params = json!({ "threadId": "t", "turnId": "u", "item": item });
    says(run, json!({ "method": format!("item/{when}"), "params": params }));
}

fn stops(run: &Rehearsal<Codex>) -> Vec<Stop> {
    let stops = run.effects().iter().filter_map(|effect| match effect {
        Effect::StopProcess((_, how)) => Some(*how),
        _ => None,
    });
    stops.collect()
}

fn closed(run: &Rehearsal<Codex>) -> bool {
    run.effects().contains(&Effect::CloseInput(PROCESS))
}

#[test]
fn everything_that_can_be_configured_is_said() {
    let config = json!({
        "program": "codex-next", "model": "gpt-5.5", "reasoning_effort": "high", "approval_policy": "on-request",
        "deltas": true, "overrides": { "features.plugins": false }, "app_server_args": ["--strict-config"],
    });
    let task = Task {
        config: config.to_string(),
        output_schema: Some(r#"{"type":"object"}"#.to_owned()),
        instructions: Some("Be brief.\n".to_owned()),
        ..a_task("do it")
    };
    let run = running(task);
    assert_eq!(
        run.args(PROCESS).join(" "),
        "app-server -c shell_environment_policy.ignore_default_excludes=false -c model_reasoning_effort=\"high\" \
         -c features.plugins=false -c sandbox_workspace_write.network_access=false --strict-config"
    );
    assert_eq!(run.process(PROCESS).unwrap().program, "codex-next");
    let asked = requests(&run);
    let unwanted = &asked[0]["params"]["capabilities"]["optOutNotificationMethods"];
    assert!(!unwanted.as_array().unwrap().contains(&json!("item/agentMessage/delta")), "{unwanted}");
    let opening = &asked[1]["params"];
    assert_eq!(
        (&opening["model"], &opening["approvalPolicy"], &opening["developerInstructions"]),
        (&json!("gpt-5.5"), &json!("on-request"), &json!("Be brief."))
    );
    assert_eq!(opening["approvalsReviewer"], "user");
    assert_eq!(asked[2]["params"]["outputSchema"], json!({ "type": "object" }));
    assert_eq!(asked[2]["params"]["input"], json!([{ "type": "text", "text": "do it" }]));
}

#[rstest]
#[case(Access::ReadOnly, json!({ "extends": ":read-only", "filesystem": { "/home/agent/.codex/auth.json": "deny" } }), json!(null))]
#[case(Access::WorkspaceWrite, json!({ "extends": ":workspace", "filesystem": { "/home/agent/.codex/auth.json": "deny" } }), json!(null))]
#[case(Access::Full, json!(null), json!("danger-full-access"))]
fn access_is_what_commands_are_kept_in(
    #[case] access: Access,
    #[case] profile: Value,
    #[case] sandbox: Value,
) {
    let mut run = start(Task { access, ..a_task("x") });
    answers(&mut run, "initialize", json!({ "result": { "codexHome": "/home/agent/.codex/" } }));
    let opening = requests(&run).pop().unwrap();
    assert_eq!(opening["params"]["config"]["permissions.pointsman"], profile);
    assert_eq!(opening["params"]["sandbox"], sandbox);
}

#[test]
fn a_session_is_taken_up_again() {
    let run = running(Task { resume: Some(json!({ "thread_id": "0199-a" }).to_string()), ..a_task("go on") });
    let opening = requests(&run)[1].clone();
    assert_eq!(
        (&opening["method"], &opening["params"]["threadId"]),
        (&json!("thread/resume"), &json!("0199-a"))
    );
    assert_eq!(run.events()[0], json!({ "kind": "run_started", "data": { "thread_id": "0199-a" } }));
}

#[test]
fn a_codex_without_profiles_is_told_its_sandbox_mode() {
    let mut run = start(a_task("x"));
    answers(&mut run, "initialize", json!({ "result": { "codexHome": "/h" } }));
    answers(
        &mut run,
        "thread/start",
        json!({ "error": { "code": -32600, "message": "what is a profile?" } }),
    );
    let second = requests(&run).pop().unwrap();
    assert_eq!(
        (&second["method"], &second["params"]["sandbox"]),
        (&json!("thread/start"), &json!("workspace-write"))
    );
    assert!(second["params"].get("config").is_none());
}

#[test]
fn a_codex_that_would_reach_further_than_its_run_may_is_stopped() {
    let mut run = start(Task { access: Access::ReadOnly, ..a_task("x") });
    answers(&mut run, "initialize", json!({ "result": { "codexHome": "/h" } }));
    for _ in 0..2 {
        answers(&mut run, "thread/start", opened());
    }
    assert!(closed(&run));
    assert!(!requests(&run).iter().any(|asked| asked["method"] == "turn/start"));
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("sandbox_failed"));
    assert!(outcome.error.as_deref().unwrap().contains("workspaceWrite"), "{outcome:?}");
}

#[test]
fn a_conversation_that_is_gone_is_named() {
    let mut run = start(Task { resume: Some(json!({ "thread_id": "0199-a" }).to_string()), ..a_task("x") });
    answers(&mut run, "initialize", json!({ "result": {} }));
    let gone = json!({ "error": { "code": -32600, "message": "no rollout found for thread id 0199-a" } });
    answers(&mut run, "thread/resume", gone);
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("session_not_found"));
}

#[rstest]
#[case::usage_error(|run: &mut Rehearsal<Codex>| run.exited(PROCESS, Exit::Code(2), "error: unrecognized subcommand").unwrap())]
#[case::unknown_method(|run: &mut Rehearsal<Codex>| {
    answers(run, "initialize", json!({ "error": { "code": -32601, "message": "method not found" } }));
    run.exited(PROCESS, Exit::Signal(9), "").unwrap();
})]
#[case::silence(|run: &mut Rehearsal<Codex>| {
    run.input(Input::Timer(GREETING_TIMER)).unwrap();
    run.exited(PROCESS, Exit::Signal(9), "").unwrap();
})]
fn without_an_app_server_exec_does_it(#[case] what: fn(&mut Rehearsal<Codex>)) {
    let mut run = start(a_task("do it"));
    run.input(Input::Message(Message::text(Speaker::User, "and this"))).unwrap();
    what(&mut run);
    assert_eq!(run.args(PROCESS)[..2], ["exec", "--json"]);
    assert!(String::from_utf8(run.written(PROCESS)).unwrap().ends_with("do it"));
    run.lines(PROCESS, [r#"{"type":"thread.started","thread_id":"0199-a"}"#, r#"{"type":"turn.completed"}"#])
        .unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    // What was said meanwhile is its next turn.
    assert!(run.args(PROCESS).join(" ").ends_with("resume 0199-a -"));
    run.lines(PROCESS, [r#"{"type":"turn.completed"}"#]).unwrap();
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn an_app_server_that_was_asked_for_by_name_is_not_replaced() {
    let task = Task { config: r#"{"protocol":"app_server"}"#.to_owned(), ..a_task("x") };
    let mut run = start(task);
    run.exited(PROCESS, Exit::Code(2), "error: unrecognized subcommand 'app-server'").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("bad_arguments"));
}

#[test]
fn arguments_for_exec_decide_for_exec() {
    let run = start(Task { config: r#"{"extra_args":["--ephemeral"]}"#.to_owned(), ..a_task("x") });
    assert_eq!(run.args(PROCESS)[0], "exec");
}

#[test]
fn cancelling_is_asked_politely_first() {
    let mut run = running(a_task("x"));
    item(
        &mut run,
        "started",
        json!({ "type": "commandExecution", "id": "c", "command": "sleep 9", "status": "inProgress" }),
    );
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.input(Input::Cancel("enough, I said".to_owned())).unwrap();
    let asked = requests(&run).pop().unwrap();
    assert_eq!((&asked["method"], &asked["params"]["turnId"]), (&json!("turn/interrupt"), &json!("u")));
    assert!(stops(&run).is_empty());
    ends(&mut run, "interrupted");
    assert!(closed(&run));
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
    let last = run.events().pop().unwrap();
    assert_eq!((&last["kind"], &last["data"]["status"]), (&json!("command_finished"), &json!("interrupted")));
}

#[test]
fn a_codex_that_does_not_hear_is_ended_more_and_more_firmly() {
    let mut run = running(a_task("x"));
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.input(Input::Timer(INTERRUPT_TIMER)).unwrap();
    run.input(Input::Timer(STOP_TIMER)).unwrap();
    run.input(Input::Timer(STOP_TIMER)).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt, Stop::Terminate, Stop::Kill]);
}

#[test]
fn a_run_that_is_cancelled_before_its_turn_is_ended_at_once() {
    let mut run = start(a_task("x"));
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt]);
    run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn without_timers_nothing_waits_for_them() {
    let refused = |id| {
        Input::Refused(Refused {
            effect: "set-timer".to_owned(),
            id: Some(id),
            leaf: "timer/set@1".to_owned(),
            reason: "add the grant".to_owned(),
        })
    };
    let mut run = running(a_task("x"));
    run.input(refused(GREETING_TIMER)).unwrap();
    assert!(stops(&run).is_empty(), "it may answer yet");
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.input(refused(INTERRUPT_TIMER)).unwrap();
    run.input(refused(STOP_TIMER)).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt, Stop::Terminate]);
}

#[test]
fn a_codex_that_lingers_is_ended() {
    let mut run = running(a_task("x"));
    ends(&mut run, "completed");
    assert!(closed(&run));
    run.input(Input::Timer(LINGER_TIMER)).unwrap();
    assert_eq!(stops(&run), [Stop::Interrupt]);
    run.exited(PROCESS, Exit::Signal(2), "").unwrap();
    assert_eq!(run.outcome().unwrap().ending, Ending::Completed, "the turn was");
}

#[test]
fn an_end_that_codex_tells_late_is_waited_for() {
    let mut run = running(a_task("x"));
    let command = |status: &str| json!({ "type": "commandExecution", "id": "c", "command": "ls", "status": status, "exitCode": 1 });
    item(&mut run, "started", command("inProgress"));
    ends(&mut run, "completed");
    assert!(!closed(&run));
    item(&mut run, "completed", command("failed"));
    assert!(closed(&run));
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.events().pop().unwrap()["data"]["status"], "failed");
}

#[test]
fn an_end_that_codex_never_tells_is_what_the_model_was_told() {
    let mut run = running(a_task("x"));
    item(
        &mut run,
        "started",
        json!({ "type": "commandExecution", "id": "c", "command": "ls", "status": "inProgress" }),
    );
    let told = json!({ "type": "function_call_output", "call_id": "c",
        "output": "Wall time: 0 seconds\nProcess exited with code 1\nOutput:\nRead-only file system\n" });
    says(
        &mut run,
        json!({ "method": "rawResponseItem/completed", "params": { "threadId": "t", "item": told } }),
    );
    ends(&mut run, "completed");
    run.input(Input::Timer(LINGER_TIMER)).unwrap();
    assert!(closed(&run));
    run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let last = run.events().pop().unwrap();
    assert_eq!(
        (&last["data"]["status"], &last["data"]["exit_code"], &last["data"]["output"]),
        (&json!("failed"), &json!(1), &json!("Read-only file system\n"))
    );
}

#[rstest]
#[case::killed_from_outside(Exit::Signal(9), "exit_status")]
#[case::silence(Exit::Code(0), "no_outcome")]
fn an_end_without_a_verdict_is_a_failure(#[case] exit: Exit, #[case] reason: &str) {
    let mut run = running(a_task("x"));
    run.exited(PROCESS, exit, "").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some(reason));
}

#[test]
fn an_error_before_the_end_is_what_the_end_is_about() {
    let mut run = running(a_task("x"));
    let error = json!({ "message": "no", "codexErrorInfo": "unauthorized" });
    let params = json!({ "threadId": "t", "turnId": "u", "error": error, "willRetry": false });
    says(&mut run, json!({ "method": "error", "params": params }));
    run.exited(PROCESS, Exit::Code(1), "").unwrap();
    assert_eq!(run.outcome().unwrap().reason.as_deref(), Some("unauthorized"));
}

#[test]
fn nothing_is_written_to_a_codex_that_is_ending() {
    let mut run = running(a_task("x"));
    ends(&mut run, "completed");
    let before = written(&run).len();
    says(
        &mut run,
        json!({ "id": 5, "method": "item/commandExecution/requestApproval", "params": { "itemId": "c" } }),
    );
    run.input(Input::Message(Message::text(Speaker::User, "too late"))).unwrap();
    assert_eq!(written(&run).len(), before);
    assert_eq!(run.events().pop().unwrap()["kind"], "x_codex_undelivered");
}
