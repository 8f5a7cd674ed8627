//! The stage of the tests with the real Codex CLI: a model server, a place that knows it, and a host in there.

use std::fs;

use pointsman_tests::{Host, MockModel, Place, eventually};
use serde_json::{Value, json};

/// Rules that allow runs, and have a person asked about whatever an agent asks.
pub(crate) const ASK: &str = r#"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "runs"
when = 'action != "permission"'
then = "allow"

[[rule]]
id = "wishes"
when = 'action == "permission"'
then = "ask"
reason = "a person looks at it"
'''
"#;

/// Rules that allow everything.
pub(crate) const ALLOW: &str = r#"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "all"
when = 'true'
then = "allow"
'''
"#;

/// Rules that allow everything but commands that touch.
pub(crate) const NO_TOUCH: &str = r#"
[[policies]]
name = "house"
component = "bundled:rules"
inline = '''
[[rule]]
id = "all"
when = 'true'
then = "allow"

[[rule]]
id = "no-touch"
when = 'action == "permission" && request.detail.?command.orValue("").contains("touch")'
then = "deny"
reason = "nothing is touched here; write with echo"
'''
"#;

/// The backend over `codex exec`.
pub(crate) const EXEC: &str = r#"
[backends.codex]
component = "bundled:codex"
grants = ["process/spawn@1 codex", "timer/set@1 *"]
[backends.codex.config]
protocol = "exec"
"#;

/// A model server, a place that knows it, and a host in there.
pub(crate) struct Stage {
    pub(crate) host: Host,
    pub(crate) place: Place,
    // Dropped last: an agent that is ending may still ask it something.
    model: MockModel,
}

impl Stage {
    pub(crate) fn set() -> Self {
        Self::with("")
    }

    /// Sets a stage whose configuration says something more.
    pub(crate) fn with(more: &str) -> Self {
        let model = MockModel::start();
        let place = Place::with_codex(&model);
        let config = fs::read_to_string(place.config()).unwrap();
        fs::write(place.config(), format!("{config}{more}")).unwrap();
        Self { host: place.host(), place, model }
    }

    /// Gives the address of the model server.
    pub(crate) fn model(&self) -> &MockModel {
        &self.model
    }

    pub(crate) fn spawn(&mut self, prompt: &str, more: Value) -> Value {
        self.host.spawn(&self.place, "codex", prompt, more)
    }

    /// Launches a run and waits for its end.
    pub(crate) fn run(&mut self, prompt: &str, more: Value) -> (Value, Vec<Value>) {
        let run = self.spawn(prompt, more);
        self.finish(&run)
    }

    /// Waits for a run's end.
    pub(crate) fn finish(&mut self, run: &Value) -> (Value, Vec<Value>) {
        let record = self.host.finish(run);
        let events = self.host.events(run);
        paired(&events);
        (record, events)
    }

    /// Waits until a person is asked, and gives the question as that person sees it.
    pub(crate) fn question(&mut self, run: &Value) -> Value {
        self.questions(run, 1).remove(0)
    }

    /// Waits until a person is asked this much.
    pub(crate) fn questions(&mut self, run: &Value, number: usize) -> Vec<Value> {
        let place = &self.place;
        let questions = eventually("a person is asked", || {
            let listed = place.cli(&["approvals", "list"]);
            let listed = listed.as_array().unwrap().clone();
            (listed.len() >= number).then_some(listed)
        });
        assert_eq!(self.host.record(run)["status"], "approval_required");
        questions
    }

    /// Answers as a person in another terminal.
    pub(crate) fn answer(&self, question: &Value, words: &[&str]) {
        let id = question["approval_id"].as_str().unwrap();
        let mut args = vec!["approvals", words[0], id];
        args.extend(&words[1..]);
        self.place.cli(&args);
    }

    /// Says something to a run.
    pub(crate) fn say(&mut self, run: &Value, text: &str) -> Value {
        let message = json!({"role": "user", "parts": [{"type": "text", "text": text}]});
        self.host.call("continue_run", json!({"run_id": run["run_id"], "input_message": message}))
    }

    /// Ends everything; nothing may be left.
    pub(crate) fn end(self) {
        self.place.mark().no_agent_left();
        self.host.hang_up().well();
        self.place.mark().wait_until_gone();
    }
}

/// Ends the test if a start has no end, or an end no start.
fn paired(events: &[Value]) {
    let ids = |end: &str| -> Vec<String> {
        let mut ids: Vec<String> = events
            .iter()
            .filter(|event| event["type"].as_str().unwrap().ends_with(end) && event["type"] != "run_started")
            .map(|event| event["data"]["item_id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(ids("_started"), ids("_finished"), "{events:#?}");
}

pub(crate) fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}
