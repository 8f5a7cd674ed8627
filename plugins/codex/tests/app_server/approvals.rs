//! What codex asks, and what it is answered.

use pointsman_codex::Codex;
use pointsman_sdk::backend::{Answer, Effect, Input, Permission};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use rstest::rstest;
use serde_json::{Value, json};

use crate::behaviour::{ends, item, running, says};
use crate::dialogue::{requests, written};

/// Gives what was asked of policies last.
fn asked(run: &Rehearsal<Codex>) -> Permission {
    let mut asked = run.effects().iter().rev().filter_map(|effect| match effect {
        Effect::AskPermission(asked) => Some(asked.clone()),
        _ => None,
    });
    asked.next().unwrap()
}

fn detail(run: &Rehearsal<Codex>) -> Value {
    serde_json::from_str(&asked(run).detail).unwrap()
}

fn withdrawn(run: &Rehearsal<Codex>) -> Vec<String> {
    let withdrawn = run.effects().iter().filter_map(|effect| match effect {
        Effect::WithdrawPermission(id) => Some(id.clone()),
        _ => None,
    });
    withdrawn.collect()
}

/// Has codex ask something.
fn asks(run: &mut Rehearsal<Codex>, id: Value, method: &str, params: Value) {
    let mut params = params;
    params["threadId"] = json!("t");
    params["turnId"] = json!("u");
    says(run, json!({ "id": id, "method": method, "params": params }));
}

/// Has codex ask about a command of which it has told.
fn asks_about_a_command(run: &mut Rehearsal<Codex>, id: Value, more: Value) {
    item(
        run,
        "started",
        json!({ "type": "commandExecution", "id": "c", "command": "bash -lc 'ls | wc'", "cwd": "/workspace", "status": "inProgress" }),
    );
    let mut params = json!({
        "kind": "command", "itemId": "c", "command": "bash -lc 'ls | wc'", "cwd": "/workspace",
        "commandActions": [{ "type": "listFiles", "command": "ls" }, { "type": "unknown", "command": "wc" }],
    });
    for (name, value) in more.as_object().unwrap() {
        params[name] = value.clone();
    }
    asks(run, id, "item/commandExecution/requestApproval", params);
}

/// Has the model write its call, word for word.
fn wrote(run: &mut Rehearsal<Codex>, arguments: Value) {
    let item = json!({ "type": "function_call", "call_id": "c", "arguments": arguments.to_string() });
    says(run, json!({ "method": "rawResponseItem/completed", "params": { "threadId": "t", "item": item } }));
}

fn answer(run: &mut Rehearsal<Codex>, answer: Answer) {
    let id = asked(run).id;
    run.input(Input::Permission((id, answer))).unwrap();
}

fn last_written(run: &Rehearsal<Codex>) -> Value {
    written(run).pop().unwrap()
}

#[test]
fn a_command_is_shown_as_it_would_run() {
    let mut run = running(a_task("x"));
    wrote(&mut run, json!({ "cmd": "ls | wc" }));
    asks_about_a_command(&mut run, json!(0), json!({}));
    let permission = asked(&run);
    assert_eq!((permission.kind.as_str(), permission.title.as_str()), ("command", "ls; wc"));
    assert_eq!((permission.item.as_deref(), permission.editable), (Some("c"), false));
    let detail = detail(&run);
    assert_eq!(
        (&detail["command"], &detail["cwd"], &detail["sandboxed"]),
        (&json!("bash -lc 'ls | wc'"), &json!("/workspace"), &json!(true))
    );
}

#[rstest]
#[case::unseen(None, json!({}))]
#[case::unannounced(Some(json!({ "cmd": "ls", "sandbox_permissions": "require_escalated" })), json!({}))]
#[case::announced(Some(json!({ "cmd": "ls" })), json!({ "reason": "May I?" }))]
#[case::wider(Some(json!({ "cmd": "ls" })), json!({ "additionalPermissions": { "network": { "enabled": true } } }))]
#[case::input_of_a_terminal(Some(json!({ "cmd": "ls" })), json!({ "kind": "writeStdin" }))]
fn a_command_that_may_leave_the_sandbox_is_not_called_sandboxed(
    #[case] wrote_it: Option<Value>,
    #[case] more: Value,
) {
    let mut run = running(a_task("x"));
    if let Some(arguments) = wrote_it {
        wrote(&mut run, arguments);
    }
    asks_about_a_command(&mut run, json!(0), more);
    assert_eq!(detail(&run)["sandboxed"], false);
}

#[test]
fn a_command_that_codex_told_nothing_of_is_told_before_it_is_asked_about() {
    let mut run = running(a_task("x"));
    asks(
        &mut run,
        json!("r"),
        "item/commandExecution/requestApproval",
        json!({ "itemId": "c", "command": "ls" }),
    );
    let told = run.events().pop().unwrap();
    assert_eq!(
        (&told["kind"], &told["item"], &told["data"]["command"]),
        (&json!("command_started"), &json!("c"), &json!("ls"))
    );
    assert_eq!(asked(&run).title, "ls");
    answer(&mut run, Answer::Allow);
    assert_eq!(last_written(&run), json!({ "id": "r", "result": { "decision": "accept" } }));
}

