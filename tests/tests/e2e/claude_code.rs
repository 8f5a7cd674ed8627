//! The real Claude Code CLI, driven by the host, against a model server on loopback that does what the prompt says.

use std::fs;
use std::process::Command;

use pointsman_tests::eventually;
use rstest::rstest;
use serde_json::{Value, json};

use crate::claude_code_stage::{Stage, of_kind, text};

#[test]
fn text_and_thoughts_come_back_with_what_they_cost() {
    let mut stage = Stage::set();
    let (record, events) =
        stage.run(r#"Say it: mock:think {"think":"Hm.","text":"Hello from the model."}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["final_response"], "Hello from the model.");
    assert_eq!(record["usage"]["input_tokens"], 1000);
    assert!(record["usage"]["cost_micro_usd"].as_u64().unwrap() > 0, "{record}");
    assert!(record["remote_ref"]["conversation_id"].is_string(), "{record}");
    assert_eq!(of_kind(&events, "agent_message")[0]["data"]["text"], "Hello from the model.");
    assert_eq!(of_kind(&events, "reasoning")[0]["data"]["text"], "Hm.");
    assert_eq!(of_kind(&events, "run_completed").len(), 1);
    stage.end();
}

#[test]
fn commands_run_and_files_change() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:shell {"cmd":"echo seen-$((6 * 7)); false"}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let finished = of_kind(&events, "command_finished")[0];
    assert_eq!(
        (&finished["data"]["exit_code"], &finished["data"]["output"], &finished["data"]["status"]),
        (&json!(1), &json!("seen-42"), &json!("failed"))
    );

    let (record, events) =
        stage.run(r#"mock:write {"path":"new.txt","content":"made by an agent\n"}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let change = &of_kind(&events, "file_changed")[0]["data"]["changes"][0];
    assert_eq!(change["kind"], "add", "{change}");
    assert_eq!(stage.project_file("new.txt").as_deref(), Some("made by an agent\n"));

    let path = stage.place.project().join("new.txt");
    let edit = json!({"steps": [
        {"calls": [{"tool": "Read", "input": {"file_path": path}}]},
        {"calls": [{"tool": "Edit", "input": {"file_path": path, "old_string": "made", "new_string": "changed"}}]},
        {"text": "Done."},
    ]});
    let (record, events) = stage.run(&format!("mock:script {edit}"), json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let change = &of_kind(&events, "file_changed")[0]["data"]["changes"][0];
    assert_eq!((&change["kind"], &change["path"]), (&json!("update"), &json!(path)));
    assert!(change["diff"].as_str().unwrap().contains("-made by an agent\n+changed by an agent"), "{change}");
    assert_eq!(stage.project_file("new.txt").as_deref(), Some("changed by an agent\n"));
    stage.end();
}

#[test]
fn a_large_output_is_cut_by_claude_code_and_says_where_the_whole_is() {
    let mut stage = Stage::set();
    let (record, events) = stage.run(r#"mock:bigoutput {"bytes":200000}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let finished = of_kind(&events, "command_finished")[0];
    assert!(finished.to_string().len() <= 16_384, "{}", finished.to_string().len());
    let output = stage.host.artifact(finished, "/output");
    assert!(output.len() >= 25_000, "{}", output.len());
    let whole = finished["data"]["persisted_output_path"].as_str().unwrap();
    assert_eq!(fs::metadata(whole).unwrap().len(), 200_000);
    stage.end();
}

#[rstest]
#[case::rate_limit("mock:http429", "rate_limited")]
#[case::server_error("mock:http500", "server_error")]
#[case::overloaded("mock:overloaded", "overloaded")]
#[case::cut("mock:cut", "connection_lost")]
#[case::bad_request("mock:badrequest", "bad_request")]
fn trouble_at_the_provider_fails_the_run_once(#[case] prompt: &str, #[case] reason: &str) {
    let mut stage = Stage::set();
    let (record, events) = stage.run(prompt, json!({}));
    assert_eq!(record["status"], "failed", "{record}");
    assert_eq!(record["error"]["reason"], reason, "{record}");
    assert!(!record["error"]["message"].as_str().unwrap().is_empty());
    assert_eq!(of_kind(&events, "run_failed").len(), 1);
    assert_eq!(events.last().unwrap()["type"], "run_failed", "the terminal event is the last");
    stage.end();
}

#[test]
fn a_hanging_model_can_be_cancelled() {
    let mut stage = Stage::set();
    let run = stage.spawn("mock:hang", json!({}));
    stage.begun(&run);
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
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
    let (record, _) = stage
        .run(&format!(r#"mock:json {{"value":{{"answer":{answer}}}}}"#), json!({"output_schema": schema}));
    match outcome {
        Ok(value) => {
            assert_eq!(
                (&record["status"], &record["structured_output"]),
                (&json!("completed"), &value),
                "{record}"
            );
        }
        Err(reason) => {
            let told = (&record["status"], &record["error"]["reason"]);
            assert_eq!(told, (&json!("failed"), &json!(reason)), "{record}");
        }
    }
    stage.end();
}

#[test]
fn a_session_is_taken_up_again_with_its_memory() {
    let mut stage = Stage::set();
    let (first, _) = stage.run(r#"mock:text {"text":"Noted."}"#, json!({"metadata": {"ticket": 7}}));
    let continued = stage
        .host
        .call("continue_run", json!({"run_id": first["run_id"], "input_message": text("mock:recall")}));
    assert_eq!(continued["mode"], "resume");
    let second = stage.host.finish(&continued);
    assert_eq!(second["status"], "completed", "{second}");
    // The model was shown both prompts, the first one of another process.
    assert!(second["final_response"].as_str().unwrap().contains("2 scripted prompt(s)"), "{second}");
    assert_eq!(second["session_id"], first["session_id"]);
    assert_eq!(second["remote_ref"]["conversation_id"], first["remote_ref"]["conversation_id"]);
    // What the conversation had cost before is not counted again.
    assert_eq!(second["usage"], first["usage"]);
    stage.end();
}

#[test]
fn a_run_that_may_only_read_changes_nothing_and_can_answer() {
    let mut stage = Stage::set();
    fs::write(stage.place.project().join("fact"), "forty-two\n").unwrap();
    let read_only = json!({"access": "read-only"});
    let prompt = r#"mock:sequence {"cmds":["touch made","cat fact"],"echo":true}"#;
    let (record, events) = stage.run(prompt, read_only.clone());
    assert_eq!(record["status"], "completed", "{record}");
    assert!(record["final_response"].as_str().unwrap().contains("forty-two"), "{record}");
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "denied");
    assert_eq!(stage.project_file("made"), None);
    let (_, events) =
        stage.run(r#"mock:tool {"name":"Write","input":{"file_path":"made","content":"x"}}"#, read_only);
    assert!(of_kind(&events, "file_changed").is_empty(), "{events:#?}");
    assert_eq!(stage.project_file("made"), None);
    stage.end();
}

#[test]
fn commands_do_not_get_the_agents_keys_nor_run_the_projects_hooks() {
    let mut stage = Stage::set();
    let folder = stage.place.project().join(".claude");
    fs::create_dir(&folder).unwrap();
    let hook =
        json!({"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch hooked"}]}]}});
    fs::write(folder.join("settings.json"), hook.to_string()).unwrap();
    let (record, events) = stage.run(r#"mock:shell {"cmd":"env; exit 3","echo":true}"#, json!({}));
    assert_eq!(record["status"], "completed", "{record}");
    let finished = &of_kind(&events, "command_finished")[0]["data"];
    let output = finished["output"].as_str().unwrap();
    assert!(output.contains("ANTHROPIC_BASE_URL=") && !output.contains("ANTHROPIC_API_KEY="), "{output}");
    assert_eq!(finished["exit_code"], 3);
    assert_eq!(stage.project_file("hooked"), None);
    stage.end();
}

#[test]
fn a_profile_is_added_to_the_stock_prompt() {
    let mut stage = Stage::set();
    fs::write(stage.place.project().join("pirate.md"), "Speak like a pirate.").unwrap();
    let (record, _) = stage.run(r#"mock:text {"text":"Arr."}"#, json!({"profile": "pirate.md"}));
    assert_eq!(record["status"], "completed", "{record}");
    let seen = stage.model.seen();
    let requests = seen.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let system =
        requests.map(|request| request["body"]["system"].to_string()).find(|text| text.contains("pirate"));
    let system = system.expect("the profile reaches the model");
    assert!(system.contains("Claude Code") && system.len() > 2_000, "{system}");
    stage.end();
}

#[test]
fn a_cancelled_run_leaves_no_process_of_its_command() {
    let mut stage = Stage::set();
    let run =
        stage.spawn(r#"mock:shell {"cmd":"touch begun; setsid sleep 1000 & tail -f /dev/null"}"#, json!({}));
    eventually("the command's file", || stage.project_file("begun"));
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    stage.place.mark().no_agent_left();
    let (record, _) = stage.finish(&run);
    assert_eq!(record["status"], "cancelled");
    stage.end();
}

#[test]
fn an_agent_that_is_killed_fails_its_run_and_takes_its_commands_along() {
    let mut stage = Stage::set();
    let run = stage.spawn(r#"mock:shell {"cmd":"touch begun; tail -f /dev/null"}"#, json!({}));
    eventually("the command's file", || stage.project_file("begun"));
    let agents = stage.place.mark().agents();
    let claude =
        agents.iter().find(|line| line.contains("--permission-prompt-tool=stdio")).expect("claude runs");
    let pid = claude.trim_start_matches("/proc/").split(':').next().unwrap();
    assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    let (record, events) = stage.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("exit_status")),
        "{record}"
    );
    assert_eq!(of_kind(&events, "command_finished")[0]["data"]["status"], "interrupted");
    stage.end();
}

#[test]
fn a_session_that_claude_code_has_forgotten_says_so() {
    let mut stage = Stage::set();
    let (first, _) = stage.run(r#"mock:text {"text":"Noted."}"#, json!({}));
    fs::remove_dir_all(stage.place.home().join(".claude/projects")).unwrap();
    let continued = stage
        .host
        .call("continue_run", json!({"run_id": first["run_id"], "input_message": text("mock:recall")}));
    let second = stage.host.finish(&continued);
    assert_eq!(second["error"]["reason"], "session_not_found", "{second}");
    stage.end();
}
