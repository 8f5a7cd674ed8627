//! The real Codex CLI, driven by the host over its app server, against a model server on loopback that does what the
//! prompt says.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use crate::codex_stage::{ALLOW, Stage, of_kind};

#[test]
fn text_comes_back_with_what_it_cost() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"Say it: mock:text {"text":"Hello from the model."}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "Hello from the model.");
    assert_eq!(record["usage"]["input_tokens"], 1000);
    assert_eq!(record["access"], "workspace-write");
    assert!(record["remote_ref"]["conversation_id"].is_string(), "{record}");
    assert_eq!(of_kind(&events, "agent_message")[0]["data"]["text"], "Hello from the model.");
    assert_eq!(of_kind(&events, "run_completed").len(), 1);
    stage.end();
}

#[test]
fn commands_run_and_files_change() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:shell {"cmd":"echo seen-$((6 * 7))"}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let (started, finished) =
        (of_kind(&events, "command_started")[0], of_kind(&events, "command_finished")[0]);
    assert_eq!(started["data"]["item_id"], finished["data"]["item_id"]);
    assert_eq!(
        (&finished["data"]["exit_code"], &finished["data"]["output"]),
        (&json!(0), &json!("seen-42\n"))
    );

    let (record, events) =
        stage.run(r#"mock:write {"path":"new.txt","content":"made by an agent\n"}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let changes = &of_kind(&events, "file_changed").last().unwrap()["data"]["changes"];
    assert_eq!(changes[0]["kind"], "add");
    let made = std::fs::read_to_string(stage.place.project().join("new.txt")).unwrap();
    assert_eq!(made, "made by an agent\n");
    stage.end();
}

#[test]
fn a_large_output_is_moved_out_of_its_event_and_read_back_whole() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:shell {"cmd":"seq 1 40000"}"#, json!({}));
    let printed: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
    assert!(printed.len() > 200_000);
    assert_eq!(record["status"], "completed", "{record}");
    let finished = of_kind(&events, "command_finished")[0];
    assert!(finished.to_string().len() <= 16_384, "{}", finished.to_string().len());
    let about = &finished["data"]["artifact_refs"]["/output"];
    assert_eq!((&about["total_bytes"], &about["truncated"]), (&json!(printed.len()), &json!(true)));
    let output = stage.host.artifact(finished, "/output");
    assert!(output == printed, "{} bytes came back", output.len());
    // In the run folder it lies as the manifest says, for whoever reads files.
    let run = record["run_id"].as_str().unwrap();
    let folder = stage.place.project().join(".nanobot-orchestrator/runs").join(run);
    assert!(folder.join(about["relpath"].as_str().unwrap()).is_file());
    stage.end();
}

#[rstest]
#[case::rate_limit("mock:http429", "rate_limited")]
#[case::server_error("mock:http500", "server_error")]
fn trouble_at_the_provider_fails_the_run_once(#[case] prompt: &str, #[case] reason: &str) {
    let mut stage = Stage::set();
    let (record, events) = stage.run(prompt, json!({}));
    assert_eq!(record["status"], "failed", "{record}");
    assert_eq!(record["error"]["reason"], reason, "{record}");
    assert!(!record["error"]["message"].as_str().unwrap().is_empty());
    let failures = of_kind(&events, "run_failed");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(events.last().unwrap()["type"], "run_failed", "the terminal event is the last");
    stage.end();
}

