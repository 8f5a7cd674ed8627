//! The stage of the tests with the real Claude Code CLI: a model server, a place that knows it, and a host in there.

use std::collections::BTreeSet;
use std::fs;

use pointsman_tests::{Host, MockModel, Place, eventually};
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
pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) place: Place,
    // Dropped last: an agent that is ending may still ask it something.
    pub(crate) model: MockModel,
}

impl Stage {
    pub(crate) fn set() -> Self {
        Self::with("")
    }

    pub(crate) fn with(more: &str) -> Self {
        let model = MockModel::start();
        let policy =
            format!("[[policies]]\nname = \"test\"\ncomponent = \"bundled:rules\"\ninline = '''{RULES}'''\n");
        let place = Place::with_claude(&model, &format!("{policy}{more}"));
        Self { host: place.host(), place, model }
    }

    pub(crate) fn spawn(&mut self, prompt: &str, more: Value) -> Value {
        self.host.spawn(&self.place, "claude_code", prompt, more)
    }

    /// Launches a run and waits for its end.
    pub(crate) fn run(&mut self, prompt: &str, more: Value) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt, more);
        self.finish(&run)
    }

    pub(crate) fn finish(&mut self, run: &Value) -> (Value, Vec<Value>) {
        let record = self.host.finish(run);
        let events = self.host.events(run);
        in_pairs(&events);
        (record, events)
    }

    /// Waits until the agent is at work.
    pub(crate) fn begun(&mut self, run: &Value) {
        eventually("the agent's first word", || {
            let events = self.host.events(run);
            events.iter().any(|event| event["data"]["backend_session_id"].is_string()).then_some(())
        });
    }

    /// Waits until a person is asked, and gives the approval's id.
    pub(crate) fn asked(&mut self, run: &Value) -> String {
        self.host.event(run, "approval_required");
        let record = self.host.record(run);
        assert_eq!(record["status"], "approval_required", "{record}");
        record["waiting_for"]["approval_id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn project_file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.place.project().join(name)).ok()
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

/// Ends the test if something began and did not end, or ended and did not begin.
pub(crate) fn in_pairs(events: &[Value]) {
    for what in ["command", "tool"] {
        let items = |phase: &str| -> BTreeSet<String> {
            let of = of_kind(events, &format!("{what}_{phase}"));
            of.iter().map(|event| event["data"]["item_id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(items("started"), items("finished"), "{events:#?}");
    }
}

/// Makes a message.
pub(crate) fn text(text: &str) -> Value {
    json!({"role": "user", "parts": [{"type": "text", "text": text}]})
}
