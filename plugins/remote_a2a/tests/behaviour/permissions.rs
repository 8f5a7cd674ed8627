//! Permissions that the agent's own host asks for: `urn:pointsman:a2a:permission:v1`.

use pointsman_sdk::backend::{Answer, Effect, Ending, Input, Permission, RequestFault};
use pointsman_sdk::rehearsal::a_task;
use rstest::rstest;
use serde_json::{Value, json};

use crate::stage::{LINGER, POLL, Stage, body, status, task};

/// A question as a host of this kind puts it.
fn question(id: &str) -> Value {
    json!({"type": "permission_request", "approval_id": id, "digest": format!("sha256:{id}"), "action": "permission",
        "kind": "command", "title": "Run a command", "detail": {"input": {"command": "git push"}}, "editable": false,
        "reason": "pushes are confirmed", "answerable": true})
}

/// The status message with some questions, the `n`th of the task.
fn asks(n: u32, questions: &[Value]) -> Value {
    let mut parts = vec![json!({"text": "Permission is asked."})];
    parts.extend(questions.iter().map(|question| json!({"data": question})));
    json!({"messageId": format!("q-{n}"), "role": "ROLE_AGENT", "parts": parts,
        "extensions": ["urn:pointsman:a2a:permission:v1"]})
}

/// The task while it asks.
fn asking(n: u32, questions: &[Value]) -> Value {
    let mut task = task("input-required", json!([]), json!([]));
    task["status"]["message"] = asks(n, questions);
    task
}

impl Stage {
    /// A run whose agent's host asks on a stream that then ends, and which is listened to for news.
    fn asked(questions: &[Value]) -> (Self, u32) {
        let mut stage = Self::set("1.0");
        let stream = stage.stream("SendStreamingMessage");
        stage.event(stream, task("working", json!([]), json!([])));
        stage.event(stream, status("input-required", Some(asks(1, questions))));
        stage.end(stream);
        let news = stage.stream("SubscribeToTask");
        stage.event(news, asking(1, questions));
        (stage, news)
    }

    fn permissions(&self) -> Vec<Permission> {
        let asked = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::AskPermission(permission) => Some(permission.clone()),
            _ => None,
        });
        asked.collect()
    }

    fn withdrawn(&self) -> Vec<String> {
        let withdrawn = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::WithdrawPermission(id) => Some(id.clone()),
            _ => None,
        });
        withdrawn.collect()
    }

    fn decide(&mut self, id: &str, answer: Answer) {
        self.input(Input::Permission((id.to_owned(), answer)));
    }

    /// Gives the data parts of the message that goes out.
    fn answers(&mut self) -> (u32, Vec<Value>) {
        let request = self.take("SendStreamingMessage");
        let message = body(&request)["params"]["message"].clone();
        assert_eq!(message["taskId"], "t", "it goes to the task that asks: {message}");
        let parts = message["parts"].as_array().unwrap();
        (request.id, parts.iter().map(|part| part["data"].clone()).collect())
    }

    /// Every tool event has its end; with these words.
    fn ended_with(&self, words: &[&str]) {
        let items = |kind| {
            let mut items: Vec<_> = self.told(kind, "item_id").iter().map(ToString::to_string).collect();
            items.sort();
            items
        };
        assert_eq!(items("tool_started"), items("tool_finished"));
        assert_eq!(self.told("tool_finished", "status"), words);
    }
}

