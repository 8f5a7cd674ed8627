//! What no recording shows: the command line, answers, questions, cancelling, refusals, and a Claude Code that nobody
//! knows yet.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod stage;

use pointsman_claude_code::{BACKGROUND_TIMER, PROCESS, STOP_TIMER};
use pointsman_sdk::backend::{
    Answer, Effect, Ending, Exit, Input, Output, OutputStream, Refused, Stop, Task,
};
use pointsman_sdk::rehearsal::a_task;
use pointsman_sdk::types::{Access, FilePart, Message, Part, Speaker};
use rstest::rstest;
use serde_json::{Value, json};
use stage::Stage;

#[test]
fn a_plain_run_says_this_and_the_prompt_waits_for_the_hook() {
    let mut run = Stage::raw(a_task("do it"));
    assert_eq!(
        run.run.args(PROCESS).join(" "),
        "-p --input-format=stream-json --output-format=stream-json --verbose --permission-prompt-tool=stdio \
         --permission-mode=default --setting-sources=user,project,local --settings <settings.json>"
    );
    assert_eq!(run.run.process(PROCESS).unwrap().program, "claude");
    let first = run.written();
    assert_eq!(first.len(), 1, "the prompt has to wait: {first:?}");
    let hook = &first[0]["request"]["hooks"]["PreToolUse"][0];
    assert_eq!((&hook["matcher"], &hook["onFailure"]), (&json!("*"), &json!("block")));
    assert_eq!(first[0]["request"].get("appendSystemPrompt"), None, "the stock prompt stays as it is");
    assert_eq!(first[0]["request"].get("systemPrompt"), None);
    run.greet();
    assert_eq!(run.written()[1]["message"]["content"], json!([{"type": "text", "text": "do it"}]));
    assert!(!run.run.effects().contains(&Effect::CloseInput(PROCESS)));
}

#[test]
fn everything_that_can_be_configured_is_said() {
    let config = json!({
        "program": "claude-next", "model": "sonnet", "fallback_model": "haiku", "effort": "high", "max_turns": 7,
        "permission_mode": "acceptEdits", "max_budget_usd": 1.5, "add_dirs": ["/a", "/b"], "setting_sources": ["user"],
        "allowed_tools": ["Read", "Bash(ls:*)"], "disallowed_tools": ["WebFetch"], "settings": {"x": 1},
        "mcp_servers": {"s": {"command": "x"}}, "strict_mcp_config": true, "include_partial_messages": true,
        "extra_args": ["--debug"],
    });
    let task = Task {
        config: config.to_string(),
        access: Access::ReadOnly,
        output_schema: Some(r#"{"type":"object"}"#.to_owned()),
        resume: Some(json!({ "session_id": "0199-a" }).to_string()),
        instructions: Some("Be brief.".to_owned()),
        ..a_task("do it")
    };
    let run = Stage::raw(task);
    assert_eq!(
        run.run.args(PROCESS).join(" "),
        "-p --input-format=stream-json --output-format=stream-json --verbose --permission-prompt-tool=stdio \
         --permission-mode=acceptEdits --setting-sources=user --settings <settings.json> --mcp-config <mcp.json> \
         --strict-mcp-config --model=sonnet --fallback-model=haiku --effort=high --max-turns=7 --max-budget-usd=1.5 \
         --add-dir=/a --add-dir=/b --allowedTools=Read,Bash(ls:*) \
         --disallowedTools=WebFetch,Edit,MultiEdit,NotebookEdit,Write --include-partial-messages --debug \
         --resume=0199-a"
    );
    let request = &run.written()[0]["request"];
    assert_eq!(
        (&request["appendSystemPrompt"], &request["jsonSchema"]),
        (&json!("Be brief."), &json!({"type": "object"}))
    );
    assert_eq!(run.run.events()[0]["data"]["backend_session_id"], "0199-a");
}

#[rstest]
#[case::unknown_key(json!({ "modle": "x" }), "modle")]
#[case::wrong_type(json!({ "model": 7 }), "`model`")]
#[case::unknown_mode(json!({ "permission_mode": "yolo" }), "`permission_mode`")]
#[case::too_much(json!({ "permission_mode": "bypassPermissions" }), "needs full access")]
fn a_wrong_configuration_is_refused_by_its_key(#[case] config: Value, #[case] names: &str) {
    let why = Stage::refusal(Task { config: config.to_string(), ..a_task("x") });
    assert!(why.contains(names), "{why}");
}

#[test]
fn a_session_of_another_kind_is_refused() {
    let why =
        Stage::refusal(Task { resume: Some(json!({ "session_id": "--x" }).to_string()), ..a_task("x") });
    assert!(why.contains("--x"), "{why}");
}

#[test]
fn a_claude_that_takes_no_hook_is_told_no_prompt() {
    let mut run = Stage::raw(a_task("secret plan"));
    run.line(json!({"type": "control_response", "response": {
        "subtype": "error", "request_id": "initialize", "error": "no such thing as hooks"}}));
    run.run.exited(PROCESS, Exit::Code(0), "").unwrap();
    let outcome = run.run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.reason.as_deref()), (Ending::Failed, Some("initialize_refused")));
    assert!(!String::from_utf8(run.run.written(PROCESS)).unwrap().contains("secret plan"));
}

