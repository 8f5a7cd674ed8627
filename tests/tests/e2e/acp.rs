//! Four real agents that speak the Agent Client Protocol, driven by the host, against a model server on loopback that
//! does what the prompt says. After each test no process is left.
//!
//! | | `codex-acp` | `claude-agent-acp` | `gemini --acp` | `opencode acp` |
//! | --- | --- | --- | --- | --- |
//! | text, thought, resume | yes | yes | yes, from the next minute on | yes |
//! | command allowed, denied with feedback, asked and answered later | yes | yes | yes | yes |
//! | edited input | the protocol has no words for it | | | |
//! | file, large output | yes | yes | yes | yes |
//! | several tools at once, each answered for itself | yes; a no ends them all | yes | one after the other | yes |
//! | structured output, good and bad | yes | yes | yes | yes |
//! | 429, 500, overloaded, cut stream | fails | fails | fails | fails, after a minute if it is a cut stream |
//! | … and tells that it tries again | yes | no | when it leaves, but for a cut stream | no |
//! | trouble that passes | completes | completes | completes | completes |
//! | silent model: given up, cancelled; killed | yes | yes | yes | yes |
//! | further messages while it works | the protocol has no words for it | | | |
//! | login, unknown mode | | | yes | |

use std::collections::BTreeSet;

use pointsman_tests::{AcpAgent, eventually};
use rstest::rstest;
use serde_json::{Value, json};

use crate::acp_stage::{Stage, cancel, command, of_kind};

#[rstest]
fn text_comes_back_and_the_session_is_taken_up_again(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = Stage::set(agent);
    let (record, events) = stage.run(r#"Say it: mock:think {"think":"Hm.","text":"Hello from the model."}"#);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "Hello from the model.");
    assert!(record["usage"]["input_tokens"].as_u64().unwrap() >= 1000, "{record}");
    assert!(record["remote_ref"]["conversation_id"].is_string(), "{record}");
    assert_eq!(of_kind(&events, "agent_message").len(), 1);
    let thoughts = of_kind(&events, "reasoning");
    assert_eq!(thoughts.len(), 1, "{thoughts:#?}");
    assert!(thoughts[0]["data"]["text"].as_str().unwrap().ends_with("Hm."), "{thoughts:#?}");
    stage.place.mark().no_agent_left();

    let message = json!({"role": "user", "parts": [{"type": "text", "text": "mock:recall"}]});
    let continued =
        stage.host.call("continue_run", json!({"run_id": record["run_id"], "input_message": message}));
    // Gemini's session is loaded in the next minute: it would be emptied in this one.
    let second = stage.finish_slowly(&continued);
    let events = stage.host.events(&continued);
    assert_eq!(second["status"], "completed", "{second}");
    let seen = second["final_response"].as_str().unwrap();
    assert!(seen.contains("2 scripted prompt(s)"), "{seen}");
    assert_eq!(of_kind(&events, "agent_message").len(), 1, "the old conversation is not told again");
    stage.end();
}

#[rstest]
fn commands_are_allowed_denied_and_asked_about(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = Stage::set(agent);

    let (record, events) = stage.run(&stage.command("printf 'seen-%s' 42; touch fine"));
    assert_eq!(record["status"], "completed", "{record}");
    assert!(stage.has("fine"));
    let (started, finished) = command(&events);
    assert_eq!(started["data"]["command"], "printf 'seen-%s' 42; touch fine");
    assert_eq!(finished["data"]["status"], "completed");
    assert!(record["final_response"].as_str().unwrap().contains("seen-42"), "{record}");

    let (record, events) = stage.run(&stage.command("touch never"));
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "Then I leave it.", "the reason has reached the model");
    assert!(!stage.has("never"));
    assert_eq!(command(&events).1["data"]["status"], "declined");

    let run = stage.spawn(&stage.command("touch asked"));
    let asked = stage.question(&run);
    assert!(!stage.place.mark().agents().is_empty(), "the agent waits for the answer");
    assert!(!stage.has("asked"));
    stage.place.cli(&["approvals", "allow", &asked]);
    let record = stage.host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(stage.has("asked"));

    let run = stage.spawn(&stage.command("touch refused"));
    let asked = stage.question(&run);
    stage.place.cli(&["approvals", "deny", &asked, "--message", r#"mock:text {"text":"As you say."}"#]);
    let record = stage.host.finish(&run);
    assert_eq!((&record["status"], &record["final_response"]), (&json!("completed"), &json!("As you say.")));
    assert!(!stage.has("refused"));
    stage.end();
}

/// Gives a prompt that has the agent run two commands at once.
fn two(agent: AcpAgent, commands: [&str; 2]) -> String {
    let calls = commands.map(|command| json!({ "shell": command, "escalate": agent == AcpAgent::Codex }));
    format!("mock:script {}", json!({ "steps": [{ "calls": calls }, { "text": "Both are done." }] }))
}

#[rstest]
fn several_tools_at_once_keep_their_pairs(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = Stage::set(agent);
    let (record, events) = stage.run(&two(agent, ["touch fine-one", "touch fine-two"]));
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("Both are done.")),
        "{record}"
    );
    assert!(stage.has("fine-one") && stage.has("fine-two"));
    let ids = |kind| -> BTreeSet<String> {
        of_kind(&events, kind).iter().map(|event| event["data"]["item_id"].to_string()).collect()
    };
    assert_eq!((ids("command_started").len(), of_kind(&events, "command_started").len()), (2, 2));
    assert_eq!(ids("command_started"), ids("command_finished"));
    let ended = of_kind(&events, "command_finished");
    assert!(
        ended.len() == 2 && ended.iter().all(|event| event["data"]["status"] == "completed"),
        "{ended:#?}"
    );

    // A person is asked about both, and answers each for itself. Codex ends its turn at a no, so that comes last.
    let run = stage.spawn(&two(agent, ["touch first", "touch second"]));
    let asked = stage.question_about("touch first");
    stage.place.cli(&["approvals", "allow", &asked]);
    // The file, not the event: Codex's adapter tells nothing more while a question is open.
    let file = stage.place.project().join("first");
    eventually("the first command", || file.exists().then_some(()));
    let asked = stage.question_about("touch second");
    let words = r#"mock:text {"text":"One is done."}"#;
    stage.place.cli(&["approvals", "deny", &asked, "--message", words]);
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["final_response"]),
        (&json!("completed"), &json!("One is done.")),
        "{record}"
    );
    assert!(!stage.has("second"));
    let events = stage.host.events(&run);
    let ended: Vec<&Value> =
        of_kind(&events, "command_finished").into_iter().map(|event| &event["data"]["status"]).collect();
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert_eq!(ended.iter().filter(|status| **status == "declined").count(), 1, "{ended:?}");
    // Codex's turn ended before its adapter had told that the other command was done.
    let done =
        |status: &&Value| *status == "completed" || agent == AcpAgent::Codex && *status == "interrupted";
    assert_eq!(ended.iter().filter(|status| done(status)).count(), 1, "{ended:?}");
    stage.end();
}

