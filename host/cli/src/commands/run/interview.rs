//! Questions of an agent to its user: a text, or the questions of `interruption` in `wit/backend.wit`.

use pointsman_model::{Message, Part, RunId, Speaker};
use serde_json::{Map, Value};

use super::dialog::Step;
use crate::terminal::{Paint, one_line, visible};

/// A line of a choice is so long, in characters.
const LINE: usize = 200;

/// Questions that stand on the screen one after the other.
#[derive(Debug)]
pub(super) struct Interview {
    /// What stands before the questions, or all there is.
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
    header: String,
    text: String,
    options: Vec<(String, String)>,
    several: bool,
    own_words: bool,
    optional: bool,
    secret: bool,
}

impl Interview {
    /// Reads what an event `input_required` or `auth_required` says.
    pub(super) fn new(data: &Map<String, Value>, elsewhere: bool) -> Self {
        let detail = data.get("detail");
        let word = |of: Option<&Value>| of.and_then(Value::as_str).unwrap_or_default().to_owned();
        let listed = detail.and_then(|detail| detail.get("questions")).and_then(Value::as_array);
        let questions: Vec<_> = listed.into_iter().flatten().filter_map(Question::read).collect();
        // The text says the questions, too.
        let text = if questions.is_empty() {
            word(data.get("text"))
        } else {
            word(detail.and_then(|detail| detail.get("introduction")))
        };
        Self { text, elsewhere, questions, answers: Map::new(), at: 0 }
    }

    /// Says in a few words what is asked.
    pub(super) fn title(&self) -> String {
        let text = match self.questions.first() {
            Some(first) if self.text.is_empty() => &first.text,
            _ => &self.text,
        };
        one_line(text, LINE)
    }

    pub(super) fn opening(&self, paint: Paint) -> Vec<String> {
        let title = if self.elsewhere {
            "The agent waits until you have authorized it elsewhere:"
        } else {
            "The agent asks you:"
        };
        let mut lines = vec![String::new(), paint.warn(title)];
        lines.extend(quoted(&self.text));
        lines.extend(self.current(paint));
        lines
    }

    /// Gives all of it, and how it is answered from another terminal.
    pub(super) fn elsewhere(&self, run: RunId, paint: Paint) -> Vec<String> {
        let mut lines = self.opening(paint);
        let rest = (1..self.questions.len()).flat_map(|at| self.question(at, paint));
        lines.extend(rest);
        let words = match self.questions.as_slice() {
            _ if self.elsewhere => "done".to_owned(),
            [one] if !one.secret => "\"ANSWER\"".to_owned(),
            [] => "\"ANSWER\"".to_owned(),
            several => {
                let each = several.iter().map(|question| match question.secret {
                    true => format!("--secret-answer {}", shell(&question.id)),
                    false => format!("--answer {}=ANSWER", shell(&question.id)),
                });
                each.collect::<Vec<_>>().join(" ")
            }
        };
        lines.push(format!("Answer it:  pointsman runs continue {run} {words}"));
        lines
    }

    pub(super) fn prompt(&self, paint: Paint) -> String {
        let what = match self.questions.get(self.at) {
            _ if self.elsewhere => "Enter when it is done".to_owned(),
            None => "your answer".to_owned(),
            Some(question) => question.wanted(),
        };
        format!("{}, [q]uit: ", paint.bold(what))
    }

    /// Says whether what is typed next is not to be seen.
    pub(super) fn is_secret(&self) -> bool {
        !self.elsewhere && self.questions.get(self.at).is_some_and(|question| question.secret)
    }

    pub(super) fn take(&mut self, line: &str, paint: Paint) -> Step {
        if matches!(line, "q" | "quit") {
            return Step::Quit;
        }
        if self.elsewhere {
            return Step::Say(said(if line.is_empty() { "done" } else { line }));
        }
        let answer = match self.questions.get(self.at) {
            Some(question) => question.answer(line),
            None if line.is_empty() => Err(UNANSWERED.to_owned()),
            None => return Step::Say(said(line)),
        };
        let answered = match (answer, self.questions.get(self.at)) {
            (Ok(Some(answer)), Some(question)) => Some((question.id.clone(), answer)),
            (Err(why), _) => return Step::Again(vec![why]),
            _ => None,
        };
        self.answers.extend(answered);
        self.at += 1;
        if self.at < self.questions.len() {
            return Step::Again(self.current(paint));
        }
        // It begins anew if the answers do not arrive.
        self.at = 0;
        let data = std::mem::take(&mut self.answers);
        Step::Say(Message { speaker: Speaker::User, parts: vec![Part::Data { data }], metadata: None })
    }

