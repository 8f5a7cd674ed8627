//! Forms of MCP servers: a schema becomes questions, and their answers become what the schema wants.

use pointsman_sdk::question::{Answers, Choice, Question};
use serde_json::{Map, Value, json};

/// The question whether something was done, or is wanted at all.
const ACTION: &str = "action";

/// Makes a question of each field; one of consent if there is none.
pub(super) fn questions(schema: &Value) -> Vec<Question> {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields = schema["properties"].as_object().into_iter().flatten();
    let questions: Vec<_> =
        fields.map(|(name, field)| question(name, field, required.contains(&json!(name)))).collect();
    if questions.is_empty() { vec![consent()] } else { questions }
}

/// Asks whether something was done, or is wanted at all.
pub(super) fn consent() -> Question {
    let choice = |label: &str, description: &str| Choice {
        label: label.to_owned(),
        description: description.to_owned(),
        ..Choice::default()
    };
    Question {
        id: ACTION.to_owned(),
        question: "Do you agree, and is it done?".to_owned(),
        options: vec![choice("accept", "yes"), choice("decline", "no")],
        ..Question::default()
    }
}

fn question(name: &str, field: &Value, required: bool) -> Question {
    let word = |key: &str| field[key].as_str().unwrap_or_default().to_owned();
    let (title, description) = (word("title"), word("description"));
    let (header, asked) = match (title.as_str(), description.as_str()) {
        ("", "") => (String::new(), name.to_owned()),
        ("", _) => (name.to_owned(), description),
        (_, "") => (String::new(), title),
        _ => (title, description),
    };
    let several = field["type"] == "array";
    let options = choices(if several { &field["items"] } else { field });
    Question {
        id: name.to_owned(),
        header,
        question: asked,
        free_text: options.is_empty(),
        options,
        multi_select: several,
        optional: !required,
        secret: field["format"] == "password" || field["writeOnly"] == true,
        ..Question::default()
    }
}

/// Gives what a field may be, with the names that people read.
fn choices(field: &Value) -> Vec<Choice> {
    let choice = |label: &Value, name: Option<&Value>| Choice {
        label: label.as_str().map_or_else(|| label.to_string(), str::to_owned),
        description: name.and_then(Value::as_str).unwrap_or_default().to_owned(),
        ..Choice::default()
    };
    if field["type"] == "boolean" {
        return [json!(true), json!(false)].iter().map(|it| choice(it, None)).collect();
    }
    let named = field["oneOf"].as_array().or_else(|| field["anyOf"].as_array());
    if let Some(named) = named {
        return named.iter().filter_map(|it| Some(choice(it.get("const")?, it.get("title")))).collect();
    }
    let values = field["enum"].as_array().into_iter().flatten();
    values.enumerate().map(|(at, value)| choice(value, field["enumNames"].get(at))).collect()
}

/// Fills a form; or says what is wrong with the answers.
pub(super) fn answer(schema: &Value, asked: &[Question], answers: &Answers) -> Result<Value, String> {
    let fields = schema["properties"].as_object();
    let fields = fields.filter(|fields| !fields.is_empty());
    let data = answers.data();
    // A form may have a field of that name.
    if fields.is_none_or(|fields| !fields.contains_key(ACTION))
        && let Some(action) = data.get(ACTION).and_then(Value::as_str).and_then(action)
    {
        let content = data.get("content").filter(|_| action == "accept");
        return Ok(json!({ "action": action, "content": content }));
    }
    let Some(fields) = fields else {
        return Ok(if data.is_empty() { done(answers) } else { accept(data.clone()) });
    };
    if data.is_empty() && fields.len() > 1 {
        return match action(answers.said()) {
            Some(action @ ("decline" | "cancel")) => Ok(json!({ "action": action, "content": null })),
            _ => Err(
                "This form cannot be filled by a text: answer with a data part that has its fields, or with \
                      {\"action\": \"decline\"}."
                    .to_owned(),
            ),
        };
    }
    let mut content = Map::new();
    for (question, said) in asked.iter().zip(answers.to(asked)) {
        let field = fields.get(&question.id).unwrap_or(&Value::Null);
        let value = match data.get(&question.id) {
            // It is as the form wants it already, or as whoever answers thinks so.
            Some(value) if !value.is_string() && !value.is_array() => Some(value.clone()),
            _ => fill(field, &said).map_err(|wanted| format!("{wanted} is wanted for {}.", question.id))?,
        };
        content.extend(value.filter(|value| !value.is_null()).map(|value| (question.id.clone(), value)));
    }
    Ok(accept(content))
}

/// Says what became of something that was to be done elsewhere: it was, unless the user says otherwise.
pub(super) fn done(answers: &Answers) -> Value {
    let said = answers.data().get(ACTION).and_then(Value::as_str).unwrap_or_else(|| answers.said());
    match action(said) {
        Some(action @ ("decline" | "cancel")) => json!({ "action": action, "content": null }),
        _ => accept(Map::new()),
    }
}

