//! Questions to the user, and what they answer.

use pointsman_sdk::backend::{Effects, Interruption, InterruptionKind};
use pointsman_sdk::question::{self, Answers, Choice};
use pointsman_sdk::types::Message;
use serde_json::{Value, json};

use crate::tool::Call;
use crate::wire;

/// What a person may say to a plan so that it is carried out.
const YES: &[&str] = &["yes", "y", "ok", "okay", "go", "go ahead", "approve", "approved", "proceed"];

/// A question that waits, with the request that it answers.
#[derive(Debug)]
struct Question {
    request: String,
    call: Call,
}

/// Questions in the order in which they came; the user is asked the first.
#[derive(Debug, Default)]
pub(crate) struct Questions(Vec<Question>);

impl Questions {
    /// Puts a question to the user, when those before it are answered.
    pub(crate) fn ask(&mut self, request: String, call: Call, effects: &mut Effects) {
        self.0.push(Question { request, call });
        if self.0.len() == 1 {
            self.put(effects);
        }
    }

    /// Says whether the user is being asked.
    pub(crate) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// Hands the user's answer to the agent.
    pub(crate) fn answer(&mut self, message: &Message, effects: &mut Effects) {
        if self.0.is_empty() {
            return;
        }
        let Question { request, call } = self.0.remove(0);
        let response =
            if call.name == "ExitPlanMode" { plan(&call, message) } else { answers(&call, message) };
        wire::line(&wire::answer(&request, response), effects);
        self.put(effects);
    }

    /// Forgets a question that Claude Code has taken back; says whether it was known.
    pub(crate) fn withdraw(&mut self, request: &str, effects: &mut Effects) -> bool {
        let Some(at) = self.0.iter().position(|question| question.request == request) else { return false };
        self.0.remove(at);
        if at == 0 {
            effects.emit(
                pointsman_sdk::Draft::new(pointsman_sdk::kind::STATUS_CHANGED)
                    .field("status", "running")
                    .field("reason", "question_withdrawn"),
            );
            self.put(effects);
        }
        true
    }

    /// Answers all that is open: the run ends.
    pub(crate) fn close(&mut self, why: &str, effects: &mut Effects) {
        for Question { request, .. } in self.0.drain(..) {
            wire::line(&wire::answer(&request, json!({ "behavior": "deny", "message": why })), effects);
        }
    }

    fn put(&self, effects: &mut Effects) {
        let Some(Question { call, .. }) = self.0.first() else { return };
        let (introduction, asked) = if call.name == "ExitPlanMode" {
            let plan = call.text("plan").unwrap_or_default();
            (format!("Claude Code has made a plan.\n\n{plan}"), vec![consent()])
        } else {
            (String::new(), asked(call))
        };
        let (text, mut detail) = question::put(&introduction, &asked);
        detail.insert("tool".to_owned(), call.name.as_str().into());
        detail.insert("tool_use_id".to_owned(), call.id.as_str().into());
        detail.insert("input".to_owned(), Value::Object(call.input.clone()));
        let text = if text.is_empty() { "Claude Code asks for an answer.".to_owned() } else { text };
        effects.await_input(Interruption {
            kind: InterruptionKind::Input,
            text,
            detail: Some(Value::Object(detail).to_string()),
        });
    }
}

/// Reads the questions of a call. They have no ids, so they are numbered.
fn asked(call: &Call) -> Vec<question::Question> {
    let questions = call.input.get("questions").and_then(Value::as_array).into_iter().flatten();
    (1_usize..).zip(questions).map(|(at, question)| numbered(at, question)).collect()
}

fn numbered(at: usize, question: &Value) -> question::Question {
    let word = |of: &Value, key: &str| of[key].as_str().unwrap_or_default().to_owned();
    let options = question["options"].as_array().into_iter().flatten();
    let choice = |option: &Value| Choice {
        label: word(option, "label"),
        description: word(option, "description"),
        ..Choice::default()
    };
    question::Question {
        id: format!("q{at}"),
        header: word(question, "header"),
        question: word(question, "question"),
        options: options.map(choice).collect(),
        multi_select: question["multiSelect"] == true,
        free_text: true,
        ..question::Question::default()
    }
}

/// Makes the answers to questions, which Claude Code takes by their words.
fn answers(call: &Call, message: &Message) -> Value {
    let asked = asked(call);
    let given = asked.iter().zip(Answers::of(message).to(&asked)).filter(|(_, answers)| !answers.is_empty());
    let given = given.map(|(asked, answers)| (asked.question.clone(), Value::from(answers.join(", "))));
    let mut input = call.input.clone();
    input.insert("answers".to_owned(), Value::Object(given.collect()));
    json!({ "behavior": "allow", "updatedInput": input })
}

/// Asks about a plan.
fn consent() -> question::Question {
    question::Question {
        id: "plan".to_owned(),
        question: "Is it to be carried out, or what is to be different?".to_owned(),
        options: vec![Choice { label: "yes".to_owned(), ..Choice::default() }],
        free_text: true,
        ..question::Question::default()
    }
}

/// Makes the answer to a plan: `{"approve": true}` or a word that says yes, else what is to be different.
fn plan(call: &Call, message: &Message) -> Value {
    let answers = Answers::of(message);
    let said = answers.data().get("plan").and_then(Value::as_str).unwrap_or_else(|| answers.said()).trim();
    let plain = said.trim_end_matches(['.', '!']).to_lowercase();
    let approve = answers.data().get("approve").and_then(Value::as_bool);
    if approve.unwrap_or_else(|| YES.contains(&plain.as_str())) {
        return json!({ "behavior": "allow", "updatedInput": call.input });
    }
    let feedback = answers.data().get("feedback").and_then(Value::as_str).unwrap_or(said);
    let message = if feedback.is_empty() { "The plan was not approved." } else { feedback };
    json!({ "behavior": "deny", "message": message })
}
