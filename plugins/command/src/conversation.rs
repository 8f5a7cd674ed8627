//! What a program asks, and what it is answered on its standard input.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pointsman_sdk::backend::{Answer, Effects, Interruption, InterruptionKind, Permission};
use pointsman_sdk::types::{Message, Part};
use pointsman_sdk::{Draft, kind, prompt};
use serde_json::{Map, Value, json};

use crate::PROCESS;
use crate::dialect::unknown;

/// Questions that may be open at once: as many as a host takes.
const MOST: usize = 64;

/// The kinds of permission that the contract knows.
const KINDS: &[&str] = &["command", "edit", "read", "fetch", "tool", "other"];

/// Items that were begun and are not finished.
pub(crate) type Items = BTreeSet<String>;

/// What was asked and is not answered.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Why nothing can be asked, if so.
    closed: Option<&'static str>,
    questions: BTreeMap<String, Question>,
    /// The first is being asked; the others wait for its answer.
    interruptions: VecDeque<Interruption>,
}

/// A permission that was asked for.
#[derive(Debug)]
struct Question {
    /// Its id as the program wrote it.
    id: Value,
    /// The item that was begun for it, because the program told none, and how its end is told.
    item: Option<(String, &'static str)>,
}

impl Conversation {
    pub(crate) fn new(interactive: bool) -> Self {
        let closed =
            "standard input is closed, so nothing can be asked: set `interactive` in this backend's config";
        Self {
            closed: (!interactive).then_some(closed),
            questions: BTreeMap::new(),
            interruptions: VecDeque::new(),
        }
    }

    /// Says whether a line of this type asks for something.
    pub(crate) fn asks(name: &str) -> bool {
        matches!(name, "permission" | "withdraw_permission" | "input_required" | "auth_required")
    }

    /// Says whether the program waits for a person, as far as anybody knows.
    pub(crate) fn waits(&self) -> bool {
        !self.questions.is_empty() || !self.interruptions.is_empty()
    }

    /// Takes a line that asks.
    pub(crate) fn line(&mut self, object: Map<String, Value>, items: &mut Items, effects: &mut Effects) {
        let asked = match (self.closed, object.get("type").and_then(Value::as_str)) {
            (Some(why), _) => Err(why.to_owned()),
            (None, Some("permission")) => self.permission(&object, items, effects),
            (None, Some("withdraw_permission")) => self.withdraw(&object, effects),
            (None, Some("auth_required")) => {
                self.interrupt(InterruptionKind::Auth, &object, effects);
                Ok(())
            }
            (None, _) => {
                self.interrupt(InterruptionKind::Input, &object, effects);
                Ok(())
            }
        };
        if let Err(why) = asked {
            effects.emit(unknown(object).field("why", why));
        }
    }

    fn permission(
        &mut self,
        object: &Map<String, Value>,
        items: &mut Items,
        effects: &mut Effects,
    ) -> Result<(), String> {
        let (id, key) = id_of(object)?;
        if self.questions.contains_key(&key) {
            return Err(format!("question {key} is open already"));
        }
        let detail = match object.get("detail") {
            Some(Value::Object(detail)) => detail.clone(),
            None => Map::new(),
            Some(_) => return Err("`detail` must be an object".to_owned()),
        };
        if self.questions.len() >= MOST {
            write(effects, &answer_line(&id, &Answer::Deny(format!("{MOST} questions are open already"))));
            return Ok(());
        }
        let word = |key: &str| object.get(key).and_then(Value::as_str).filter(|word| !word.is_empty());
        let said = word("kind").unwrap_or("other");
        // A kind of tomorrow is judged as what nobody knows.
        let kind = if KINDS.contains(&said) { said } else { "other" };
        let told = |key: &str| detail.get(key).and_then(Value::as_str);
        let subject = ["command", "path", "url", "tool"].into_iter().find_map(told);
        let title = word("title").or(subject).unwrap_or("The program asks for permission").to_owned();
        let item = word("item_id").unwrap_or(&key).to_owned();
        // No question stands without its tool event.
        let begun = items.insert(item.clone()).then(|| begin(kind, &title, &item, &detail, effects));
        // What is edited is the input: without one there is nothing to put in its place.
        let editable = object.get("editable") == Some(&Value::Bool(true)) && detail.contains_key("input");
        effects.ask_permission(Permission {
            id: key.clone(),
            item: Some(item.clone()),
            kind: kind.to_owned(),
            title,
            detail: Value::Object(detail).to_string(),
            editable,
        });
        self.questions.insert(key, Question { id, item: begun.map(|end| (item, end)) });
        Ok(())
    }

    fn withdraw(&mut self, object: &Map<String, Value>, effects: &mut Effects) -> Result<(), String> {
        let (_, key) = id_of(object)?;
        self.questions.remove(&key).ok_or_else(|| format!("no question {key} is open"))?;
        effects.withdraw_permission(key);
        Ok(())
    }

