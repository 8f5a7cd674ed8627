//! Questions of an agent to its user: a text, or choices.

use pointsman_model::{Message, Part, Speaker};
use serde_json::{Map, Value};

use super::dialog::Step;
use crate::terminal::{Paint, one_line, visible};

/// A line of a choice is so long, in characters.
const LINE: usize = 200;

/// Questions that stand on the screen one after the other.
#[derive(Debug)]
pub(super) struct Interview {
    text: String,
    /// What the person does elsewhere, and says here that it is done.
    elsewhere: bool,
    questions: Vec<Question>,
    answers: Map<String, Value>,
    at: usize,
}

/// One question of several.
#[derive(Debug, PartialEq)]
struct Question {
    id: String,
    text: String,
    options: Vec<(String, String)>,
    several: bool,
}

impl Interview {
    /// Reads what an event `input_required` or `auth_required` says.
    pub(super) fn new(data: &Map<String, Value>, elsewhere: bool) -> Self {
        let text = data.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
        let listed = data.get("detail").and_then(|detail| detail.get("questions")).and_then(Value::as_array);
        let questions =
            listed.into_iter().flatten().enumerate().filter_map(|(at, it)| question(at, it)).collect();
        Self { text, elsewhere, questions, answers: Map::new(), at: 0 }
    }

    pub(super) fn opening(&self, paint: Paint) -> Vec<String> {
        let title = if self.elsewhere {
            "The agent waits until you have authorized it elsewhere:"
        } else {
            "The agent asks you:"
        };
        let mut lines = vec![String::new(), paint.warn(title)];
        lines.extend(quoted(&self.text));
        lines.extend(self.current());
        lines
    }

    pub(super) fn prompt(&self, paint: Paint) -> String {
        let what = match self.questions.get(self.at) {
            _ if self.elsewhere => "Enter when it is done, or [q]uit: ",
            Some(question) if question.several => "numbers, or your own words, or [q]uit: ",
            Some(question) if !question.options.is_empty() => "a number, or your own words, or [q]uit: ",
            _ => "your answer, or [q]uit: ",
        };
        paint.bold(what)
    }

    pub(super) fn take(&mut self, line: &str, _paint: Paint) -> Step {
        if matches!(line, "q" | "quit") {
            return Step::Quit;
        }
        if self.elsewhere {
            return Step::Say(said(if line.is_empty() { "done" } else { line }));
        }
        if line.is_empty() {
            return Step::Again(vec!["An answer is wanted.".to_owned()]);
        }
        let Some(question) = self.questions.get(self.at) else { return Step::Say(said(line)) };
        match question.read(line) {
            Ok(answer) => {
                self.answers.insert(question.id.clone(), answer);
                self.at += 1;
            }
            Err(why) => return Step::Again(vec![why]),
        }
        if self.at < self.questions.len() {
            return Step::Again(self.current());
        }
        let data = std::mem::take(&mut self.answers);
        Step::Say(Message { speaker: Speaker::User, parts: vec![Part::Data { data }], metadata: None })
    }

    fn current(&self) -> Vec<String> {
        let Some(question) = self.questions.get(self.at) else { return Vec::new() };
        let mut lines = Vec::new();
        // Most agents with one question say it in the text already.
        if question.text.trim() != self.text.trim() {
            lines.extend(quoted(&question.text));
        }
        for (at, (label, description)) in question.options.iter().enumerate() {
            let description = if description.is_empty() {
                String::new()
            } else {
                format!(": {}", one_line(description, LINE))
            };
            lines.push(format!("  {}) {}{description}", at + 1, one_line(label, LINE)));
        }
        lines
    }
}