#[rstest]
fn files_change_and_large_outputs_come_back(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = Stage::set(agent);
    let (record, events) = stage.run(r#"mock:write {"path":"new.txt","content":"made by an agent\n"}"#);
    assert_eq!(record["status"], "completed", "{record}");
    let made = std::fs::read_to_string(stage.place.project().join("new.txt")).unwrap();
    assert_eq!(made, "made by an agent\n");
    let changed = of_kind(&events, "file_changed");
    let change = &changed.last().unwrap()["data"]["changes"][0];
    assert_eq!(change["kind"], "add", "{change}");
    assert!(change["diff"].as_str().unwrap().contains("+made by an agent"), "{change}");
    assert_eq!(of_kind(&events, "tool_started").len(), of_kind(&events, "tool_finished").len());

    let (record, events) =
        stage.run(&stage.command("echo fine; seq 1 40000").replace("\"echo\":true", "\"echo\":false"));
    assert_eq!(record["status"], "completed", "{record}");
    let (_, finished) = command(&events);
    assert!(finished.to_string().len() <= 16_384, "{}", finished.to_string().len());
    stage.end();
}

#[rstest]
fn an_output_schema_is_held_to(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let schema = json!({
        "type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"],
        "additionalProperties": false,
    });
    let mut stage = Stage::set(agent);
    let prompt = r#"mock:text {"text":"```json\n{\"answer\": 42}\n```"}"#;
    let run = stage.host.spawn(&stage.place, "acp", prompt, json!({"output_schema": schema}));
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["structured_output"]),
        (&json!("completed"), &json!({"answer": 42}))
    );
    let prompt = r#"mock:text {"text":"forty-two"}"#;
    let run = stage.host.spawn(&stage.place, "acp", prompt, json!({"output_schema": schema}));
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("output_schema_mismatch"))
    );
    stage.end();
}

#[test]
fn a_mode_that_the_agent_does_not_have_is_named() {
    let mut stage = Stage::with(AcpAgent::Gemini, json!({"mode": "berserk"}));
    let (record, _) = stage.run("mock:text");
    assert_eq!(record["error"]["reason"], "bad_configuration", "{record}");
    assert!(record["error"]["message"].as_str().unwrap().contains("it offers: default"), "{record}");
    stage.end();
}

#[test]
fn an_agent_that_nobody_has_logged_in_to_waits_for_it() {
    let mut stage = Stage::set(AcpAgent::GeminiLoggedOut);
    let run = stage.spawn("mock:text");
    let waiting = stage.host.event(&run, "auth_required");
    assert!(waiting["data"]["text"].as_str().unwrap().contains("API key"), "{waiting}");
    assert_eq!(stage.host.record(&run)["status"], "auth_required");
    // It is asked again when its user says so, and wants the same.
    let message = json!({"role": "user", "parts": [{"type": "text", "text": "I have logged in."}]});
    stage.host.call("continue_run", json!({"run_id": run["run_id"], "input_message": message}));
    let host = &mut stage.host;
    eventually("the second wish", || {
        let events = host.events(&run);
        (of_kind(&events, "auth_required").len() == 2).then_some(())
    });
    cancel(&mut stage, &run);
    stage.end();
}