#[test]
fn an_allowed_call_is_asked_about_once_whichever_way_it_is_asked() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.answer("t1", Answer::Allow);
    assert_eq!(run.response("h1")["hookSpecificOutput"]["permissionDecision"], "allow");
    run.can_use("c1", "t1", "Bash", json!({"command": "make"}));
    assert_eq!(run.response("c1"), json!({"behavior": "allow", "updatedInput": {"command": "make"}}));
    assert_eq!(run.asked().len(), 1);
    // While nobody has answered, the second question waits for the same answer.
    run.hook("h2", "t2", "Bash", json!({"command": "make test"}));
    run.can_use("c2", "t2", "Bash", json!({"command": "make test"}));
    run.answer("t2", Answer::Deny("not today".to_owned()));
    assert_eq!(run.response("h2")["hookSpecificOutput"]["permissionDecisionReason"], "not today");
    assert_eq!(run.response("c2"), json!({"behavior": "deny", "message": "not today"}));
    assert_eq!(run.asked().len(), 2);
    run.can_use("c3", "t2", "Bash", json!({"command": "make test"}));
    assert_eq!(run.response("c3")["behavior"], "deny", "no means no");
}

#[test]
fn what_was_allowed_is_not_allowed_with_another_input() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.answer("t1", Answer::Allow);
    // Another hook has changed it meanwhile.
    run.can_use("c1", "t1", "Bash", json!({"command": "rm -rf /"}));
    assert_eq!(run.asked(), ["t1", "t1:1"]);
    run.answer("t1:1", Answer::Deny("certainly not".to_owned()));
    assert_eq!(run.response("c1")["behavior"], "deny");
}

#[test]
fn an_edited_input_is_what_runs_and_what_is_told() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make", "timeout": 5}));
    run.answer("t1", Answer::AllowEdited(r#"{"command":"make check"}"#.to_owned()));
    let output = &run.response("h1")["hookSpecificOutput"];
    assert_eq!(
        (&output["permissionDecision"], &output["updatedInput"]),
        (&json!("allow"), &json!({"command": "make check"}))
    );
    run.can_use("c1", "t1", "Bash", json!({"command": "make check"}));
    assert_eq!(run.response("c1")["updatedInput"]["command"], "make check");
    assert_eq!(run.asked().len(), 1);
    run.line(json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "t1", "content": "ok"}]}}));
    let events = run.run.events();
    let of = |kind: &str| events.iter().find(|event| event["kind"] == kind).unwrap();
    assert_eq!(of("command_started")["data"]["command"], "make");
    assert_eq!(of("command_updated")["data"]["command"], "make check");
    assert_eq!(of("command_finished")["data"]["command"], "make check");

    run.hook("h2", "t2", "Bash", json!({"command": "make"}));
    run.answer("t2", Answer::AllowEdited("[]".to_owned()));
    assert_eq!(run.response("h2")["hookSpecificOutput"]["permissionDecision"], "deny");
}

