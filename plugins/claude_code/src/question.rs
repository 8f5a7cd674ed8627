//! Questions to the user, and what they answer.

use pointsman_sdk::backend::{Effects, Interruption, InterruptionKind};
use pointsman_sdk::prompt;
use pointsman_sdk::types::{Message, Part};
use serde_json::{Map, Value, json};

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
        let (text, mut detail) = if call.name == "ExitPlanMode" {
            let plan = call.text("plan").unwrap_or_default();
            let text = format!("Claude Code has made a plan. Is it to be carried out?\n\n{plan}");
            (
                text.trim_end().to_owned(),
                json!({ "plan": plan, "answers": ["yes", "or what is to be different"] }),
            )
        } else {
            let questions: Vec<Value> =
                (1_usize..).zip(asked(call)).map(|(at, question)| with_id(at, question)).collect();
            let text: Vec<String> = questions.iter().map(in_words).collect();
            (text.join("\n\n"), json!({ "questions": questions }))
        };
        detail["tool"] = call.name.as_str().into();
        detail["tool_use_id"] = call.id.as_str().into();
        detail["input"] = Value::Object(call.input.clone());
        let text = if text.is_empty() { "Claude Code asks for an answer.".to_owned() } else { text };
        effects.await_input(Interruption {
            kind: InterruptionKind::Input,
            text,
            detail: Some(detail.to_string()),
        });
    }
}

fn asked(call: &Call) -> impl Iterator<Item = &Value> {
    call.input.get("questions").and_then(Value::as_array).into_iter().flatten()
}

/// Gives a question an id for those who answer by data.
fn with_id(at: usize, question: &Value) -> Value {
    let mut question = question.clone();
    if let Some(fields) = question.as_object_mut() {
        fields.insert("id".to_owned(), id(at).into());
    }
    question
}

fn id(at: usize) -> String {
    format!("q{at}")
}

fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn in_words(question: &Value) -> String {
    let mut words = text(question, "question").to_owned();
    for option in question.get("options").and_then(Value::as_array).into_iter().flatten() {
        let (label, description) = (text(option, "label"), text(option, "description"));
        words.push_str(&if description.is_empty() {
            format!("\n- {label}")
        } else {
            format!("\n- {label}: {description}")
        });
    }
    words
}

/// Makes the answers to questions. A data part maps ids, headers or the questions themselves to answers; a text answers
/// every question that is left, or one each if it has as many lines.
fn answers(call: &Call, message: &Message) -> Value {
    let (data, said) = parts(message);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let questions: Vec<&Value> = asked(call).collect();
    let mut answers = Map::new();
    for (at, question) in questions.iter().enumerate() {
        let named = [id(at + 1), text(question, "question").to_owned(), text(question, "header").to_owned()];
        let given = named.iter().filter(|name| !name.is_empty()).find_map(|name| data.get(name.as_str()));
        let answer = match given {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(several)) => {
                let texts =
                    several.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned));
                texts.collect::<Vec<_>>().join(", ")
            }
            Some(other) => other.to_string(),
            None if lines.len() == questions.len() => lines.get(at).copied().unwrap_or_default().to_owned(),
            None => said.trim().to_owned(),
        };
        if !answer.is_empty() {
            answers.insert(text(question, "question").to_owned(), label(question, answer).into());
        }
    }
    let mut input = call.input.clone();
    input.insert("answers".to_owned(), Value::Object(answers));
    json!({ "behavior": "allow", "updatedInput": input })
}

/// Writes an option's label as the agent wrote it.
fn label(question: &Value, answer: String) -> String {
    let options = question.get("options").and_then(Value::as_array).into_iter().flatten();
    let known =
        options.map(|option| text(option, "label")).find(|label| label.eq_ignore_ascii_case(answer.trim()));
    known.map_or(answer, str::to_owned)
}

/// Makes the answer to a plan: `{"approve": true}` or a word that says yes, else what is to be different.
fn plan(call: &Call, message: &Message) -> Value {
    let (data, said) = parts(message);
    let said = said.trim();
    let plain = said.trim_end_matches(['.', '!']).to_lowercase();
    let approved =
        data.get("approve").and_then(Value::as_bool).unwrap_or_else(|| YES.contains(&plain.as_str()));
    if approved {
        return json!({ "behavior": "allow", "updatedInput": call.input });
    }
    let feedback = data.get("feedback").and_then(Value::as_str).unwrap_or(said);
    let message = if feedback.is_empty() { "The plan was not approved." } else { feedback };
    json!({ "behavior": "deny", "message": message })
}

/// Sorts a message into its data, laid over each other, and its text.
fn parts(message: &Message) -> (Map<String, Value>, String) {
    let mut data = Map::new();
    let mut rest = message.clone();
    rest.parts.retain(|part| match part {
        Part::Data(json) => match serde_json::from_str::<Map<String, Value>>(json) {
            Ok(fields) => {
                data.extend(fields);
                false
            }
            Err(_) => true,
        },
        _ => true,
    });
    // They may stand in a field of their own.
    if let Some(Value::Object(inner)) = data.get("answers").cloned() {
        data.extend(inner);
    }
    (data, prompt::flatten(&rest))
}