#[rstest]
#[case::kept("42", Ok(json!({"answer": 42})))]
#[case::broken("\"no number\"", Err("output_schema_mismatch"))]
fn an_output_schema_is_held_to(#[case] answer: &str, #[case] outcome: Result<Value, &str>) {
    let schema = json!({
        "type": "object",
        "properties": {"answer": {"type": "integer"}},
        "required": ["answer"],
        "additionalProperties": false,
    });
    let mut stage = Stage::set();
    let prompt = format!(r#"mock:json {{"value":{{"answer":{answer}}}}}"#);
    let (record, events) = stage.run(&prompt, json!({"output_schema": schema}));
    // The host tells codex what is wrong, once; here it answers the same again.
    let corrections = events.iter().filter(|event| event["data"]["corrective_turn"] == 1).count();
    assert_eq!(corrections, usize::from(outcome.is_err()), "{events:#?}");
    match outcome {
        Ok(value) => {
            assert_eq!((&record["status"], &record["structured_output"]), (&json!("completed"), &value));
        }
        Err(reason) => {
            assert_eq!((&record["status"], &record["error"]["reason"]), (&json!("failed"), &json!(reason)));
        }
    }
    stage.end();
}

#[test]
fn a_session_is_taken_up_again_with_its_memory() {
    let mut stage = Stage::set();
    let marks = json!({"metadata": {"ticket": 7}});
    let (first, _) = stage.run(r#"mock:text {"text":"Noted."}"#, marks);
    let message = json!({"role": "user", "parts": [{"type": "text", "text": "mock:recall"}]});
    let continued =
        stage.host.call("continue_run", json!({"run_id": first["run_id"], "input_message": message}));
    assert_eq!(continued["mode"], "resume");
    assert_eq!(continued["resumed_from_run_id"], first["run_id"]);
    let second = stage.host.finish(&continued);
    assert_eq!(second["status"], "completed", "{second}");
    // The model was shown both prompts, the first one of another process.
    let seen = second["final_response"].as_str().unwrap();
    assert!(seen.contains("2 scripted prompt(s)") && seen.contains("Noted."), "{seen}");
    assert_eq!(second["session_id"], first["session_id"]);
    assert_eq!(second["metadata"]["ticket"], 7);
    assert_eq!(second["metadata"]["resumed_from_run_id"], first["run_id"]);
    assert_eq!(second["remote_ref"]["conversation_id"], first["remote_ref"]["conversation_id"]);
    // What the conversation had cost before is not counted again.
    assert!(second["usage"]["input_tokens"].as_u64().unwrap() <= 1200, "{second}");
    stage.end();
}

#[test]
fn a_busy_session_takes_one_run_after_the_other() {
    // Of a conversation that is taken up again codex does not show enough for careful rules to allow its commands.
    let mut stage = Stage::with(ALLOW);
    let (first, _) = stage.run(r#"mock:text {"text":"Noted."}"#, json!({}));
    let resume = json!({"session_mode": "resume", "session_id": first["session_id"]});
    let second = stage.spawn(r#"mock:shell {"cmd":"sleep 1; echo over > over"}"#, resume.clone());
    let third = stage.spawn(r#"mock:shell {"cmd":"cat over"}"#, resume);
    assert_eq!(stage.host.finish(&third)["status"], "completed");
    assert_eq!(stage.host.finish(&second)["status"], "completed");
    let events = stage.host.events(&third);
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["output"], "over\n");
    stage.end();
}

#[test]
fn a_cancelled_run_leaves_no_process_of_its_command() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"sleep 1000 & sleep 1000"}"#, json!({}));
    stage.host.event(&run, "command_started");
    assert!(!stage.place.mark().agents().is_empty());
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    stage.place.mark().no_agent_left();
    assert_eq!(stage.host.record(&run)["status"], "cancelled");
    let events = stage.host.events(&run);
    assert!(of_kind(&events, "run_completed").is_empty(), "cancel wins");
    stage.end();
}

#[test]
fn parallel_commands_are_told_apart() {
    let mut stage = Stage::set();
    let (record, events) =
        stage.run(r#"mock:parallel {"cmds":["echo one","echo two","echo three"]}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let by_item = |kind: &str, field: &str| -> BTreeMap<String, String> {
        of_kind(&events, kind)
            .into_iter()
            .map(|event| {
                let text = |key: &str| event["data"][key].as_str().unwrap().to_owned();
                (text("item_id"), text(field))
            })
            .collect()
    };
    let (commands, outputs) = (by_item("command_started", "command"), by_item("command_finished", "output"));
    assert_eq!(commands.len(), 3);
    for (item, command) in &commands {
        let said = outputs[item].trim();
        assert!(command.contains(&format!("echo {said}")), "{command:?} said {said:?}");
    }
    stage.end();
}

#[test]
fn what_an_agent_may_touch_is_what_was_asked_for() {
    let mut stage = Stage::set();
    // The status is kept whatever happens, so that the turn goes on either way.
    let prompt = |file: &str| format!(r#"mock:shell {{"cmd":"touch {file} || echo refused"}}"#);
    let (record, _) = stage.run(&prompt("a"), json!({"access": "read-only"}));
    assert_eq!((&record["status"], &record["access"]), (&json!("completed"), &json!("read-only")));
    assert!(!stage.place.project().join("a").exists(), "read-only");
    stage.run(&prompt("b"), json!({"access": "workspace-write"}));
    assert!(stage.place.project().join("b").exists(), "workspace-write");
    stage.end();
}

#[test]
fn full_access_waits_for_a_person_and_is_ended_whole() {
    let mut stage = Stage::set();
    // Without a sandbox around it nothing ends these children but the host.
    let prompt =
        r#"mock:shell {"cmd":"setsid sleep 1000 >/dev/null 2>&1 </dev/null & touch launched; sleep 1000"}"#;
    let run = stage.spawn(prompt, json!({"access": "full"}));
    assert_eq!(run["status"], "approval_required", "{run}");
    let record = stage.host.record(&run);
    assert!(record["waiting_for"]["reason"].as_str().unwrap().contains("full access"), "{record}");
    stage.place.mark().no_agent_left();
    let asked = record["waiting_for"]["approval_id"].as_str().unwrap();
    let listed = stage.place.cli(&["approvals", "list"]);
    assert_eq!(listed[0]["approval_id"], asked);
    stage.place.cli(&["approvals", "allow", asked]);
    stage.host.event(&run, "command_started");
    pointsman_tests::eventually("the command's file", || {
        stage.place.project().join("launched").exists().then_some(())
    });
    stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    stage.place.mark().no_agent_left();
    stage.end();
}

#[test]
fn a_denied_run_never_starts() {
    let mut stage = Stage::set();
    let run = stage.spawn("mock:text", json!({"access": "full"}));
    let record = stage.host.record(&run);
    let asked = record["waiting_for"]["approval_id"].as_str().unwrap();
    stage.place.cli(&["approvals", "deny", asked, "--message", "not on a Friday"]);
    let record = stage.host.finish(&run);
    assert_eq!(record["status"], "rejected", "{record}");
    assert_eq!(record["error"]["reason"], "approval_denied");
    assert!(record["error"]["message"].as_str().unwrap().contains("not on a Friday"), "{record}");
    let events = stage.host.events(&run);
    assert!(of_kind(&events, "run_started").is_empty());
    stage.end();
}