#[test]
fn a_run_that_may_only_read_leaves_commands_to_what_claude_code_knows_of_them() {
    let mut run = Stage::of(Task { access: Access::ReadOnly, ..a_task("x") });
    run.hook("h1", "t1", "Bash", json!({"command": "ls"}));
    run.answer("t1", Answer::Allow);
    assert_eq!(run.response("h1")["hookSpecificOutput"].get("permissionDecision"), None);
    // It does not know this one for harmless.
    run.can_use("c1", "t1", "Bash", json!({"command": "ls"}));
    assert_eq!(run.response("c1")["behavior"], "deny");
    run.hook("h2", "t2", "Read", json!({"file_path": "/workspace/a"}));
    run.answer("t2", Answer::Allow);
    assert_eq!(run.response("h2")["hookSpecificOutput"]["permissionDecision"], "allow");
    run.hook("h3", "t3", "Write", json!({"file_path": "/workspace/a", "content": ""}));
    assert_eq!(run.response("h3")["hookSpecificOutput"]["permissionDecision"], "deny");
    run.can_use("c4", "t4", "mcp__s__wipe", json!({}));
    assert_eq!(run.response("c4")["behavior"], "deny");
    assert_eq!(run.asked(), ["t1", "t2"]);
}

#[test]
fn a_stricter_mode_keeps_its_own_word() {
    let config = json!({"permission_mode": "dontAsk"}).to_string();
    let mut run = Stage::of(Task { config, ..a_task("x") });
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.answer("t1", Answer::Allow);
    assert_eq!(run.response("h1")["hookSpecificOutput"].get("permissionDecision"), None);
}

#[test]
fn a_question_that_is_taken_back_is_withdrawn_and_not_answered() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.line(json!({"type": "control_cancel_request", "request_id": "h1"}));
    assert_eq!(run.run.effects().last(), Some(&Effect::WithdrawPermission("t1".to_owned())));
    let before = run.written().len();
    run.answer("t1", Answer::Allow);
    assert_eq!(run.written().len(), before, "an answer that comes too late goes nowhere");
}

#[test]
fn a_helpers_call_is_told_before_it_is_asked_about_and_names_who_began_it() {
    let mut run = Stage::new();
    run.assistant(
        json!([{"type": "tool_use", "id": "t1", "name": "Task", "input": {"prompt": "look"}}]),
        None,
    );
    run.line(json!({"type": "system", "subtype": "task_started", "task_id": "a7", "tool_use_id": "t1"}));
    run.line(json!({"type": "control_request", "request_id": "h1", "request": {
        "subtype": "hook_callback", "callback_id": "before_tool", "tool_use_id": "t2",
        "input": {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"},
            "tool_use_id": "t2", "agent_id": "a7", "cwd": "/workspace/sub"}}}));
    run.assistant(
        json!([{"type": "tool_use", "id": "t2", "name": "Bash", "input": {"command": "ls"}}]),
        Some("t1"),
    );
    let events = run.run.events();
    let started: Vec<_> = events.iter().filter(|event| event["item"] == "t2").collect();
    assert_eq!(started.len(), 1, "{started:?}");
    assert_eq!(started[0]["data"]["parent_tool_use_id"], "t1");
    let asked = run.permission("t2");
    assert_eq!(asked["cwd"], "/workspace/sub");
    assert_eq!(asked["ids"], json!({"agent_id": "a7", "parent_tool_use_id": "t1"}));
    // What a helper says is not the run's last word.
    run.assistant(json!([{"type": "text", "text": "helper speaking"}]), Some("t1"));
    run.result(json!({"is_error": false}));
    run.run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.run.outcome().unwrap().final_response, None);
}

const QUESTIONS: &str = r#"{"questions": [
    {"question": "Which color?", "header": "Color", "options": [{"label": "Red", "description": "Warm"}, {"label": "Blue"}]},
    {"question": "How big?", "header": "Size", "multiSelect": true, "options": []}
]}"#;