#[rstest]
#[case::in_an_update(true)]
#[case::in_a_snapshot(false)]
fn a_question_of_the_agents_host_is_asked_here(#[case] streams: bool) {
    let mut stage = Stage::with("1.0", json!({"streaming": streams}), a_task("x"));
    if streams {
        let stream = stage.stream("SendStreamingMessage");
        stage.event(stream, status("input-required", Some(asks(1, &[question("one")]))));
        stage.end(stream);
    } else {
        stage.result("SendMessage", task("working", json!([]), json!([])));
        stage.ring(POLL);
        stage.result("GetTask", asking(1, &[question("one")]));
    }
    let [asked] = stage.permissions().try_into().unwrap();
    assert_eq!((asked.id.as_str(), asked.item.as_deref()), ("one", Some("one")));
    assert_eq!((asked.title.as_str(), asked.editable), ("Run a command", false));
    let detail: Value = serde_json::from_str(&asked.detail).unwrap();
    assert_eq!(detail["remote"]["digest"], "sha256:one");
    assert!(detail.get("sandboxed").is_none(), "nothing is known of how the far end confines: {detail}");
    assert_eq!(stage.questions(), Vec::<String>::new(), "it is no question to the user as well");
    let events = stage.run.effects();
    let place = |wanted: fn(&Effect) -> bool| events.iter().position(wanted).unwrap();
    let asks = place(|effect| matches!(effect, Effect::AskPermission(_)));
    let starts = place(|effect| matches!(effect, Effect::Emit(event) if event.kind == "tool_started"));
    assert!(starts < asks, "its tool comes first");
}

#[rstest]
#[case(Answer::Allow, json!({"answer": "allow"}), "allowed")]
#[case(Answer::Deny("not on a Friday".to_owned()), json!({"answer": "deny", "feedback": "not on a Friday"}), "denied")]
fn an_answer_goes_back_bound_to_its_question(
    #[case] answer: Answer,
    #[case] said: Value,
    #[case] word: &str,
) {
    let (mut stage, news) = Stage::asked(&[question("one")]);
    stage.decide("one", answer);
    let left =
        stage.run.effects().iter().any(|effect| matches!(effect, Effect::AbortRequest(id) if *id == news));
    assert!(left, "the answer has a stream of its own");
    let (id, answers) = stage.answers();
    let mut wanted = json!({"type": "permission_answer", "approval_id": "one", "digest": "sha256:one"});
    wanted.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    assert_eq!(answers, [wanted]);
    stage.head(id, 200, "text/event-stream");
    stage.event(id, task("working", json!([]), json!([])));
    stage.event(id, status("completed", None));
    stage.end(id);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
    stage.ended_with(&[word]);
    assert_eq!(stage.withdrawn(), Vec::<String>::new());
}

#[test]
fn what_is_editable_there_is_editable_here() {
    let mut editable = question("one");
    editable["editable"] = json!(true);
    let (mut stage, _) = Stage::asked(&[editable]);
    let [asked] = stage.permissions().try_into().unwrap();
    assert!(asked.editable);
    let detail: Value = serde_json::from_str(&asked.detail).unwrap();
    assert_eq!(detail["input"], json!({"command": "git push"}), "the tool's input is what is edited");
    stage.decide("one", Answer::AllowEdited(r#"{"command":"git push --dry-run"}"#.to_owned()));
    let (_, answers) = stage.answers();
    assert_eq!(answers[0]["answer"], "allow_edited");
    assert_eq!(answers[0]["input"], json!({"command": "git push --dry-run"}));
}

#[test]
fn all_questions_are_answered_together() {
    let (mut stage, _) = Stage::asked(&[question("one"), question("two")]);
    assert_eq!(stage.permissions().len(), 2);
    stage.decide("two", Answer::Allow);
    assert_eq!(stage.names(), Vec::<String>::new(), "the other is not answered yet");
    stage.decide("one", Answer::Deny(String::new()));
    let (_, answers) = stage.answers();
    let said: Vec<_> = answers.iter().map(|answer| (&answer["approval_id"], &answer["answer"])).collect();
    assert_eq!(said, [(&json!("one"), &json!("deny")), (&json!("two"), &json!("allow"))]);
}

/// Nothing says yes: not the run's end, and not who asked.
#[test]
fn a_run_that_is_cancelled_allows_nothing() {
    let (mut stage, _) = Stage::asked(&[question("one")]);
    stage.decide("one", Answer::Cancelled);
    stage.cancel();
    assert!(!stage.names().iter().any(|name| name.contains("Send")), "{:?}", stage.names());
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
}

/// Who settles a question at the far end is heard at once, not at the next look.
#[test]
fn what_is_settled_elsewhere_is_taken_back_at_once() {
    let (mut stage, news) = Stage::asked(&[question("one")]);
    stage.event(news, status("working", None));
    assert_eq!(stage.withdrawn(), ["one"]);
    stage.ended_with(&["withdrawn"]);
    // A late word of this end's person changes nothing.
    stage.decide("one", Answer::Allow);
    assert!(!stage.names().iter().any(|name| name.contains("Send")), "{:?}", stage.names());
    stage.event(news, status("completed", None));
    stage.end(news);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn of_two_questions_the_one_that_is_left_stays() {
    let (mut stage, news) = Stage::asked(&[question("one"), question("two")]);
    stage.event(news, status("input-required", Some(asks(2, &[question("two")]))));
    stage.end(news);
    assert_eq!(stage.withdrawn(), ["one"]);
    assert_eq!(stage.permissions().len(), 2, "none is asked twice");
    stage.stream("SubscribeToTask");
    stage.decide("two", Answer::Allow);
    let (_, answers) = stage.answers();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["approval_id"], "two");
}

#[test]
fn what_was_answered_here_goes_out_when_the_rest_was_settled_elsewhere() {
    let (mut stage, news) = Stage::asked(&[question("one"), question("two")]);
    stage.decide("two", Answer::Allow);
    stage.event(news, status("input-required", Some(asks(2, &[question("two")]))));
    let (_, answers) = stage.answers();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0]["approval_id"], "two");
    stage.ended_with(&["allowed", "withdrawn"]);
}

