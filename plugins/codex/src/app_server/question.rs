//! What codex, or a server of its, asks its user.

use pointsman_sdk::prompt::flatten;
use pointsman_sdk::types::{Message, Part};
use serde_json::{Map, Value, json};

use super::wire::text;

/// A question that waits for its user.
#[derive(Debug)]
pub(super) struct Question {
    /// The request's id.
    pub(super) request: Value,
    /// What the user reads.
    pub(super) text: String,
    /// What a program reads: the questions, or the form.
    pub(super) detail: Value,
    answers: Answers,
}

/// How a question is answered.
#[derive(Debug)]
enum Answers {
    /// Each question of codex's by its id.
    ById(Vec<String>),
    /// A form, by its schema.
    Form(Value),
    /// Whether the user did what was asked elsewhere.
    Done,
}

impl Question {
    /// Reads questions of codex's own.
    pub(super) fn of_codex(request: Value, params: &Map<String, Value>) -> Self {
        let questions = params.get("questions").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids =
            questions.iter().filter_map(|question| Some(question.get("id")?.as_str()?.to_owned())).collect();
        let lines: Vec<String> = questions.iter().filter_map(in_words).collect();
        Self {
            request,
            text: lines.join("\n"),
            detail: json!({ "questions": questions }),
            answers: Answers::ById(ids),
        }
    }

    /// Reads a question of an MCP server.
    pub(super) fn of_server(request: Value, params: &Map<String, Value>) -> Self {
        let said = text(params, "message").or_else(|| text(params, "description")).unwrap_or_default();
        let server = text(params, "serverName").unwrap_or_default();
        let (text, answers) = match (params.get("requestedSchema"), text(params, "url")) {
            (Some(schema), _) => (said.to_owned(), Answers::Form(schema.clone())),
            (None, Some(url)) => (format!("{said}\n{url}"), Answers::Done),
            (None, None) => (said.to_owned(), Answers::Done),
        };
        let mut detail = Map::new();
        detail.insert("server".to_owned(), server.into());
        for (from, to) in [("mode", "mode"), ("requestedSchema", "schema"), ("url", "url")] {
            detail.extend(params.get(from).map(|value| (to.to_owned(), value.clone())));
        }
        Self { request, text, detail: Value::Object(detail), answers }
    }

    /// Gives codex's words for what the user said; or what the user should be told to be understood.
    pub(super) fn answer(&self, message: &Message) -> Result<Value, String> {
        let data = message.parts.iter().find_map(|part| match part {
            Part::Data(json) => serde_json::from_str::<Map<String, Value>>(json).ok(),
            _ => None,
        });
        match (&self.answers, data) {
            (Answers::ById(ids), Some(data)) => Ok(by_id(ids, data)),
            (Answers::ById(ids), None) => {
                let said = flatten(message);
                let answers = ids.iter().map(|id| (id.clone(), json!({ "answers": [said] })));
                Ok(json!({ "answers": Map::from_iter(answers) }))
            }
            (_, Some(data)) => Ok(action(data)),
            (Answers::Form(schema), None) => form(schema, flatten(message).trim()),
            (Answers::Done, None) => Ok(word(flatten(message).trim()).unwrap_or_else(|| accept(json!({})))),
        }
    }

    /// Gives codex's words for a question that nobody will answer; nothing if it has none.
    pub(super) fn cancelled(&self) -> Option<Value> {
        match self.answers {
            Answers::ById(_) => None,
            Answers::Form(_) | Answers::Done => Some(json!({ "action": "cancel", "content": null })),
        }
    }
}

/// Puts a question of codex's in words.
fn in_words(question: &Value) -> Option<String> {
    let asked = question.get("question").and_then(Value::as_str)?;
    let options: Vec<&str> = question
        .get("options")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|option| option.get("label").and_then(Value::as_str))
        .collect();
    Some(if options.is_empty() { asked.to_owned() } else { format!("{asked} [{}]", options.join(" / ")) })
}

/// Reads answers by their questions' ids: texts, lists of texts, or as codex has them itself.
fn by_id(ids: &[String], mut data: Map<String, Value>) -> Value {
    if let Some(Value::Object(answers)) =
        data.get("answers").filter(|_| !ids.iter().any(|id| id == "answers"))
    {
        data = answers.clone();
    }
    let answers = data.into_iter().map(|(id, answer)| {
        let list = match answer {
            Value::Object(mut object) => object.remove("answers").unwrap_or_else(|| json!([])),
            Value::Array(list) => Value::Array(list),
            Value::String(one) => json!([one]),
            other => json!([other.to_string()]),
        };
        (id, json!({ "answers": list }))
    });
    json!({ "answers": Map::from_iter(answers) })
}