#[rstest]
#[case::by_id(Part::Data(r#"{"q1":"blue","q2":["S","M"]}"#.into()), "Blue", "S, M")]
#[case::by_header(Part::Data(r#"{"answers":{"Color":"Red","Size":4}}"#.into()), "Red", "4")]
#[case::by_question(Part::Data(r#"{"Which color?":"Green","How big?":"L"}"#.into()), "Green", "L")]
#[case::line_by_line(Part::Text("red\nhuge\n".into()), "Red", "huge")]
#[case::one_for_all(Part::Text("you decide".into()), "you decide", "you decide")]
fn a_question_to_the_user_waits_and_is_answered(
    #[case] part: Part,
    #[case] first: &str,
    #[case] second: &str,
) {
    let mut run = Stage::new();
    let input: Value = serde_json::from_str(QUESTIONS).unwrap();
    run.hook("h1", "t1", "AskUserQuestion", input.clone());
    run.answer("t1", Answer::Allow);
    assert_eq!(
        run.response("h1")["hookSpecificOutput"].get("permissionDecision"),
        None,
        "the user has the word"
    );
    run.can_use("c1", "t1", "AskUserQuestion", input.clone());
    let waits = run.awaited();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].0, "Which color?\n- Red: Warm\n- Blue\n\nHow big?");
    assert_eq!(waits[0].1["questions"][0]["id"], "q1");
    assert_eq!(waits[0].1["questions"][1]["multi_select"], true);
    run.say(vec![part]);
    let response = run.response("c1");
    assert_eq!(response["behavior"], "allow");
    assert_eq!(response["updatedInput"]["answers"], json!({"Which color?": first, "How big?": second}));
    assert_eq!(response["updatedInput"]["questions"], input["questions"]);
}

#[rstest]
#[case(Part::Text("Yes!".into()), None)]
#[case(Part::Data(r#"{"approve":true}"#.into()), None)]
#[case(Part::Data(r#"{"plan":"yes"}"#.into()), None)]
#[case(Part::Data(r#"{"plan":"Think twice."}"#.into()), Some("Think twice."))]
#[case(Part::Text("Split the second step.".into()), Some("Split the second step."))]
#[case(Part::Data(r#"{"approve":false}"#.into()), Some("The plan was not approved."))]
fn a_plan_is_approved_or_sent_back(#[case] part: Part, #[case] feedback: Option<&str>) {
    let mut run = Stage::new();
    run.can_use("c1", "t1", "ExitPlanMode", json!({"plan": "1. Think."}));
    assert!(run.awaited()[0].0.contains("1. Think."));
    run.say(vec![part]);
    let response = run.response("c1");
    match feedback {
        None => assert_eq!(response["behavior"], "allow"),
        Some(text) => assert_eq!(response, json!({"behavior": "deny", "message": text})),
    }
}

#[test]
fn questions_are_put_one_after_the_other_and_can_be_taken_back() {
    let mut run = Stage::new();
    let question = |text: &str| json!({"questions": [{"question": text}]});
    run.can_use("c1", "t1", "AskUserQuestion", question("One?"));
    run.can_use("c2", "t2", "AskUserQuestion", question("Two?"));
    run.can_use("c3", "t3", "AskUserQuestion", question("Three?"));
    assert_eq!(run.awaited().len(), 1);
    run.say(vec![Part::Text("first".into())]);
    run.line(json!({"type": "control_cancel_request", "request_id": "c2"}));
    let texts: Vec<String> = run.awaited().into_iter().map(|(text, _)| text).collect();
    assert_eq!(texts, ["One?", "Two?", "Three?"]);
    run.say(vec![Part::Text("third".into())]);
    assert_eq!(run.response("c1")["updatedInput"]["answers"]["One?"], "first");
    assert_eq!(run.response("c3")["updatedInput"]["answers"]["Three?"], "third");
    assert!(run.unanswered("c2"));
}

#[test]
fn further_messages_are_said_while_a_turn_runs_and_the_conversation_stays_open_for_them() {
    let mut run = Stage::new();
    run.lifecycle(1, "completed");
    run.say(vec![Part::Text("and this".into())]);
    run.lifecycle(2, "queued");
    run.result(json!({"is_error": false, "result": "first"}));
    assert!(!run.is_closed(), "a message is still to be read");
    run.lifecycle(2, "started");
    run.lifecycle(2, "completed");
    run.result(json!({"is_error": false, "result": "second"}));
    assert!(run.is_closed());
    run.say(vec![Part::Text("too late".into())]);
    assert_eq!(run.run.events().last().unwrap()["kind"], "x_claude_code_undelivered");
    run.run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.run.outcome().unwrap().final_response.as_deref(), Some("second"));
}