#[test]
fn a_stream_that_breaks_while_a_person_thinks_is_taken_up_again() {
    let (mut stage, news) = Stage::asked(&[question("one")]);
    stage.fail(news, RequestFault::Broken);
    assert_eq!(stage.outcome(), None);
    assert_eq!(stage.timers[&POLL], 250, "something may have been missed");
    stage.ring(POLL);
    stage.result("GetTask", asking(1, &[question("one")]));
    let news = stage.stream("SubscribeToTask");
    stage.event(news, asking(1, &[question("one")]));
    assert_eq!((stage.permissions().len(), stage.withdrawn().len()), (1, 0));
    stage.event(news, status("working", None));
    assert_eq!(stage.withdrawn(), ["one"]);
}

#[rstest]
#[case::at_once(false)]
#[case::with_an_error(true)]
fn an_agent_that_keeps_no_stream_open_is_looked_up_now_and_then(#[case] refuses: bool) {
    let (mut stage, news) = Stage::asked(&[question("one")]);
    stage.fail(news, RequestFault::Broken);
    stage.ring(POLL);
    stage.result("GetTask", asking(1, &[question("one")]));
    if refuses {
        stage.error("SubscribeToTask", -32004, "not while it waits");
        stage.result("GetTask", asking(1, &[question("one")]));
    } else {
        let news = stage.stream("SubscribeToTask");
        stage.event(news, asking(1, &[question("one")]));
        stage.end(news);
    }
    assert_eq!(stage.timers[&POLL], 30_000, "seldom: a person is waited for");
    stage.ring(POLL);
    stage.result("GetTask", asking(1, &[question("one")]));
    assert_eq!(stage.names(), Vec::<String>::new(), "it is not asked for a stream again");
    stage.ring(POLL);
    stage.result("GetTask", task("failed", json!([]), json!([])));
    assert_eq!(stage.withdrawn(), ["one"]);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Failed);
}

/// Where a person of the far end answers, the stream that asked stays open and says what came of it.
#[test]
fn a_stream_that_stays_open_behind_a_question_is_kept() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    let mut theirs = question("one");
    theirs["answerable"] = json!(false);
    stage.event(stream, status("auth-required", Some(asks(1, &[theirs]))));
    stage.ring(LINGER);
    assert_eq!(stage.permissions(), [], "it is not for this end's person");
    assert_eq!(stage.questions().len(), 1);
    stage.event(stream, status("working", None));
    stage.event(stream, status("completed", None));
    stage.end(stream);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
    assert_eq!(stage.names(), Vec::<String>::new());
}
