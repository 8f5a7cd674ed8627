//! What the real Claude Code CLI asks, and what is said to it while it works.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::claude_code_stage::{Stage, in_pairs, of_kind, text};

#[test]
fn a_denied_command_does_not_run_and_the_agent_hears_why() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:shell {"cmd":"touch forbidden","echo":true}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let heard = record["final_response"].as_str().unwrap();
    assert!(heard.contains("use tabs, not spaces"), "{heard}");
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "denied");
    assert_eq!(stage.project_file("forbidden"), None);
    // Reading commands ask nobody in Claude Code's own default mode; policy sees them all the same.
    let (record, _) = stage.run(r#"mock:shell {"cmd":"ls forbidden","echo":true}"#, json!({}));
    assert!(record["final_response"].as_str().unwrap().contains("use tabs"), "{record}");
    stage.end();
}

#[test]
fn a_person_is_asked_while_the_agent_waits_and_the_answer_reaches_it() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"touch ask-1; echo went on","echo":true}"#, json!({}));
    let asked = stage.asked(&run);
    let shown = stage.place.cli(&["approvals", "show", &asked]);
    assert!(shown.to_string().contains("touch ask-1; echo went on"), "the exact command is shown: {shown}");
    assert!(!stage.place.mark().agents().is_empty(), "the agent waits");
    assert_eq!(stage.project_file("ask-1"), None);
    stage.place.cli(&["approvals", "allow", &asked]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("went on"), "{record}");
    assert!(stage.project_file("ask-1").is_some());
    let at = |kind: &str| events.iter().position(|event| event["type"] == kind).unwrap();
    assert!(
        at("command_started") < at("approval_required") && at("approval_required") < at("command_finished")
    );

    let run = stage.spawn(r#"mock:shell {"cmd":"touch ask-2","echo":true}"#, json!({}));
    let asked = stage.asked(&run);
    stage.place.cli(&["approvals", "deny", &asked, "--message", "write a test first"]);
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("write a test first"), "{record}");
    assert_eq!(stage.project_file("ask-2"), None);
    stage.end();
}

#[test]
fn what_a_person_puts_in_place_runs_instead_unless_policy_denies_it() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"touch ask-1","echo":true}"#, json!({}));
    let asked = stage.asked(&run);
    // A person may allow what policies ask about, not what they deny.
    let denied = stage.place.cli_output(&[
        "approvals",
        "allow",
        &asked,
        "--input",
        r#"{"command":"touch forbidden"}"#,
    ]);
    assert!(!denied.status.success());
    let said =
        String::from_utf8_lossy(&denied.stderr).into_owned() + &String::from_utf8_lossy(&denied.stdout);
    assert!(said.contains("use tabs, not spaces"), "{said}");
    assert_eq!(stage.host.record(&run)["status"], "approval_required", "the question is still open");

    let input = r#"{"command":"touch ask-2; echo edited"}"#;
    stage.place.cli(&["approvals", "allow", &asked, "--input", input]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("edited"), "{record}");
    assert_eq!(stage.project_file("ask-1"), None, "what the agent wanted did not run");
    assert!(stage.project_file("ask-2").is_some());
    assert_eq!(stage.project_file("forbidden"), None);
    let resolved = of_kind(&events, "approval_resolved");
    assert_eq!(resolved[0]["data"]["input"]["command"], "touch ask-2; echo edited", "{resolved:?}");
    in_pairs(&events);
    stage.end();
}

#[test]
fn parallel_calls_are_told_apart_and_asked_about_one_by_one() {
    let mut stage = Stage::set();
    let prompt = r#"mock:parallel {"cmds":["echo one","echo forbidden","echo ask-three"]}"#;
    let run = stage.spawn(prompt, json!({}));
    let asked = stage.asked(&run);
    stage.place.cli(&["approvals", "allow", &asked]);
    let (record, events) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let ended: BTreeMap<&str, &Value> = of_kind(&events, "command_finished")
        .into_iter()
        .map(|event| (event["data"]["command"].as_str().unwrap(), &event["data"]))
        .collect();
    assert_eq!(ended["echo one"]["output"], "one");
    assert_eq!(ended["echo forbidden"]["status"], "denied");
    assert_eq!(ended["echo ask-three"]["output"], "ask-three");
    stage.end();
}

#[test]
fn a_message_reaches_an_agent_that_runs() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:stream {"words":40,"delayMs":50}"#, json!({}));
    stage.begun(&run);
    let said = stage.host.call(
        "continue_run",
        json!({"run_id": run["run_id"], "input_message": text(r#"mock:text {"text":"Steered."}"#)}),
    );
    assert_eq!(said["run_id"], run["run_id"]);
    let (record, events) = stage.finish(&run);
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("Steered.")),
        "{record}"
    );
    assert_eq!(of_kind(&events, "message_added").len(), 1);
    stage.end();
}

#[test]
fn a_question_reaches_the_user_and_the_answer_the_agent() {
    let mut stage = Stage::set();
    let question = json!({"name": "AskUserQuestion", "echo": true, "input": {"questions": [{
        "question": "Which color?", "header": "Color", "multiSelect": false,
        "options": [{"label": "Red", "description": "Warm"}, {"label": "Blue", "description": "Cold"}],
    }]}});
    let run = stage.spawn(&format!("mock:tool {question}"), json!({}));
    let waits = stage.host.event(&run, "input_required");
    assert!(waits["data"]["text"].as_str().unwrap().starts_with("Which color?"), "{waits}");
    assert_eq!(stage.host.record(&run)["status"], "input_required");
    stage.host.call("continue_run", json!({"run_id": run["run_id"], "input_message": text("blue")}));
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains(r#""Which color?"="Blue""#), "{record}");
    stage.end();
}

#[test]
fn a_helpers_commands_are_judged_like_any_other() {
    let mut stage = Stage::set();
    // The letter is written so that the directive inside is not taken for the outer one.
    let prompt = r#"mock:tool {"name":"Task","echo":true,"input":{"description":"sub","subagent_type":"general-purpose","run_in_background":false,"prompt":"\u006dock:shell {\"cmd\":\"touch forbidden\",\"echo\":true}"}}"#;
    let (record, events) = stage.run(prompt, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(stage.project_file("forbidden"), None);
    let task = of_kind(&events, "tool_started")[0];
    let command = of_kind(&events, "command_finished")[0];
    assert_eq!(command["data"]["status"], "denied", "{command}");
    assert_eq!(command["data"]["parent_tool_use_id"], task["data"]["tool_use_id"]);
    stage.end();
}

#[test]
fn a_run_that_waits_for_a_person_can_be_cancelled() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"touch ask-1"}"#, json!({}));
    stage.asked(&run);
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    stage.place.mark().no_agent_left();
    stage.finish(&run);
    assert_eq!(stage.project_file("ask-1"), None);
    assert_eq!(stage.place.cli(&["approvals", "list"]), json!([]));
    stage.end();
}
