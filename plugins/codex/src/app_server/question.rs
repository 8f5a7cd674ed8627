//! What codex, or a server of its, asks its user.

use pointsman_sdk::question::{self, Answers, Choice};
use pointsman_sdk::types::Message;
use serde_json::{Map, Value, json};

use super::form;
use super::wire::text;

/// A question that waits for its user.
#[derive(Debug)]
pub(super) struct Question {
    /// The request's id.
    pub(super) request: Value,
    /// What the user reads.
    pub(super) text: String,
    /// What a program reads.
    pub(super) detail: Value,
    asked: Vec<question::Question>,
    wants: Wants,
}

/// How a question is answered.
#[derive(Debug)]
enum Wants {
    /// Each question of codex's by its id.
    ById,
    /// A form, by its schema.
    Form(Value),
    /// Whether the user did what was asked elsewhere.
    Done,
}

impl Question {
    /// Reads questions of codex's own.
    pub(super) fn of_codex(request: Value, params: &Map<String, Value>) -> Self {
        let questions = params.get("questions").and_then(Value::as_array).into_iter().flatten();
        let asked: Vec<_> = questions.filter_map(Value::as_object).map(of_codex).collect();
        let (text, detail) = question::put("", &asked);
        let text = if text.is_empty() { "Codex asks for an answer.".to_owned() } else { text };
        Self { request, text, detail: Value::Object(detail), asked, wants: Wants::ById }
    }

    /// Reads a question of an MCP server.
    pub(super) fn of_server(request: Value, params: &Map<String, Value>) -> Self {
        let said = text(params, "message").or_else(|| text(params, "description")).unwrap_or_default();
        let server = text(params, "serverName").unwrap_or_default();
        let (introduction, asked, wants) = match (params.get("requestedSchema"), text(params, "url")) {
            (Some(schema), _) => (said.to_owned(), form::questions(schema), Wants::Form(schema.clone())),
            (None, Some(url)) => (format!("{said}\n{url}"), vec![form::consent()], Wants::Done),
            (None, None) => (said.to_owned(), vec![form::consent()], Wants::Done),
        };
        let (text, mut detail) = question::put(&introduction, &asked);
        detail.insert("server".to_owned(), server.into());
        for (from, to) in [("mode", "mode"), ("requestedSchema", "schema"), ("url", "url")] {
            detail.extend(params.get(from).map(|value| (to.to_owned(), value.clone())));
        }
        Self { request, text, detail: Value::Object(detail), asked, wants }
    }

    /// Gives codex's words for what the user said; or what the user should be told to be understood.
    pub(super) fn answer(&self, message: &Message) -> Result<Value, String> {
        let answers = Answers::of(message);
        match &self.wants {
            Wants::ById => {
                let answers = self.asked.iter().zip(answers.to(&self.asked));
                let answers = answers.map(|(it, answers)| (it.id.clone(), json!({ "answers": answers })));
                Ok(json!({ "answers": Map::from_iter(answers) }))
            }
            Wants::Form(schema) => form::answer(schema, &self.asked, &answers),
            Wants::Done => Ok(form::done(&answers)),
        }
    }

    /// Gives codex's words for a question that nobody will answer; nothing if it has none.
    pub(super) fn cancelled(&self) -> Option<Value> {
        match self.wants {
            Wants::ById => None,
            Wants::Form(_) | Wants::Done => Some(json!({ "action": "cancel", "content": null })),
        }
    }
}

/// Reads a question of codex's. Whatever else it says of it stays.
fn of_codex(asked: &Map<String, Value>) -> question::Question {
    let word = |key: &str| text(asked, key).unwrap_or_default().to_owned();
    let options = asked.get("options").and_then(Value::as_array).into_iter().flatten();
    let options: Vec<_> = options
        .filter_map(Value::as_object)
        .map(|option| Choice {
            label: text(option, "label").unwrap_or_default().to_owned(),
            description: text(option, "description").unwrap_or_default().to_owned(),
            more: but(option, &["label", "description"]),
        })
        .collect();
    question::Question {
        id: word("id"),
        header: word("header"),
        question: word("question"),
        free_text: options.is_empty() || asked.get("isOther") == Some(&Value::Bool(true)),
        options,
        multi_select: false,
        optional: false,
        secret: asked.get("isSecret") == Some(&Value::Bool(true)),
        more: but(asked, &["id", "header", "question", "options", "isOther"]),
    }
}