/// Makes of texts what a field wants; nothing if there is none. Else says what is wanted.
fn fill(field: &Value, said: &[String]) -> Result<Option<Value>, &'static str> {
    if field["type"] == "array" {
        return Ok((!said.is_empty()).then(|| json!(said)));
    }
    let Some(said) = said.first() else { return Ok(None) };
    let read = || serde_json::from_str::<Value>(said.trim()).unwrap_or_default();
    match field["type"].as_str() {
        Some("integer") => Some(read()).filter(|it| it.is_i64() || it.is_u64()).ok_or("a whole number"),
        Some("number") => Some(read()).filter(Value::is_number).ok_or("a number"),
        Some("boolean") => match action(said) {
            Some(action) => Ok(json!(action == "accept")),
            None => Some(read()).filter(Value::is_boolean).ok_or("true or false"),
        },
        _ => Ok(json!(said)),
    }
    .map(Some)
}

fn accept(content: Map<String, Value>) -> Value {
    json!({ "action": "accept", "content": content })
}

/// Reads a word that says what becomes of a form.
fn action(said: &str) -> Option<&'static str> {
    match said.trim().to_ascii_lowercase().as_str() {
        "accept" | "yes" | "ok" => Some("accept"),
        "decline" | "no" => Some("decline"),
        "cancel" => Some("cancel"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use pointsman_sdk::types::{Message, Part, Speaker};
    use rstest::rstest;

    use super::*;

    fn says(schema: &Value, part: Part) -> Result<Value, String> {
        let message = Message { speaker: Speaker::User, parts: vec![part], metadata: None };
        answer(schema, &questions(schema), &Answers::of(&message))
    }

    fn data(value: Value) -> Part {
        Part::Data(value.to_string())
    }

    #[rstest]
    #[case(json!({ "name": { "type": "string" } }), "Ann", json!({ "name": "Ann" }))]
    #[case(json!({ "age": { "type": "integer" } }), "7", json!({ "age": 7 }))]
    #[case(json!({ "sure": { "type": "boolean" } }), "no", json!({ "sure": false }))]
    #[case(json!({ "days": { "type": "array", "items": { "enum": ["Mo", "Tu"] } } }), "tu", json!({ "days": ["Tu"] }))]
    #[case(json!({}), "yes", json!({}))]
    fn a_form_of_one_field_takes_a_text(#[case] fields: Value, #[case] said: &str, #[case] content: Value) {
        let schema = json!({ "type": "object", "properties": fields });
        let answer = says(&schema, Part::Text(said.to_owned()));
        assert_eq!(answer, Ok(json!({ "action": "accept", "content": content })));
    }

    #[test]
    fn a_forms_fields_are_questions() {
        let schema = json!({ "required": ["size"], "properties": {
            "size": { "type": "string", "title": "Size", "description": "How big?", "enum": ["S", "L"],
                      "enumNames": ["small", "large"] },
            "tags": { "type": "array", "items": { "anyOf": [{ "const": "a", "title": "Apples" }] } },
        } });
        let choice = |label: &str, description: &str| Choice {
            label: label.into(),
            description: description.into(),
            ..Choice::default()
        };
        let size = Question {
            id: "size".into(),
            header: "Size".into(),
            question: "How big?".into(),
            options: vec![choice("S", "small"), choice("L", "large")],
            ..Question::default()
        };
        let tags = Question {
            id: "tags".into(),
            question: "tags".into(),
            options: vec![choice("a", "Apples")],
            multi_select: true,
            optional: true,
            ..Question::default()
        };
        assert_eq!(questions(&schema), [size, tags]);
    }

    #[test]
    fn a_form_is_filled_with_what_its_fields_are() {
        let schema = json!({ "properties": {
            "name": { "type": "string" }, "age": { "type": "integer" }, "note": { "type": "string" },
        } });
        let filled = json!({ "action": "accept", "content": { "name": "Ann", "age": 7 } });
        assert_eq!(says(&schema, data(json!({ "name": "Ann", "age": "7" }))), Ok(filled.clone()));
        assert_eq!(says(&schema, data(json!({ "name": "Ann", "age": 7 }))), Ok(filled));
        let why = says(&schema, data(json!({ "name": "Ann", "age": "old" }))).unwrap_err();
        assert_eq!(why, "a whole number is wanted for age.");
    }

    #[test]
    fn a_form_that_a_text_cannot_fill_is_asked_again() {
        let schema = json!({ "properties": { "a": { "type": "string" }, "b": { "type": "string" } } });
        assert!(says(&schema, Part::Text("x".to_owned())).unwrap_err().contains("data part"));
        let declined = json!({ "action": "decline", "content": null });
        assert_eq!(says(&schema, data(json!({ "action": "decline" }))), Ok(declined.clone()));
        assert_eq!(says(&schema, Part::Text("decline".to_owned())), Ok(declined));
    }
}