/// Reads a form's content, or what becomes of the form in words of MCP.
fn action(mut data: Map<String, Value>) -> Value {
    match data.get("action").and_then(Value::as_str) {
        Some(action @ ("accept" | "decline" | "cancel")) => {
            let action = action.to_owned();
            json!({ "action": action, "content": data.remove("content") })
        }
        _ => accept(Value::Object(data)),
    }
}

fn accept(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

/// Reads a plain yes or no.
fn word(said: &str) -> Option<Value> {
    match said.to_ascii_lowercase().as_str() {
        "accept" | "yes" | "ok" => Some(accept(json!({}))),
        "decline" | "no" => Some(json!({ "action": "decline", "content": null })),
        "cancel" => Some(json!({ "action": "cancel", "content": null })),
        _ => None,
    }
}

/// Fills a form with a text, if it has a single field or none.
fn form(schema: &Value, said: &str) -> Result<Value, String> {
    let fields = schema.get("properties").and_then(Value::as_object);
    let mut fields = fields.into_iter().flatten();
    let unclear = || {
        "This form cannot be filled by a text: answer with a data part that has its fields, or with \
         {\"action\": \"decline\"}."
            .to_owned()
    };
    let (Some((name, field)), None) = (fields.next(), fields.next()) else {
        return word(said).ok_or_else(unclear);
    };
    let value = match field.get("type").and_then(Value::as_str) {
        Some("string") | None => json!(said),
        Some(_) => serde_json::from_str(said).map_err(|_| unclear())?,
    };
    Ok(accept(Value::Object(Map::from_iter([(name.clone(), value)]))))
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::types::Speaker;
    use rstest::rstest;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn data(value: Value) -> Message {
        Message { speaker: Speaker::User, parts: vec![Part::Data(value.to_string())], metadata: None }
    }

    fn codex() -> Question {
        let params = json!({ "questions": [
            { "id": "color", "question": "Which?", "options": [{ "label": "Red" }, { "label": "Blue" }] },
            { "id": "size", "question": "How big?", "options": null },
        ] });
        Question::of_codex(json!(0), &object(params))
    }

    fn server(schema: Value) -> Question {
        let params =
            json!({ "serverName": "s", "mode": "form", "message": "Who?", "requestedSchema": schema });
        Question::of_server(json!(0), &object(params))
    }

    #[rstest]
    #[case(data(json!({ "color": "Blue", "size": ["1", "2"] })), json!({ "color": { "answers": ["Blue"] }, "size": { "answers": ["1", "2"] } }))]
    #[case(data(json!({ "answers": { "color": { "answers": ["Red"] } } })), json!({ "color": { "answers": ["Red"] } }))]
    #[case(Message::text(Speaker::User, "any"), json!({ "color": { "answers": ["any"] }, "size": { "answers": ["any"] } }))]
    fn codexs_questions_are_answered_by_id(#[case] said: Message, #[case] answers: Value) {
        assert_eq!(codex().answer(&said), Ok(json!({ "answers": answers })));
        assert_eq!(codex().text, "Which? [Red / Blue]\nHow big?");
    }

    #[rstest]
    #[case(json!({ "name": { "type": "string" } }), "Ann", json!({ "name": "Ann" }))]
    #[case(json!({ "age": { "type": "integer" } }), "7", json!({ "age": 7 }))]
    #[case(json!({}), "yes", json!({}))]
    fn a_form_of_one_field_takes_a_text(#[case] fields: Value, #[case] said: &str, #[case] content: Value) {
        let question = server(json!({ "type": "object", "properties": fields }));
        let answer = question.answer(&Message::text(Speaker::User, said));
        assert_eq!(answer, Ok(json!({ "action": "accept", "content": content })));
    }

    #[test]
    fn a_form_that_a_text_cannot_fill_is_asked_again() {
        let question =
            server(json!({ "properties": { "a": { "type": "string" }, "b": { "type": "string" } } }));
        assert!(question.answer(&Message::text(Speaker::User, "x")).unwrap_err().contains("data part"));
        let filled = question.answer(&data(json!({ "a": "1", "b": "2" })));
        assert_eq!(filled, Ok(json!({ "action": "accept", "content": { "a": "1", "b": "2" } })));
        let declined = question.answer(&data(json!({ "action": "decline" })));
        assert_eq!(declined, Ok(json!({ "action": "decline", "content": null })));
    }
}