#[test]
fn a_process_that_goes_on_gives_its_messages_ids_of_their_own() {
    // Claude Code takes a message of an id but once, and a run that is corrected has two processes.
    let resumed = |tokens: u32| {
        let resume = json!({"session_id": "s", "used": {"input_tokens": tokens}});
        Stage::of(Task { resume: Some(resume.to_string()), ..a_task("again") }).written()[1]["uuid"].clone()
    };
    let first = Stage::of(a_task("again")).written()[1]["uuid"].clone();
    assert!(first != resumed(1) && resumed(1) != resumed(2), "{first}");
    assert_eq!(resumed(1).as_str().unwrap().len(), 36);
}

#[test]
fn images_are_handed_over() {
    let image = FilePart {
        uri: None,
        bytes: Some(vec![1, 2, 3]),
        mime_type: Some("image/png".to_owned()),
        name: None,
    };
    let message = Message { speaker: Speaker::User, parts: vec![Part::File(image)], metadata: None };
    let run = Stage::of(Task { message, ..a_task("") });
    assert_eq!(run.written()[1]["message"]["content"][0]["source"]["data"], "AQID");
}

#[test]
fn background_work_is_waited_for_but_not_for_ever() {
    let tasks = |ids: Value| json!({"type": "system", "subtype": "background_tasks_changed", "tasks": ids});
    let mut run = Stage::new();
    run.line(tasks(json!([{"task_id": "b1"}])));
    run.result(json!({"is_error": false, "result": "it runs"}));
    assert!(!run.is_closed());
    assert!(run.run.effects().contains(&Effect::SetTimer((BACKGROUND_TIMER, 600_000))));
    // It ends, Claude Code tells its agent, and another turn follows.
    run.line(tasks(json!([])));
    run.line(json!({"type": "system", "subtype": "init", "session_id": "s"}));
    run.run.input(Input::Timer(BACKGROUND_TIMER)).unwrap();
    assert!(!run.is_closed(), "a turn runs");
    run.result(json!({"is_error": false, "result": "it is done"}));
    assert!(run.is_closed());

    let mut run = Stage::new();
    run.line(tasks(json!([{"task_id": "b1"}])));
    run.result(json!({"is_error": false, "result": "it runs"}));
    run.run.input(Input::Timer(BACKGROUND_TIMER)).unwrap();
    assert!(run.is_closed());
    assert_eq!(run.stops(), [Stop::Interrupt]);
    run.run.exited(PROCESS, Exit::Code(0), "").unwrap();
    assert_eq!(run.run.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn a_cancelled_run_is_asked_more_and_more_firmly_and_nothing_is_left_open() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.can_use("c2", "t2", "AskUserQuestion", json!({"questions": [{"question": "Why?"}]}));
    run.run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.run.input(Input::Cancel("enough, I said".to_owned())).unwrap();
    assert_eq!(run.response("h1")["hookSpecificOutput"]["permissionDecision"], "deny");
    assert_eq!(run.response("c2")["behavior"], "deny");
    let interrupts = run.written().iter().filter(|line| line["request"]["subtype"] == "interrupt").count();
    assert_eq!((interrupts, run.is_closed(), run.stops().len()), (1, true, 0));
    for _ in 0..4 {
        run.run.input(Input::Timer(STOP_TIMER)).unwrap();
    }
    assert_eq!(run.stops(), [Stop::Interrupt, Stop::Terminate, Stop::Kill]);
    run.run.exited(PROCESS, Exit::Signal(9), "").unwrap();
    let outcome = run.run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.error.as_deref()), (Ending::Cancelled, Some("enough")));
    let finished: Vec<_> =
        run.run.events().into_iter().filter(|event| event["data"]["status"] == "interrupted").collect();
    assert_eq!(finished.len(), 2, "{finished:?}");
}