#[test]
fn an_edit_is_shown_with_its_diff() {
    let mut run = running(a_task("x"));
    let changes = json!([{ "path": "/workspace/a", "kind": { "type": "add" }, "diff": "hi\n" }]);
    item(
        &mut run,
        "started",
        json!({ "type": "fileChange", "id": "f", "changes": changes, "status": "inProgress" }),
    );
    asks(&mut run, json!(3), "item/fileChange/requestApproval", json!({ "itemId": "f", "reason": null }));
    let permission = asked(&run);
    assert_eq!((permission.kind.as_str(), permission.title.as_str()), ("edit", "edit /workspace/a"));
    assert_eq!(
        detail(&run),
        json!({ "changes": [{ "path": "/workspace/a", "kind": "add", "diff": "hi\n" }], "sandboxed": false })
    );
    // One that is declined has changed nothing.
    item(
        &mut run,
        "completed",
        json!({ "type": "fileChange", "id": "f", "changes": changes, "status": "declined" }),
    );
    let kinds = run.kinds();
    assert_eq!((kinds.get("file_changed"), kinds["tool_started"], kinds["tool_finished"]), (None, 1, 1));
}

#[test]
fn where_a_file_is_moved_to_is_one_of_the_paths_that_are_judged() {
    let mut run = running(a_task("x"));
    let changes =
        json!([{ "path": "/workspace/a", "kind": { "type": "update", "move_path": "/etc/a" }, "diff": "" }]);
    item(
        &mut run,
        "started",
        json!({ "type": "fileChange", "id": "f", "changes": changes, "status": "inProgress" }),
    );
    asks(&mut run, json!(3), "item/fileChange/requestApproval", json!({ "itemId": "f" }));
    assert_eq!(detail(&run)["changes"][0]["moved_to"], "/etc/a");
}

#[test]
fn feedback_is_said_to_the_turn_before_the_no() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    answer(&mut run, Answer::Deny("Use the other folder.".to_owned()));
    let written = written(&run);
    let [steer, no] = &written[written.len() - 2..] else { unreachable!("more was written") };
    assert_eq!((&steer["method"], &steer["params"]["expectedTurnId"]), (&json!("turn/steer"), &json!("u")));
    let said = steer.pointer("/params/input/0/text").and_then(Value::as_str).unwrap();
    assert!(said.contains("ls; wc") && said.contains("Use the other folder."), "{said}");
    assert_eq!(*no, json!({ "id": 0, "result": { "decision": "decline" } }));
}

#[test]
fn feedback_that_a_turn_does_not_hear_is_told() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    answer(&mut run, Answer::Deny("No.".to_owned()));
    let steer = requests(&run).pop().unwrap();
    says(&mut run, json!({ "id": steer["id"], "error": { "message": "cannot steer a review" } }));
    let told = run.events().pop().unwrap();
    assert_eq!(
        (&told["kind"], &told["data"]["reason"]),
        (&json!("x_codex_undelivered"), &json!("cannot steer a review"))
    );
}

#[rstest]
#[case(Answer::Allow, "accept")]
#[case(Answer::Deny(String::new()), "decline")]
#[case(Answer::AllowEdited("{}".to_owned()), "decline")]
#[case(Answer::Cancelled, "cancel")]
fn decisions_are_codexs(#[case] said: Answer, #[case] decision: &str) {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    answer(&mut run, said.clone());
    assert_eq!(last_written(&run), json!({ "id": 0, "result": { "decision": decision } }));
    let before = written(&run).len();
    // A second answer has nothing to answer.
    run.input(Input::Permission((asked(&run).id, said))).unwrap();
    assert_eq!(written(&run).len(), before);
}

#[rstest]
#[case(Answer::Allow, json!({ "network": { "enabled": true }, "fileSystem": { "write": ["/b"] } }), "completed")]
#[case(Answer::Deny(String::new()), json!({}), "declined")]
#[case(Answer::Cancelled, json!({}), "declined")]
fn wider_permissions_are_granted_as_asked_or_not_at_all(
    #[case] said: Answer,
    #[case] granted: Value,
    #[case] status: &str,
) {
    let mut run = running(a_task("x"));
    let wanted = json!({ "network": { "enabled": true }, "fileSystem": { "write": ["/b"] } });
    let params = json!({ "itemId": "p", "permissions": wanted, "reason": "to build", "cwd": "/workspace" });
    asks(&mut run, json!(0), "item/permissions/requestApproval", params);
    let permission = asked(&run);
    assert_eq!(
        (permission.kind.as_str(), permission.title.as_str()),
        ("other", "wider permissions: network, write /b")
    );
    assert_eq!(detail(&run)["reason"], "to build");
    assert_eq!(run.events().pop().unwrap()["kind"], "tool_started");
    answer(&mut run, said);
    assert_eq!(last_written(&run), json!({ "id": 0, "result": { "permissions": granted, "scope": "turn" } }));
    let told = run.events().pop().unwrap();
    assert_eq!(
        (&told["kind"], &told["item"], &told["data"]["status"]),
        (&json!("tool_finished"), &json!("p"), &json!(status))
    );
}

