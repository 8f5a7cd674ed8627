//! One host drives another: a run through `remote_a2a` into a published backend, which is a real Codex; what that one
//! asks at the far end is answered by a person at the near one.

use pointsman_tests::{Host, MockModel, Place, Published, eventually};
use serde_json::{Value, json};

use crate::codex_stage::{ASK, of_kind};

/// Both ends. Fields are dropped in their order: the near end first.
struct Line {
    host: Host,
    near: Place,
    agent: Published,
    far: Place,
    _model: MockModel,
}

impl Line {
    fn laid() -> Self {
        let model = MockModel::start();
        let far = Place::with_codex(&model);
        let config = std::fs::read_to_string(far.config()).unwrap();
        std::fs::write(far.config(), format!("{config}{ASK}")).unwrap();
        // The near end's folders are none of the far one's.
        let agent = Published::start(&far, "codex", &["--answers-approvals", "--fixed-cwd"]);
        let config = agent.said["config"].as_str().unwrap();
        let config = config.replace("env = \"REMOTE_CODEX_TOKEN\"", "file = \"token\"");
        let near = Place::with(&format!("{config}{ASK}"));
        std::fs::write(near.root().join("token"), agent.token()).unwrap();
        Self { host: near.host(), near, agent, far, _model: model }
    }

    fn spawn(&mut self, prompt: &str) -> Value {
        let spawn = &self.agent.said["spawn_run"];
        self.host.spawn(&self.near, spawn["backend"].as_str().unwrap(), prompt, json!({}))
    }

    /// Waits until the near person is asked.
    fn question(&self) -> Value {
        eventually("a question at the near end", || {
            let listed = self.near.cli(&["approvals", "list"]);
            listed.as_array().and_then(|questions| questions.first()).cloned()
        })["approval_id"]
            .as_str()
            .map(|id| self.near.cli(&["approvals", "show", id]))
            .unwrap()
    }

    fn answer(&self, question: &Value, word: &str, more: &[&str]) {
        let mut args = vec!["approvals", word, question["approval_id"].as_str().unwrap()];
        args.extend(more);
        self.near.cli(&args);
    }

    fn end(self) {
        self.host.hang_up().well();
        let (status, _) = self.agent.end();
        assert!(status.success(), "{status}");
        self.near.mark().wait_until_gone();
        self.far.mark().wait_until_gone();
    }
}

#[test]
fn what_is_asked_at_the_far_end_is_allowed_at_the_near_one() {
    let mut line = Line::laid();
    let run = line.spawn(r#"mock:shell {"cmd":"touch a && echo done"}"#);
    let question = line.question();
    let detail = &question["detail"]["detail"];
    assert!(detail["input"]["command"].as_str().unwrap().contains("touch a"), "{question}");
    assert!(detail["remote"]["digest"].as_str().unwrap().starts_with("sha256:"), "{question}");
    assert!(!line.far.project().join("a").exists(), "it waits");
    assert!(!line.far.mark().agents().is_empty(), "alive");
    line.answer(&question, "allow", &[]);
    let record = line.host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(line.far.project().join("a").exists() && !line.near.project().join("a").exists());
    let events = line.host.events(&run);
    let item = &of_kind(&events, "tool_started")[0]["data"]["item_id"];
    assert_eq!(of_kind(&events, "approval_required")[0]["data"]["item_id"], *item);
    assert_eq!(of_kind(&events, "tool_finished")[0]["data"]["item_id"], *item);
    let answered = line.far.cli(&["approvals", "list", "--all"]);
    assert_eq!(answered[0]["settled_by"], "a2a:token", "{answered}");
    line.end();
}

#[test]
fn a_no_at_the_near_end_is_heard_at_the_far_one() {
    let mut line = Line::laid();
    let run = line.spawn("mock:shellwrite");
    let question = line.question();
    // What the person says is what the model answers next: so it was heard.
    line.answer(&question, "deny", &["--message", r#"not here; mock:text {"text":"I heard you."}"#]);
    let record = line.host.finish(&run);
    assert_eq!((&record["status"], &record["final_response"]), (&json!("completed"), &json!("I heard you.")));
    assert!(!line.far.project().join("mock.txt").exists());
    line.end();
}

/// Somebody at the far end was quicker: the near person's question goes away with the news, not with the next look.
#[test]
fn what_is_settled_at_the_far_end_is_heard_at_once() {
    let mut line = Line::laid();
    let run = line.spawn(r#"mock:shell {"cmd":"touch a && echo done"}"#);
    line.question();
    let asked = line.far.cli(&["approvals", "list"]);
    let begun = std::time::Instant::now();
    line.far.cli(&["approvals", "allow", asked[0]["approval_id"].as_str().unwrap()]);
    let record = line.host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    assert!(begun.elapsed().as_secs() < 25, "it was looked up: {:?}", begun.elapsed());
    assert!(line.far.project().join("a").exists());
    assert_eq!(line.near.cli(&["approvals", "list"]), json!([]));
    line.end();
}

#[test]
fn a_run_that_is_cancelled_while_its_question_is_open_allows_nothing() {
    let mut line = Line::laid();
    let run = line.spawn(r#"mock:shell {"cmd":"touch a"}"#);
    line.question();
    let cancelled = line.host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    eventually("the end of the far agent", || line.far.mark().agents().is_empty().then_some(()));
    assert!(!line.far.project().join("a").exists());
    assert_eq!(line.far.cli(&["approvals", "list"]), json!([]));
    line.end();
}