#[test]
fn when_nobody_will_answer_the_run_ends() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.answer("t1", Answer::Cancelled);
    assert_eq!(run.response("h1")["hookSpecificOutput"]["permissionDecision"], "deny");
    assert!(run.is_closed());
    run.run.exited(PROCESS, Exit::Code(1), "").unwrap();
    assert_eq!(run.run.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn without_a_timer_a_cancelled_run_is_not_left_waiting() {
    let mut run = Stage::new();
    run.run.input(Input::Cancel("enough".to_owned())).unwrap();
    run.run.input(refused("set-timer")).unwrap();
    assert_eq!(run.stops(), [Stop::Interrupt]);
}

#[test]
fn a_claude_that_may_not_or_cannot_start_ends_the_run() {
    let mut run = Stage::raw(a_task("x"));
    run.run.input(refused("start-process")).unwrap();
    assert_eq!(run.run.outcome().unwrap().reason.as_deref(), Some("not_granted"));
    let mut run = Stage::raw(a_task("x"));
    run.run.input(Input::ProcessFailed((PROCESS, "no such file".to_owned()))).unwrap();
    let outcome = run.run.outcome().unwrap();
    assert_eq!(outcome.reason.as_deref(), Some("start_failed"));
    assert!(outcome.error.as_deref().unwrap().contains("no such file"));
}

#[test]
fn a_host_that_cannot_ask_lets_nothing_pass() {
    let mut run = Stage::new();
    run.hook("h1", "t1", "Bash", json!({"command": "make"}));
    run.run.input(refused("ask-permission")).unwrap();
    assert_eq!(run.response("h1")["hookSpecificOutput"]["permissionDecision"], "deny");
}

#[rstest]
#[case::silence(&[], Exit::Code(0), "no_outcome")]
#[case::another_program(&["hello"], Exit::Code(0), "no_outcome")]
#[case::killed_from_outside(&[], Exit::Signal(9), "exit_status")]
#[case::said_error(&[r#"{"type":"result","is_error":true,"api_error_status":429}"#], Exit::Code(1), "rate_limited")]
fn an_end_without_success_is_a_failure(#[case] lines: &[&str], #[case] exit: Exit, #[case] reason: &str) {
    let mut run = Stage::new();
    run.run.lines(PROCESS, lines.iter().copied()).unwrap();
    run.run.exited(PROCESS, exit, "").unwrap();
    let outcome = run.run.outcome().unwrap();
    assert_eq!((outcome.ending, outcome.reason.as_deref()), (Ending::Failed, Some(reason)));
}

#[rstest]
#[case(r#"{"type":"session_moved","to":"x"}"#, "x_claude_code_session_moved", json!({"to": "x"}))]
#[case(r#"{"type":"system","subtype":"Dream State","n":1}"#, "x_claude_code_dream_state", json!({"n": 1}))]
#[case(r#"{"type":"assistant","message":{"content":[{"type":"hologram","n":1}]}}"#, "x_claude_code_hologram",
    json!({"block": {"type": "hologram", "n": 1}}))]
#[case(r#"{"type":"assistant"}"#, "x_claude_code_assistant", json!({}))]
#[case(r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"nobody","content":"x"}]}}"#,
    "x_claude_code_tool_result", json!({"is_error": false, "output": "x", "status": "completed"}))]
#[case(r#"{"type":7}"#, "x_claude_code_output", json!({"line": {"type": 7}}))]
#[case("Segmentation fault", "x_claude_code_output", json!({"text": "Segmentation fault"}))]
#[case(r#"{"type":"assis"#, "x_claude_code_output", json!({"text": r#"{"type":"assis"#}))]
#[case(r#"{"type":"control_request","request_id":"r","request":{"subtype":"teleport","n":1}}"#,
    "x_claude_code_teleport", json!({"n": 1}))]
fn what_nobody_knows_is_told_as_it_is(#[case] line: &str, #[case] kind: &str, #[case] data: Value) {
    let mut run = Stage::new();
    run.run.lines(PROCESS, [line]).unwrap();
    let event = run.run.events().pop().unwrap();
    assert_eq!((event["kind"].as_str().unwrap(), &event["data"]), (kind, &data));
}

