//! The real Claude Code CLI, driven by the host, against a model server on loopback that does what the prompt says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use pointsman_tests::{Host, MockModel, Place, eventually};
use rstest::rstest;
use serde_json::{Value, json};

/// What the agent may do in most of these tests: work is allowed, what has `forbidden` in it is denied, and about what
/// has `ask` in it a person is asked.
const RULES: &str = r#"
[[rule]]
id = "launch"
when = "action != 'permission'"
then = "allow"
reason = "a test"

[[rule]]
id = "work"
when = "action == 'permission'"
then = "allow"
reason = "a test"

[[rule]]
id = "forbidden"
when = "action == 'permission' && request.kind == 'command' && request.detail.command.contains('forbidden')"
then = "deny"
reason = "use tabs, not spaces"

[[rule]]
id = "ask"
when = "action == 'permission' && request.kind in ['command', 'edit'] && string(request.title).contains('ask')"
then = "ask"
reason = "a person has to see this"
"#;

/// A model server, a place that knows it, and a host in there.
struct Stage {
    host: Host,
    place: Place,
    // Dropped last: an agent that is ending may still ask it something.
    model: MockModel,
}

impl Stage {
    fn set() -> Self {
        Self::with("")
    }

    fn with(more: &str) -> Self {
        let model = MockModel::start();
        let policy =
            format!("[[policies]]\nname = \"test\"\ncomponent = \"bundled:rules\"\ninline = '''{RULES}'''\n");
        let place = Place::with_claude(&model, &format!("{policy}{more}"));
        Self { host: place.host(), place, model }
    }

    fn spawn(&mut self, prompt: &str, more: Value) -> Value {
        self.host.spawn(&self.place, "claude_code", prompt, more)
    }

    /// Launches a run and waits for its end.
    fn run(&mut self, prompt: &str, more: Value) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt, more);
        self.finish(&run)
    }

    fn finish(&mut self, run: &Value) -> (Value, Vec<Value>) {
        let record = self.host.finish(run);
        let events = self.host.events(run);
        in_pairs(&events);
        (record, events)
    }

    /// Waits until the agent is at work.
    fn begun(&mut self, run: &Value) {
        eventually("the agent's first word", || {
            let events = self.host.events(run);
            events.iter().any(|event| event["data"]["backend_session_id"].is_string()).then_some(())
        });
    }

    /// Waits until a person is asked, and gives the approval's id.
    fn asked(&mut self, run: &Value) -> String {
        self.host.event(run, "approval_required");
        let record = self.host.record(run);
        assert_eq!(record["status"], "approval_required", "{record}");
        record["waiting_for"]["approval_id"].as_str().unwrap().to_owned()
    }

    fn project_file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.place.project().join(name)).ok()
    }

    fn end(self) {
        self.place.mark().no_agent_left();
        self.host.hang_up().well();
        self.place.mark().wait_until_gone();
    }
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// Ends the test if something began and did not end, or ended and did not begin.
fn in_pairs(events: &[Value]) {
    for what in ["command", "tool"] {
        let items = |phase: &str| -> BTreeSet<String> {
            let of = of_kind(events, &format!("{what}_{phase}"));
            of.iter().map(|event| event["data"]["item_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(items("started"), items("finished"), "{events:#?}");
    }
}

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

fn text(text: &str) -> Value {
    json!({"role": "user", "parts": [{"type": "text", "text": text}]})
}
