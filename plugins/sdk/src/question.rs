//! Questions of an agent to its user, in the one shape of `interruption` in `wit/backend.wit`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::prompt;
use crate::types::{Message, Part};

/// One thing that may be chosen.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Choice {
    /// What is shown, and what an answer says.
    pub label: String,
    /// What it means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What the agent says of it besides.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One question.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Question {
    /// By which it is answered; its own among the questions that are put together.
    pub id: String,
    /// A word or two that stand above it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub header: String,
    /// The question itself.
    pub question: String,
    /// What may be chosen; none if it is answered in words.
    pub options: Vec<Choice>,
    /// Whether several of them may be chosen.
    pub multi_select: bool,
    /// Whether words of the user's own are an answer.
    pub free_text: bool,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether the answer is a secret: it is neither kept nor shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// What the agent says of it besides.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Question {
    /// Writes an option's label as the agent wrote it; anything else stays.
    #[must_use]
    pub fn label(&self, answer: &str) -> String {
        let known = self.options.iter().find(|option| option.label.eq_ignore_ascii_case(answer.trim()));
        known.map_or_else(|| answer.to_owned(), |option| option.label.clone())
    }

    fn in_words(&self) -> String {
        let mut words = self.question.clone();
        for Choice { label, description, .. } in &self.options {
            words.push_str(&if description.is_empty() {
                format!("\n- {label}")
            } else {
                format!("\n- {label}: {description}")
            });
        }
        words
    }
}

/// Makes an interruption's text and detail: what stands before the questions, and the questions.
#[must_use]
pub fn put(introduction: &str, questions: &[Question]) -> (String, Map<String, Value>) {
    let mut texts = Vec::new();
    let mut detail = Map::new();
    if !introduction.trim().is_empty() {
        texts.push(introduction.trim().to_owned());
        detail.insert("introduction".to_owned(), introduction.trim().into());
    }
    texts.extend(questions.iter().map(Question::in_words));
    detail.insert("questions".to_owned(), json!(questions));
    (texts.join("\n\n"), detail)
}

/// What a user's message answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    data: Map<String, Value>,
    said: String,
}

impl Answers {
    /// Reads a message: its data, laid over each other, and the rest as text.
    #[must_use]
    pub fn of(message: &Message) -> Self {
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
        Self { data, said: prompt::flatten(&rest) }
    }

    /// Gives the data, as it came.
    #[must_use]
    pub fn data(&self) -> &Map<String, Value> {
        &self.data
    }

    /// Gives what was said in words.
    #[must_use]
    pub fn said(&self) -> &str {
        self.said.trim()
    }

    /// Gives the answer to each of some questions, in their order; nothing for one that was left out. Data answers by
    /// id, header or the question's own words. Words answer every question that the data leaves out, or one each if
    /// they have as many lines as there are questions.
    #[must_use]
    pub fn to(&self, questions: &[Question]) -> Vec<Vec<String>> {
        let lines: Vec<&str> = self.said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let answer = |(at, question): (usize, &Question)| {
            let names = [&question.id, &question.header, &question.question];
            let given =
                names.iter().filter(|name| !name.is_empty()).find_map(|name| self.data.get(name.as_str()));
            let answers = match given {
                Some(given) => texts(given),
                None if lines.len() == questions.len() => texts(&json!(lines.get(at))),
                None => texts(&json!(self.said())),
            };
            answers.iter().map(|answer| question.label(answer)).collect()
        };
        questions.iter().enumerate().map(answer).collect()
    }
}

/// Gives an answer as texts: one, a list, or a list in a field `answers`.
fn texts(answer: &Value) -> Vec<String> {
    match answer {
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(several) => several.iter().flat_map(texts).collect(),
        Value::Object(object) if object.contains_key("answers") => {
            object.get("answers").map(texts).unwrap_or_default()
        }
        other => vec![other.to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Speaker;

    fn questions() -> [Question; 2] {
        let choice = |label: &str, description: &str| Choice {
            label: label.into(),
            description: description.into(),
            ..Choice::default()
        };
        [
            Question {
                id: "color".into(),
                header: "Color".into(),
                question: "Which color?".into(),
                options: vec![choice("Red", "Warm"), choice("Blue", "")],
                ..Question::default()
            },
            Question { id: "size".into(), question: "How big?".into(), ..Question::default() },
        ]
    }

    fn to(parts: Vec<Part>) -> Vec<Vec<String>> {
        Answers::of(&Message { speaker: Speaker::User, parts, metadata: None }).to(&questions())
    }

    #[test]
    fn a_question_is_put_in_words_and_as_data() {
        let (text, detail) = put("Two things.", &questions());
        assert_eq!(text, "Two things.\n\nWhich color?\n- Red: Warm\n- Blue\n\nHow big?");
        assert_eq!(detail["introduction"], "Two things.");
        let asked = json!([
            { "id": "color", "header": "Color", "question": "Which color?",
              "options": [{ "label": "Red", "description": "Warm" }, { "label": "Blue" }],
              "multi_select": false, "free_text": false, "optional": false },
            { "id": "size", "question": "How big?", "options": [],
              "multi_select": false, "free_text": false, "optional": false },
        ]);
        assert_eq!(detail["questions"], asked);
    }

    #[test]
    fn answers_are_found_by_any_name() {
        let data = |value: Value| vec![Part::Data(value.to_string())];
        assert_eq!(to(data(json!({ "color": "blue", "size": ["S", "M"] }))), [vec!["Blue"], vec!["S", "M"]]);
        assert_eq!(to(data(json!({ "answers": { "Color": "Red", "How big?": 4 } }))), [["Red"], ["4"]]);
        assert_eq!(to(data(json!({ "color": { "answers": ["Red"] } }))), [vec!["Red"], vec![]]);
        assert_eq!(to(vec![Part::Text("red\n\nhuge".into())]), [["Red"], ["huge"]]);
        assert_eq!(to(vec![Part::Text("you decide".into())]), [["you decide"], ["you decide"]]);
        assert_eq!(to(vec![Part::Text(" ".into())]), [Vec::<String>::new(), vec![]]);
    }
}
