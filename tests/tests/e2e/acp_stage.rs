//! The stage of the tests with real agents that speak the Agent Client Protocol: a model server, a place with one of them,
//! and a host in there.

use std::time::Instant;

use pointsman_tests::{AcpAgent, Host, MockModel, PATIENCE, Place, eventually};
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
pub(crate) struct Stage {
    agent: AcpAgent,
    pub(crate) host: Host,
    pub(crate) place: Place,
    // Dropped last: an agent that is ending may still ask it something.
    pub(crate) model: MockModel,
}

impl Stage {
    pub(crate) fn set(agent: AcpAgent) -> Self {
        Self::with(agent, json!({}))
    }

    pub(crate) fn with(agent: AcpAgent, config: Value) -> Self {
        let model = MockModel::start();
        let place = Place::with_acp(agent, &model, &config, HOUSE);
        Self { agent, host: place.host(), place, model }
    }

    pub(crate) fn spawn(&mut self, prompt: &str) -> Value {
        self.host.spawn(&self.place, "acp", prompt, json!({}))
    }

    /// Launches a run and waits for its end.
    pub(crate) fn run(&mut self, prompt: &str) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt);
        let record = self.host.finish(&run);
        let events = self.host.events(&run);
        (record, events)
    }

    /// Gives a prompt that has the agent run a command, and ask for it.
    pub(crate) fn command(&self, command: &str) -> String {
        // Codex asks only for what its sandbox would not let it do.
        let escalate = self.agent == AcpAgent::Codex;
        format!("mock:shell {}", json!({ "cmd": command, "echo": true, "escalate": escalate }))
    }

    /// Waits for a question to a person, and gives its id.
    pub(crate) fn question(&mut self, run: &Value) -> String {
        let host = &mut self.host;
        let record = eventually("a question", || {
            let record = host.record(run);
            assert!(record["error"].is_null(), "{record}");
            (record["status"] == "approval_required").then_some(record)
        });
        record["waiting_for"]["approval_id"].as_str().unwrap().to_owned()
    }

    /// Waits for the question about a command, and gives its id.
    pub(crate) fn question_about(&self, command: &str) -> String {
        eventually("the question", || {
            let listed = self.place.cli(&["approvals", "list"]);
            let ids: Vec<&str> =
                listed.as_array()?.iter().filter_map(|it| it["approval_id"].as_str()).collect();
            let about = |id: &&str| self.place.cli(&["approvals", "show", id]).to_string().contains(command);
            ids.into_iter().find(about).map(str::to_owned)
        })
    }

    /// Waits for the end of a run that takes its time.
    pub(crate) fn finish_slowly(&mut self, run: &Value) -> Value {
        let until = Instant::now() + 4 * PATIENCE;
        let goes_on = |status: &Value| status == "queued" || status == "running";
        while goes_on(&self.host.record(run)["status"]) && Instant::now() < until {
            let waits = json!({"run_ids": [run["run_id"]], "mode": "all", "wait_ms": 10_000});
            self.host.call("wait_for_runs", waits);
        }
        self.host.finish(run)
    }

    pub(crate) fn has(&self, file: &str) -> bool {
        self.place.project().join(file).exists()
    }

    pub(crate) fn end(self) {
        self.place.mark().no_agent_left();
        self.host.hang_up().well();
        self.place.mark().wait_until_gone();
    }
}

pub(crate) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// Gives the one command of a run: what began and what ended have to be the same.
pub(crate) fn command(events: &[Value]) -> (&Value, &Value) {
    let (started, finished) = (of_kind(events, "command_started"), of_kind(events, "command_finished"));
    assert_eq!((started.len(), finished.len()), (1, 1), "{events:#?}");
    assert_eq!(started[0]["data"]["item_id"], finished[0]["data"]["item_id"]);
    (started[0], finished[0])
}

pub(crate) fn cancel(stage: &mut Stage, run: &Value) {
    let cancelled = stage.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    stage.place.mark().no_agent_left();
    assert_eq!(stage.host.finish(run)["status"], "cancelled");
    let events = stage.host.events(run);
    assert_eq!(of_kind(&events, "command_started").len(), of_kind(&events, "command_finished").len());
    assert!(of_kind(&events, "run_completed").is_empty());
}