#[test]
fn two_calls_of_one_tool_are_told_apart_by_their_input() {
    let mut run = running(a_task("x"));
    for (id, q) in [("a", 1), ("b", 2)] {
        item(
            &mut run,
            "started",
            json!({ "type": "mcpToolCall", "id": id, "server": "s", "tool": "t", "arguments": { "q": q }, "status": "inProgress" }),
        );
    }
    let meta = json!({ "codex_approval_kind": "mcp_tool_call", "tool_name": "t", "tool_params": { "q": 2 } });
    asks(
        &mut run,
        json!(0),
        "mcpServer/elicitation/request",
        json!({ "serverName": "s", "_meta": meta, "message": "Allow?" }),
    );
    assert_eq!((asked(&run).item.as_deref(), asked(&run).kind.as_str()), (Some("b"), "tool"));
    assert_eq!(
        (&detail(&run)["tool"], &detail(&run)["server"], &detail(&run)["input"]),
        (&json!("t"), &json!("s"), &json!({ "q": 2 }))
    );
    answer(&mut run, Answer::Deny(String::new()));
    assert_eq!(last_written(&run)["result"]["action"], "decline");
}

#[test]
fn a_command_that_wants_the_network_is_a_fetch() {
    let mut run = running(a_task("x"));
    let network = json!({ "host": "example.org", "protocol": "https" });
    asks_about_a_command(&mut run, json!(0), json!({ "networkApprovalContext": network }));
    assert_eq!((asked(&run).kind.as_str(), &detail(&run)["url"]), ("fetch", &json!("https://example.org")));
}

#[test]
fn a_question_that_codex_takes_back_is_withdrawn() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    let id = asked(&run).id;
    says(
        &mut run,
        json!({ "method": "serverRequest/resolved", "params": { "threadId": "t", "requestId": 0 } }),
    );
    assert_eq!(withdrawn(&run), [id]);
    answer(&mut run, Answer::Allow);
    assert!(last_written(&run).get("result").is_none(), "nobody asks any more");
}

#[test]
fn a_question_that_was_answered_is_not_withdrawn() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    answer(&mut run, Answer::Allow);
    says(
        &mut run,
        json!({ "method": "serverRequest/resolved", "params": { "threadId": "t", "requestId": 0 } }),
    );
    assert!(withdrawn(&run).is_empty());
}

#[test]
fn the_end_of_a_turn_takes_its_questions_back() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    ends(&mut run, "interrupted");
    assert_eq!(withdrawn(&run).len(), 1);
}

#[test]
fn a_cancelled_run_allows_nothing() {
    let mut run = running(a_task("x"));
    asks_about_a_command(&mut run, json!(0), json!({}));
    run.input(Input::Cancel("enough".to_owned())).unwrap();
    asks(
        &mut run,
        json!(1),
        "item/commandExecution/requestApproval",
        json!({ "itemId": "d", "command": "rm" }),
    );
    asks(&mut run, json!(2), "item/tool/requestUserInput", json!({ "itemId": "e", "questions": [] }));
    let answers: Vec<Value> = written(&run).into_iter().filter(|line| line.get("method").is_none()).collect();
    assert_eq!(answers[0], json!({ "id": 0, "result": { "decision": "cancel" } }));
    assert_eq!(answers[1], json!({ "id": 1, "result": { "decision": "cancel" } }));
    assert_eq!(answers[2]["id"], 2);
    assert!(answers[2].get("error").is_some());
}

#[rstest]
#[case("item/tool/call", json!({ "tool": "host_lookup", "arguments": {} }), "x_codex_tool_call_refused")]
#[case("applyPatchApproval", json!({ "callId": "c" }), "x_codex_apply_patch_approval")]
#[case("moon/landing", json!({ "n": 1 }), "x_codex_moon_landing")]
fn what_nobody_here_can_do_is_refused_and_told(
    #[case] method: &str,
    #[case] params: Value,
    #[case] kind: &str,
) {
    let mut run = running(a_task("x"));
    asks(&mut run, json!(0), method, params);
    let no = last_written(&run);
    assert!(no["result"]["success"] == false || no["error"]["code"] == -32601, "{no}");
    assert_eq!(run.events().pop().unwrap()["kind"], kind);
}