    fn current(&self, paint: Paint) -> Vec<String> {
        self.question(self.at, paint)
    }

    fn question(&self, at: usize, paint: Paint) -> Vec<String> {
        let Some(question) = self.questions.get(at) else { return Vec::new() };
        let mut lines = Vec::new();
        let count = (self.questions.len() > 1).then(|| format!("{} of {}", at + 1, self.questions.len()));
        let header = one_line(&question.header, LINE);
        let above = match (header.is_empty(), count) {
            (true, None) => None,
            (true, Some(count)) => Some(count),
            (false, None) => Some(header),
            (false, Some(count)) => Some(format!("{header}, {count}")),
        };
        lines.extend(above.map(|above| paint.bold(format!("  {above}"))));
        lines.extend(quoted(&question.text));
        for (at, (label, description)) in question.options.iter().enumerate() {
            let description = if description.is_empty() {
                String::new()
            } else {
                paint.dim(format!(": {}", one_line(description, LINE)))
            };
            lines.push(format!("  {}) {}{description}", at + 1, one_line(label, LINE)));
        }
        lines
    }
}

/// What is said to nothing.
const UNANSWERED: &str = "An answer is wanted.";

impl Question {
    fn read(value: &Value) -> Option<Self> {
        let word = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let option = |option: &Value| {
            let label = option["label"].as_str().or_else(|| option.as_str())?;
            Some((label.to_owned(), option["description"].as_str().unwrap_or_default().to_owned()))
        };
        let text = value["question"].as_str()?.to_owned();
        let options: Vec<_> = value["options"].as_array().into_iter().flatten().filter_map(option).collect();
        Some(Self {
            // Adapters take the question's own words for its id.
            id: value["id"].as_str().map_or_else(|| text.clone(), str::to_owned),
            header: word("header"),
            text,
            several: value["multi_select"] == true,
            own_words: options.is_empty() || value["free_text"] != false,
            options,
            optional: value["optional"] == true,
            secret: value["secret"] == true,
        })
    }

    /// Says what may be typed.
    fn wanted(&self) -> String {
        let mut what = match (self.options.is_empty(), self.several) {
            (true, _) => "your answer",
            (false, false) => "a number",
            (false, true) => "numbers, such as 1,2",
        }
        .to_owned();
        if self.own_words && !self.options.is_empty() {
            what.push_str(", your own words");
        }
        if self.secret {
            what.push_str(" (not shown, not kept)");
        }
        if self.optional {
            what.push_str(", Enter to leave it out");
        }
        what
    }

    /// Reads an answer: numbers mean options, anything else means itself. `None` leaves the question out.
    fn answer(&self, line: &str) -> Result<Option<Value>, String> {
        if line.is_empty() {
            return if self.optional { Ok(None) } else { Err(UNANSWERED.to_owned()) };
        }
        let Some(labels) = self.chosen(line)? else {
            if !self.own_words {
                return Err("One of these is wanted, by its number.".to_owned());
            }
            return Ok(Some(if self.several { Value::from(vec![line]) } else { Value::from(line) }));
        };
        match (self.several, labels.as_slice()) {
            (true, _) => Ok(Some(Value::from(labels))),
            (false, &[one]) => Ok(Some(Value::from(one))),
            (false, _) => Err("Only one of them can be chosen.".to_owned()),
        }
    }

    /// Gives the labels that a line names, by numbers or by words; nothing if it says something else.
    fn chosen(&self, line: &str) -> Result<Option<Vec<&str>>, String> {
        let labels = || self.options.iter().map(|(label, _)| label.as_str());
        if let Some(label) = labels().find(|label| label.eq_ignore_ascii_case(line)) {
            return Ok(Some(vec![label]));
        }
        let words = line.split([',', ' ']).filter(|word| !word.is_empty());
        let numbers: Option<Vec<usize>> = words.map(|word| word.parse().ok()).collect();
        let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty() && !self.options.is_empty()) else {
            return Ok(None);
        };
        let mut chosen = Vec::new();
        for number in numbers {
            let label = number.checked_sub(1).and_then(|at| labels().nth(at));
            let label = label.ok_or_else(|| format!("There is no {number}."))?;
            if !chosen.contains(&label) {
                chosen.push(label);
            }
        }
        Ok(Some(chosen))
    }
}

fn said(text: &str) -> Message {
    Message::text(Speaker::User, text)
}

