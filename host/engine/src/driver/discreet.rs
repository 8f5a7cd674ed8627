//! Answers that are not kept: an agent asked its user for a secret.
//!
//! What is said then goes to the agent as it is. Events, questions to a person, policies and the audit log get a marker in
//! its place, and the sanitizers learn its digest, so that it is found where the agent says it again. Nothing keeps it, so
//! an agent that is begun anew asks for it anew.

use std::collections::BTreeSet;

use pointsman_capabilities::handed_out::HandedOut;
use pointsman_model::plugin::Interruption;
use pointsman_model::{Message, Part};
use serde_json::{Map, Value};

/// What is kept in place of a secret.
const MARKER: &str = "[redacted:secret-answer]";

/// What an agent's open questions say of their answers.
#[derive(Debug, Default)]
pub(super) struct Discreet {
    /// Whether one of them asks for a secret.
    secret: bool,
    /// The names of those that do not. Under any other there may be one.
    open: BTreeSet<String>,
}

impl Discreet {
    /// Reads the questions of an interruption.
    pub(super) fn of(interruption: &Interruption) -> Self {
        let mut discreet = Self::default();
        let detail = interruption.detail.as_ref();
        let questions = detail.and_then(|detail| detail.get("questions")).and_then(Value::as_array);
        let is_secret = |question: &Value| question["secret"] == true;
        let (secret, open): (Vec<_>, Vec<_>) = questions.into_iter().flatten().partition(|it| is_secret(it));
        // An answer may name its question by any of these.
        let names = |question: &Value| {
            let name = |key: &str| question[key].as_str().unwrap_or_default().to_owned();
            ["id", "header", "question"].map(name)
        };
        discreet.secret = !secret.is_empty();
        discreet.open.extend(open.iter().flat_map(|it| names(it)).filter(|name| !name.is_empty()));
        for name in secret.iter().flat_map(|it| names(it)) {
            discreet.open.remove(&name);
        }
        discreet
    }

    /// Gives what may be kept of a message; nothing if all of it may.
    pub(super) fn without_secrets(&self, message: &Message) -> Option<Message> {
        self.secret.then(|| Message {
            speaker: message.speaker,
            parts: message
                .parts
                .iter()
                .map(|part| match part {
                    Part::Data { data } => Part::Data { data: self.data(data) },
                    // Words answer every question that no data answers.
                    _ => Part::Text { text: MARKER.to_owned() },
                })
                .collect(),
            metadata: None,
        })
    }

    fn data(&self, data: &Map<String, Value>) -> Map<String, Value> {
        let kept = |(name, value): (&String, &Value)| {
            let value = match value {
                value if self.open.contains(name) => value.clone(),
                // They may stand in a field of their own.
                Value::Object(answers) if name == "answers" => Value::Object(self.data(answers)),
                _ => Value::from(MARKER),
            };
            (name.clone(), value)
        };
        data.iter().map(kept).collect()
    }

    /// Has what is not kept of a message recognized where it comes back.
    pub(super) fn hand_out(&self, message: &Message, to: &HandedOut) {
        if !self.secret {
            return;
        }
        for part in &message.parts {
            match part {
                Part::Text { text } => to.record(text),
                Part::Data { data } => self.record(data, to),
                Part::File { .. } => {}
            }
        }
    }

    fn record(&self, data: &Map<String, Value>, to: &HandedOut) {
        for (_, value) in data.iter().filter(|(name, _)| !self.open.contains(*name)) {
            match value {
                Value::Object(answers) => self.record(answers, to),
                value => texts(value, to),
            }
        }
    }
}

fn texts(value: &Value, to: &HandedOut) {
    match value {
        Value::String(text) => to.record(text),
        Value::Array(several) => several.iter().for_each(|value| texts(value, to)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, to)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::Speaker;
    use pointsman_model::plugin::InterruptionKind;
    use serde_json::json;

    use super::*;

    fn discreet(questions: Value) -> Discreet {
        let detail = Some(json!({ "questions": questions }));
        Discreet::of(&Interruption { kind: InterruptionKind::Input, text: "?".to_owned(), detail })
    }

    fn message(parts: Value) -> Message {
        serde_json::from_value(json!({ "role": Speaker::User, "parts": parts })).unwrap()
    }

    fn both() -> Discreet {
        discreet(json!([
            { "id": "token", "header": "Token", "question": "Which token?", "secret": true },
            { "id": "user", "question": "Whose?" },
        ]))
    }

    #[test]
    fn what_nobody_calls_a_secret_is_kept() {
        let said = message(json!([{ "type": "text", "text": "main" }]));
        assert_eq!(discreet(json!([{ "id": "branch", "question": "?" }])).without_secrets(&said), None);
        assert_eq!(Discreet::default().without_secrets(&said), None);
    }

    /// Whatever may be one is taken out: by any name of its question, in words, in files, under a name that nobody knows.
    #[test]
    fn a_secret_is_kept_in_no_form() {
        let secret = "hunter2-hunter2";
        let forms = [
            json!([{ "type": "data", "data": { "token": secret, "user": "ada" } }]),
            json!([{ "type": "data", "data": { "Token": [secret], "user": "ada" } }]),
            json!([{ "type": "data", "data": { "Which token?": secret } }]),
            json!([{ "type": "data", "data": { "answers": { "token": { "answers": [secret] }, "user": "ada" } } }]),
            json!([{ "type": "data", "data": { "tokn": secret } }]),
            json!([{ "type": "text", "text": secret }, { "type": "data", "data": { "user": "ada" } }]),
            json!([{ "type": "file", "name": secret, "bytes_base64": "aGk=" }]),
        ];
        for form in forms {
            let said = message(form.clone());
            let kept = serde_json::to_string(&both().without_secrets(&said)).unwrap();
            assert!(kept.contains(MARKER) && !kept.contains("hunter2") && !kept.contains("aGk="), "{kept}");
            assert_eq!(
                form.to_string().contains("ada"),
                kept.contains("ada"),
                "what is no secret stays: {kept}"
            );
        }
    }
}