impl Question {
    /// Reads an answer: numbers mean options, anything else means itself.
    fn read(&self, line: &str) -> Result<Value, String> {
        let numbers: Option<Vec<usize>> =
            line.split([',', ' ']).filter(|word| !word.is_empty()).map(|word| word.parse().ok()).collect();
        let (Some(numbers), false) = (numbers, self.options.is_empty()) else { return Ok(Value::from(line)) };
        let label = |number: &usize| {
            let option = number.checked_sub(1).and_then(|at| self.options.get(at));
            option.map(|(label, _)| label.clone()).ok_or_else(|| format!("There is no {number}."))
        };
        let labels = numbers.iter().map(label).collect::<Result<Vec<_>, _>>()?;
        match (self.several, labels.as_slice()) {
            (true, _) => Ok(Value::from(labels)),
            (false, [one]) => Ok(Value::from(one.as_str())),
            (false, _) => Err("One of them is wanted.".to_owned()),
        }
    }
}

/// Agents agree on questions with options, but not on every word of it.
fn question(at: usize, value: &Value) -> Option<Question> {
    let word = |names: &[&str]| names.iter().find_map(|name| value[*name].as_str()).map(str::to_owned);
    let text = word(&["question", "text", "message"])?;
    let option = |option: &Value| {
        let label =
            option.as_str().or_else(|| option["label"].as_str()).or_else(|| option["value"].as_str())?;
        Some((label.to_owned(), option["description"].as_str().unwrap_or_default().to_owned()))
    };
    let several = ["multi_select", "multiSelect", "multiple"].iter().any(|name| value[*name] == true);
    Some(Question {
        id: word(&["id"]).unwrap_or_else(|| if text.is_empty() { at.to_string() } else { text.clone() }),
        options: value["options"].as_array().into_iter().flatten().filter_map(option).collect(),
        text,
        several,
    })
}

fn said(text: &str) -> Message {
    Message::text(Speaker::User, text)
}

fn quoted(text: &str) -> Vec<String> {
    visible(text.trim()).lines().map(|line| format!("  │ {line}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn interview(data: Value) -> Interview {
        Interview::new(data.as_object().unwrap(), false)
    }

    #[test]
    fn a_plain_question_is_answered_in_words() {
        let mut it = interview(json!({"text": "Which branch?"}));
        assert!(matches!(it.take("", Paint::plain()), Step::Again(_)));
        assert_eq!(it.take("main", Paint::plain()), Step::Say(said("main")));
    }

    #[test]
    fn choices_are_answered_by_number_and_the_answers_go_by_id() {
        let mut it = interview(json!({"text": "Two things", "detail": {"questions": [
            {"id": "color", "question": "Which?", "options": [{"label": "red", "description": "warm"}, "blue"]},
            {"question": "Extras?", "multiSelect": true, "options": ["a", "b", "c"]},
        ]}}));
        assert!(it.opening(Paint::plain()).contains(&"  1) red: warm".to_owned()));
        assert_eq!(it.take("3", Paint::plain()), Step::Again(vec!["There is no 3.".to_owned()]));
        assert_eq!(it.take("1 2", Paint::plain()), Step::Again(vec!["One of them is wanted.".to_owned()]));
        assert!(matches!(it.take("2", Paint::plain()), Step::Again(lines) if lines[0].contains("Extras?")));
        let Step::Say(message) = it.take("1, 3", Paint::plain()) else { panic!("that was the last one") };
        let Some(Part::Data { data }) = message.parts.first() else { panic!("answers are data") };
        assert_eq!(Value::Object(data.clone()), json!({"color": "blue", "Extras?": ["a", "c"]}));
    }

    #[test]
    fn own_words_are_an_answer_too() {
        let mut it = interview(json!({"text": "?", "detail": {"questions": [
            {"id": "q", "question": "?", "options": ["yes", "no"]},
        ]}}));
        let Step::Say(message) = it.take("it depends", Paint::plain()) else {
            panic!("that was the last one")
        };
        assert_eq!(serde_json::to_value(&message.parts[0]).unwrap()["data"], json!({"q": "it depends"}));
    }
}