#[test]
fn a_request_that_nobody_can_answer_is_refused_and_not_left_waiting() {
    let mut run = Stage::new();
    run.line(json!({"type": "control_request", "request_id": "r1", "request": {"subtype": "teleport"}}));
    assert_eq!(run.written().last().unwrap()["response"]["subtype"], "error");
    // One that was too long to be read.
    let lines =
        vec![r#"{"type":"control_request","request_id":"r2","request":{"subtype":"hook_cal"#.to_owned()];
    let stream = OutputStream::StandardOutput;
    run.run.input(Input::ProcessOutput(Output { id: PROCESS, stream, lines, clipped: vec![0] })).unwrap();
    let last = run.written().pop().unwrap();
    assert_eq!(
        (&last["response"]["subtype"], &last["response"]["request_id"]),
        (&json!("error"), &json!("r2"))
    );
    assert_eq!(run.run.events().pop().unwrap()["data"]["clipped"], true);
}

#[test]
fn edits_and_lists_are_told_in_shared_words() {
    let mut run = Stage::new();
    run.assistant(
        json!([
            {"type": "tool_use", "id": "a", "name": "Edit", "input": {"file_path": "/f", "old_string": "x", "new_string": "y"}},
            {"type": "tool_use", "id": "b", "name": "TodoWrite", "input": {"todos": [{"content": "c", "status": "completed"}]}},
            {"type": "tool_use", "id": "c", "name": "mcp__git__log", "input": {"n": 1}},
            {"type": "tool_use", "id": "d", "name": "Edit", "input": {"file_path": "/g", "old_string": "x", "new_string": "y"}},
        ]),
        None,
    );
    let patch = json!([{"oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": 1, "lines": ["-x", "+y"]}]);
    for (id, error, structured) in [
        ("a", false, json!({"filePath": "/f", "structuredPatch": patch})),
        ("b", false, Value::Null),
        ("c", false, Value::Null),
        ("d", true, json!("Error: no match")),
    ] {
        run.line(json!({"type": "user", "tool_use_result": structured, "message": {"content": [
            {"type": "tool_result", "tool_use_id": id, "content": "no match", "is_error": error}]}}));
    }
    insta::assert_json_snapshot!(run.run.events().split_off(2));
}

#[test]
fn a_failed_command_tells_its_status_and_what_it_printed() {
    let mut run = Stage::new();
    for (id, content, structured, error) in [
        ("a", json!("Exit code 3\nboom"), json!("Error: Exit code 3\nboom"), true),
        ("b", json!("out\nerr"), json!({"stdout": "out", "stderr": "err", "interrupted": false}), false),
        (
            "c",
            json!("Running with ID: b1"),
            json!({"stdout": "", "stderr": "", "backgroundTaskId": "b1"}),
            false,
        ),
    ] {
        run.assistant(
            json!([{"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "x"}}]),
            None,
        );
        run.line(json!({"type": "user", "tool_use_result": structured, "message": {"content": [
            {"type": "tool_result", "tool_use_id": id, "content": content, "is_error": error}]}}));
    }
    let events = run.run.events();
    let ended: Vec<&Value> = events
        .iter()
        .filter(|event| event["kind"] == "command_finished")
        .map(|event| &event["data"])
        .collect();
    assert_eq!(
        (&ended[0]["exit_code"], &ended[0]["output"], &ended[0]["status"]),
        (&json!(3), &json!("boom"), &json!("failed"))
    );
    assert_eq!(
        (&ended[1]["exit_code"], &ended[1]["output"], &ended[1]["stderr"]),
        (&json!(0), &json!("out\nerr"), &json!("err"))
    );
    assert_eq!((ended[2].get("exit_code"), &ended[2]["background_task_id"]), (None, &json!("b1")));
}

fn refused(effect: &str) -> Input {
    Input::Refused(Refused {
        effect: effect.to_owned(),
        id: None,
        leaf: "process/spawn@1".to_owned(),
        reason: "add the grant".to_owned(),
    })
}