    fn interrupt(&mut self, kind: InterruptionKind, object: &Map<String, Value>, effects: &mut Effects) {
        let text = object.get("text").and_then(Value::as_str).unwrap_or_default();
        let text = if text.trim().is_empty() { "the program waits for a message" } else { text };
        let detail = object.get("detail").map(ToString::to_string);
        let interruption = Interruption { kind, text: text.to_owned(), detail };
        if self.interruptions.is_empty() {
            effects.await_input(interruption.clone());
        }
        self.interruptions.push_back(interruption);
    }

    /// Hands an answer over.
    pub(crate) fn answer(&mut self, key: &str, answer: &Answer, items: &mut Items, effects: &mut Effects) {
        // It was withdrawn, or answered when the run was cancelled.
        let Some(question) = self.questions.remove(key) else { return };
        if self.closed.is_none() {
            write(effects, &answer_line(&question.id, answer));
        }
        if matches!(answer, Answer::Deny(_) | Answer::Cancelled) {
            end(question, items, effects);
        }
    }

    /// Answers the question that the host would not put.
    pub(crate) fn refused(&mut self, why: String, items: &mut Items, effects: &mut Effects) {
        if let Some(key) = self.questions.keys().next_back().cloned() {
            self.answer(&key, &Answer::Deny(why), items, effects);
        }
    }

    /// Hands a message over, if the program waits for one.
    pub(crate) fn message(&mut self, message: &Message, effects: &mut Effects) -> Result<(), &'static str> {
        if let Some(why) = self.closed {
            return Err(why);
        }
        let data: Vec<Value> = message
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Data(json) => serde_json::from_str(json).ok(),
                _ => None,
            })
            .collect();
        let mut line = json!({"type": "message", "text": prompt::flatten(message)});
        if !data.is_empty() {
            line["data"] = Value::Array(data);
        }
        write(effects, &line);
        self.interruptions.pop_front();
        if let Some(next) = self.interruptions.front() {
            effects.await_input(next.clone());
        }
        Ok(())
    }

    /// Answers whatever is open: nobody will any more.
    pub(crate) fn close(&mut self, items: &mut Items, effects: &mut Effects) {
        if self.closed.is_some() {
            return;
        }
        for question in std::mem::take(&mut self.questions).into_values() {
            write(effects, &answer_line(&question.id, &Answer::Cancelled));
            end(question, items, effects);
        }
        self.interruptions.clear();
        self.closed = Some("the run is being ended");
        effects.close_input(PROCESS);
    }
}

/// Tells the beginning of what is asked about; gives the kind of event that tells its end.
fn begin(
    kind: &str,
    title: &str,
    item: &str,
    detail: &Map<String, Value>,
    effects: &mut Effects,
) -> &'static str {
    let told = |key: &str| detail.get(key).cloned();
    if kind == "command" {
        let command = told("command").unwrap_or_else(|| Value::from(title));
        let draft = Draft::new(kind::COMMAND_STARTED).item(item).field("command", command);
        effects.emit(match told("cwd") {
            Some(cwd) => draft.field("cwd", cwd),
            None => draft,
        });
        return kind::COMMAND_FINISHED;
    }
    let draft = Draft::new(kind::TOOL_STARTED)
        .item(item)
        .field("tool", told("tool").unwrap_or_else(|| Value::from(kind)))
        .field("arguments", told("input").unwrap_or_else(|| Value::Object(detail.clone())));
    effects.emit(match told("server") {
        Some(server) => draft.field("server", server),
        None => draft,
    });
    kind::TOOL_FINISHED
}

/// Tells the end of what was begun for a question and will not happen.
fn end(question: Question, items: &mut Items, effects: &mut Effects) {
    if let Some((item, ends_as)) = question.item
        && items.remove(&item)
    {
        effects.emit(Draft::new(ends_as).item(item).field("status", "declined"));
    }
}

/// Gives a question's id, as the program wrote it and as the host knows it.
fn id_of(object: &Map<String, Value>) -> Result<(Value, String), String> {
    match object.get("id") {
        Some(Value::String(id)) if !id.is_empty() => Ok((Value::from(id.as_str()), id.clone())),
        Some(Value::Number(id)) => Ok((Value::Number(id.clone()), id.to_string())),
        _ => Err("`id` must be a text or a number".to_owned()),
    }
}

fn answer_line(id: &Value, answer: &Answer) -> Value {
    let mut line = json!({"type": "permission_answer", "id": id});
    line["answer"] = Value::from(match answer {
        Answer::Allow => "allow",
        Answer::AllowEdited(input) => {
            // The host checked that it is JSON.
            line["input"] = serde_json::from_str(input).unwrap_or(Value::Null);
            "allow_edited"
        }
        Answer::Deny(text) => {
            line["text"] = Value::from(text.as_str());
            "deny"
        }
        Answer::Cancelled => "cancelled",
    });
    line
}

fn write(effects: &mut Effects, line: &Value) {
    effects.write(PROCESS, format!("{line}\n"));
}