/// Writes a word so that a shell takes it as one.
fn shell(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", visible(word).replace('\'', "'\\''"))
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

    fn take(it: &mut Interview, line: &str) -> Step {
        it.take(line, Paint::plain())
    }

    fn answers(step: Step) -> Value {
        let Step::Say(message) = step else { panic!("that was the last one: {step:?}") };
        let Some(Part::Data { data }) = message.parts.first() else { panic!("answers are data") };
        Value::Object(data.clone())
    }

    #[test]
    fn a_plain_question_is_answered_in_words() {
        let mut it = interview(json!({"text": "Which branch?"}));
        assert_eq!(it.opening(Paint::plain())[2], "  │ Which branch?");
        assert_eq!(take(&mut it, ""), Step::Again(vec![UNANSWERED.to_owned()]));
        assert_eq!(take(&mut it, "2"), Step::Say(said("2")));
    }

    #[test]
    fn choices_are_answered_by_number_and_the_answers_go_by_id() {
        let mut it = interview(json!({"text": "Two things; Which?; Extras?", "detail": {
            "introduction": "Two things", "questions": [
                {"id": "color", "header": "Color", "question": "Which?", "options": [{"label": "red", "description": "warm"}, {"label": "blue"}]},
                {"id": "extras", "question": "Extras?", "multi_select": true, "options": [{"label": "a"}, {"label": "b"}, {"label": "c"}]},
                {"id": "note", "question": "Anything else?", "options": [], "optional": true},
            ],
        }}));
        let opening = it.opening(Paint::plain());
        let shown = ["  │ Two things", "  Color, 1 of 3", "  │ Which?", "  1) red: warm", "  2) blue"];
        assert_eq!(opening[2..], shown);
        for (wrong, why) in [("3", "There is no 3."), ("1 2", "Only one of them can be chosen.")] {
            assert_eq!(take(&mut it, wrong), Step::Again(vec![why.to_owned()]));
        }
        assert!(matches!(take(&mut it, "2"), Step::Again(lines) if lines[1].contains("Extras?")));
        assert!(matches!(take(&mut it, "1, 3,1"), Step::Again(lines) if lines[0].contains("3 of 3")));
        let said = answers(take(&mut it, ""));
        assert_eq!(said, json!({"color": "blue", "extras": ["a", "c"]}));
        // The first is asked again if this does not arrive.
        assert_eq!(it.opening(Paint::plain()), opening);
    }

    #[test]
    fn elsewhere_all_questions_are_told_with_how_they_are_answered() {
        let run: RunId = "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11".parse().unwrap();
        let question = |id: &str| json!({"id": id, "question": format!("{id}?"), "options": []});
        let how = |questions: Value| {
            let it = interview(json!({"text": "All of it", "detail": {"questions": questions}}));
            it.elsewhere(run, Paint::plain())
        };
        let lines = how(json!([question("a"), question("the b")]));
        assert!(lines.contains(&"  │ the b?".to_owned()), "{lines:?}");
        let last = lines.last().unwrap();
        assert!(
            last.ends_with(&format!("continue {run} --answer a=ANSWER --answer 'the b'=ANSWER")),
            "{last}"
        );
        assert!(how(json!([question("a")])).last().unwrap().ends_with("\"ANSWER\""));
    }

    #[test]
    fn a_secret_is_typed_unseen_and_given_to_no_shell() {
        let mut it = interview(json!({"text": "?", "detail": {"questions": [
            {"id": "user", "question": "Whose?", "options": []},
            {"id": "token", "question": "Which token?", "options": [], "secret": true},
        ]}}));
        assert!(!it.is_secret());
        take(&mut it, "ada");
        assert!(it.is_secret() && it.prompt(Paint::plain()).contains("not shown"));
        assert_eq!(answers(take(&mut it, "hunter2")), json!({"user": "ada", "token": "hunter2"}));
        assert!(!it.is_secret());
        let run: RunId = "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11".parse().unwrap();
        let told = it.elsewhere(run, Paint::plain());
        assert!(told.last().unwrap().ends_with("--answer user=ANSWER --secret-answer token"), "{told:?}");
    }

    #[test]
    fn own_words_are_an_answer_where_they_may_be() {
        let asked = |free: bool| {
            interview(json!({"text": "?", "detail": {"questions": [
                {"id": "q", "question": "?", "free_text": free, "options": [{"label": "Yes"}, {"label": "No"}]},
            ]}}))
        };
        assert_eq!(answers(take(&mut asked(true), "it depends")), json!({"q": "it depends"}));
        assert_eq!(answers(take(&mut asked(true), "no")), json!({"q": "No"}));
        let mut it = asked(false);
        assert!(!it.prompt(Paint::plain()).contains("words"));
        assert!(matches!(take(&mut it, "it depends"), Step::Again(_)));
        assert_eq!(answers(take(&mut it, "1")), json!({"q": "Yes"}));
    }
}