fn but(object: &Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let rest = object.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    rest.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::types::{Part, Speaker};
    use rstest::rstest;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn data(value: Value) -> Message {
        Message { speaker: Speaker::User, parts: vec![Part::Data(value.to_string())], metadata: None }
    }

    fn words(text: &str) -> Message {
        Message::text(Speaker::User, text)
    }

    fn codex() -> Question {
        let params = json!({ "questions": [
            { "id": "color", "header": "Color", "question": "Which?", "isOther": true, "isSecret": false,
              "options": [{ "label": "Red", "description": "Warm" }, { "label": "Blue" }] },
            { "id": "size", "question": "How big?", "options": null },
        ] });
        Question::of_codex(json!(0), &object(params))
    }

    #[rstest]
    #[case(data(json!({ "color": "Blue", "size": ["1", "2"] })), json!({ "color": { "answers": ["Blue"] }, "size": { "answers": ["1", "2"] } }))]
    #[case(data(json!({ "answers": { "color": { "answers": ["Red"] } } })), json!({ "color": { "answers": ["Red"] }, "size": { "answers": [] } }))]
    #[case(words("any"), json!({ "color": { "answers": ["any"] }, "size": { "answers": ["any"] } }))]
    #[case(words("blue\nXL"), json!({ "color": { "answers": ["Blue"] }, "size": { "answers": ["XL"] } }))]
    fn codexs_questions_are_answered_by_id(#[case] said: Message, #[case] answers: Value) {
        assert_eq!(codex().answer(&said), Ok(json!({ "answers": answers })));
    }

    #[test]
    fn codexs_questions_have_the_shape_that_all_adapters_share() {
        let it = codex();
        assert_eq!(it.text, "Which?\n- Red: Warm\n- Blue\n\nHow big?");
        let color = &it.detail["questions"][0];
        assert_eq!((&color["free_text"], &color["multi_select"]), (&json!(true), &json!(false)));
        assert_eq!(color["isSecret"], false, "what only codex says stays");
        assert_eq!(it.detail["questions"][1]["free_text"], true, "there is nothing to choose");
    }

    #[test]
    fn a_secret_is_asked_for_as_one() {
        let params = json!({ "questions": [
            { "id": "token", "question": "Which token?", "isSecret": true },
            { "id": "user", "question": "Whose?", "isSecret": false },
        ] });
        let it = Question::of_codex(json!(0), &object(params));
        let secret = |at: usize| it.detail["questions"][at].get("secret").cloned();
        assert_eq!((secret(0), secret(1)), (Some(json!(true)), None));
    }

    #[test]
    fn a_forms_password_is_asked_for_as_one() {
        let params = json!({ "serverName": "s", "mode": "form", "message": "Sign in.", "requestedSchema": {
            "type": "object", "properties": {
                "password": { "type": "string", "format": "password" },
                "pin": { "type": "string", "writeOnly": true },
                "user": { "type": "string" },
            },
        } });
        let it = Question::of_server(json!(0), &object(params));
        let questions = it.detail["questions"].as_array().unwrap();
        let secret: Vec<_> = questions.iter().filter(|it| it["secret"] == true).map(|it| &it["id"]).collect();
        assert_eq!(secret, ["password", "pin"]);
    }

    #[test]
    fn what_was_done_elsewhere_is_a_question_too() {
        let params =
            json!({ "serverName": "s", "mode": "url", "message": "Sign in.", "url": "https://a.example" });
        let it = Question::of_server(json!(0), &object(params));
        assert!(it.text.starts_with("Sign in.\nhttps://a.example"), "{}", it.text);
        let said = |message: Message| it.answer(&message).unwrap()["action"].clone();
        assert_eq!(said(words("I have")), "accept");
        assert_eq!(said(words("no")), "decline");
        assert_eq!(said(data(json!({ "action": "decline" }))), "decline");
    }
}
