//! Four real agents that speak the Agent Client Protocol, driven by the host, against a model server on loopback that
//! does what the prompt says.

use std::time::Instant;

use pointsman_tests::{AcpAgent, Host, MockModel, PATIENCE, Place, eventually};
use rstest::rstest;
use serde_json::{Value, json};

/// Beside the careful rules: some commands go by themselves, some never. A person is asked about all others.
const HOUSE: &str = r#"
[[policies]]
name = "careful"
component = "bundled:rules"
rules = "bundled:careful"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "fine"
when = 'action == "permission" && request.kind == "command" && request.detail.command.contains("fine")'
then = "allow"
[[rule]]
id = "never"
when = 'action == "permission" && request.kind == "command" && request.detail.command.contains("never")'
then = "deny"
reason = 'house rule. mock:text {"text":"Then I leave it."}'
'''
"#;

/// A model server, a place with an agent that knows it, and a host in there.
struct Stage {
    agent: AcpAgent,
    host: Host,
    place: Place,
    // Dropped last: an agent that is ending may still ask it something.
    _model: MockModel,
}

impl Stage {
    fn set(agent: AcpAgent) -> Self {
        Self::with(agent, json!({}))
    }

    fn with(agent: AcpAgent, config: Value) -> Self {
        let model = MockModel::start();
        let place = Place::with_acp(agent, &model, &config, HOUSE);
        Self { agent, host: place.host(), place, _model: model }
    }

    fn spawn(&mut self, prompt: &str) -> Value {
        self.host.spawn(&self.place, "acp", prompt, json!({}))
    }

    /// Launches a run and waits for its end.
    fn run(&mut self, prompt: &str) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt);
        let record = self.host.finish(&run);
        let events = self.host.events(&run);
        (record, events)
    }

    /// Gives a prompt that has the agent run a command, and ask for it.
    fn command(&self, command: &str) -> String {
        // Codex asks only for what its sandbox would not let it do.
        let escalate = self.agent == AcpAgent::Codex;
        format!("mock:shell {}", json!({ "cmd": command, "echo": true, "escalate": escalate }))
    }

    /// Waits for a question to a person, and gives its id.
    fn question(&mut self, run: &Value) -> String {
        let host = &mut self.host;
        let record = eventually("a question", || {
            let record = host.record(run);
            assert!(record["error"].is_null(), "{record}");
            (record["status"] == "approval_required").then_some(record)
        });
        record["waiting_for"]["approval_id"].as_str().unwrap().to_owned()
    }

    /// Waits for the end of a run that takes its time.
    fn finish_slowly(&mut self, run: &Value) -> Value {
        let until = Instant::now() + 4 * PATIENCE;
        let goes_on = |status: &Value| status == "queued" || status == "running";
        while goes_on(&self.host.record(run)["status"]) && Instant::now() < until {
            let waits = json!({"run_ids": [run["run_id"]], "mode": "all", "wait_ms": 10_000});
            self.host.call("wait_for_runs", waits);
        }
        self.host.finish(run)
    }

    fn has(&self, file: &str) -> bool {
        self.place.project().join(file).exists()
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

/// Gives the one command of a run: what began and what ended have to be the same.
fn command(events: &[Value]) -> (&Value, &Value) {
    let (started, finished) = (of_kind(events, "command_started"), of_kind(events, "command_finished"));
    assert_eq!((started.len(), finished.len()), (1, 1), "{events:#?}");
    assert_eq!(started[0]["data"]["item_id"], finished[0]["data"]["item_id"]);
    (started[0], finished[0])
}

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
fn a_cancelled_run_leaves_nothing_behind(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    let mut stage = Stage::set(agent);
    // In the midst of a command, while a person is asked, and while the model is silent.
    let run = stage.spawn(&stage.command("touch fine; sleep 1000 & sleep 1000"));
    let project = stage.place.project();
    eventually("the command's file", || project.join("fine").exists().then_some(()));
    cancel(&mut stage, &run);

    let run = stage.spawn(&stage.command("touch asked"));
    stage.question(&run);
    cancel(&mut stage, &run);
    assert!(!stage.has("asked"));

    let run = stage.spawn("mock:hang");
    stage.host.event(&run, "x_acp_session_opened");
    cancel(&mut stage, &run);
    stage.end();
}

fn cancel(stage: &mut Stage, run: &Value) {
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    stage.place.mark().no_agent_left();
    assert_eq!(stage.host.finish(run)["status"], "cancelled");
    let events = stage.host.events(run);
    assert_eq!(of_kind(&events, "command_started").len(), of_kind(&events, "command_finished").len());
    assert!(of_kind(&events, "run_completed").is_empty());
}

#[rstest]
fn trouble_at_the_provider_fails_the_run_once(
    #[values(AcpAgent::Codex, AcpAgent::Claude, AcpAgent::Gemini, AcpAgent::OpenCode)] agent: AcpAgent,
) {
    // Gemini tries again for minutes, opencode for one, and both say nothing meanwhile.
    let config = if agent == AcpAgent::Gemini { json!({"idle_timeout_ms": 9_000}) } else { json!({}) };
    let mut stage = Stage::with(agent, config);
    let cases = [("mock:http429", "rate_limited"), ("mock:http500", "server_error")];
    let mut runs = Vec::new();
    for (prompt, _) in cases {
        let run = stage.spawn(prompt);
        // Both make a database when they first start, and two at once fall over each other. Codex fails at once.
        if agent == AcpAgent::Codex {
            stage.host.finish(&run);
        }
        if agent == AcpAgent::OpenCode {
            eventually("the agent's session", || {
                let record = stage.host.record(&run);
                record["remote_ref"].is_object().then_some(())
            });
        }
        runs.push(run);
    }
    for ((_, reason), run) in cases.iter().zip(&runs) {
        let record = stage.finish_slowly(run);
        assert_eq!(
            (&record["status"], &record["error"]["reason"]),
            (&json!("failed"), &json!(reason)),
            "{record}"
        );
        assert_eq!(of_kind(&stage.host.events(run), "run_failed").len(), 1);
    }
    stage.end();
}

#[rstest]
fn an_output_schema_is_held_to(#[values(AcpAgent::Codex, AcpAgent::Gemini)] agent: AcpAgent) {
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
fn an_agent_that_is_killed_fails_its_run() {
    let mut stage = Stage::set(AcpAgent::Gemini);
    let run = stage.spawn("mock:hang");
    stage.host.event(&run, "x_acp_session_opened");
    for agent in stage.place.mark().agents() {
        let pid = agent.trim_start_matches("/proc/").split(':').next().unwrap();
        let killed = std::process::Command::new("kill").args(["-KILL", pid]).status().unwrap();
        assert!(killed.success(), "{agent}");
    }
    let record = stage.host.finish(&run);
    assert_eq!(
        (&record["status"], &record["error"]["reason"]),
        (&json!("failed"), &json!("exit_status")),
        "{record}"
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
