//! What a program says on standard output.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::types::Usage;
use pointsman_sdk::{Draft, Line, kind};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::config::OutputMode;
use crate::conversation::{Conversation, Items};

/// The answer of a program that prints text is kept up to this size; its end is told as messages all the same.
const ANSWER_BYTES: usize = 1024 * 1024;

/// What is known of a program's output so far.
#[derive(Debug)]
pub(crate) struct Dialect {
    mode: OutputMode,
    /// All text so far, or the last message.
    answer: String,
    /// The answer is longer than what is kept of it.
    pub(crate) cut: bool,
    /// What the program itself said of its end.
    pub(crate) result: Option<Reported>,
    /// What it began and did not finish.
    pub(crate) items: Items,
}

/// A line `{"type": "result", …}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reported {
    /// The answer, if it is not the last message.
    pub(crate) text: Option<String>,
    /// The answer as JSON.
    pub(crate) structured_output: Option<Value>,
    /// What was used.
    pub(crate) usage: Option<Spent>,
    /// What went wrong, for people.
    pub(crate) error: Option<String>,
    /// The same for programs.
    pub(crate) reason: Option<String>,
}

/// Tokens and money.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spent {
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    cost_micro_usd: Option<u64>,
}

impl From<Spent> for Usage {
    fn from(spent: Spent) -> Self {
        Self {
            input_tokens: spent.input_tokens,
            cached_input_tokens: spent.cached_input_tokens,
            output_tokens: spent.output_tokens,
            cost_micro_usd: spent.cost_micro_usd,
        }
    }
}

impl Dialect {
    pub(crate) fn new(mode: OutputMode) -> Self {
        Self { mode, answer: String::new(), cut: false, result: None, items: Items::new() }
    }

    /// Takes lines of plain text: as many as came at once are one message.
    pub(crate) fn text(&mut self, lines: &[String], effects: &mut Effects) {
        let text = lines.join("\n");
        let room = ANSWER_BYTES.saturating_sub(self.answer.len());
        let kept = &text[..text.floor_char_boundary(room)];
        self.cut |= kept.len() < text.len();
        self.answer.push_str(kept);
        if !self.cut {
            self.answer.push('\n');
        }
        if !text.trim().is_empty() {
            effects.emit(Draft::new(kind::AGENT_MESSAGE).field("text", text));
        }
    }

    /// Takes a line of JSON. Gives it back if it asks for something.
    pub(crate) fn line(&mut self, line: &str, effects: &mut Effects) -> Option<Map<String, Value>> {
        match Line::read(line) {
            Line::Blank => None,
            Line::Text(text) => {
                effects.emit(Draft::new("x_command_output").field("text", text));
                None
            }
            Line::Json(object) => self.object(object, effects),
        }
    }

    fn object(
        &mut self,
        mut object: Map<String, Value>,
        effects: &mut Effects,
    ) -> Option<Map<String, Value>> {
        let name = object.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match name.as_str() {
            name if Conversation::asks(name) => return Some(object),
            "result" => {
                // What is of the wrong type says nothing, but it is told; the program's exit code still counts.
                match Reported::deserialize(Value::Object(object.clone())) {
                    Ok(reported) => self.result = Some(reported),
                    Err(error) => effects.emit(unknown(object).field("why", error.to_string())),
                }
            }
            "remember" if object.contains_key("data") => {
                effects.remember(&object.remove("data").unwrap_or_default());
            }
            name if may_say(name) && object.get("data").is_some_and(Value::is_object) => {
                let Some(Value::Object(data)) = object.remove("data") else { return None };
                if name == kind::AGENT_MESSAGE
                    && let Some(Value::String(text)) = data.get("text")
                {
                    self.answer.clone_from(text);
                }
                let draft = Draft::new(name).fields(data);
                effects.emit(match object.remove("item_id") {
                    Some(Value::String(item)) => {
                        self.note(name, &item);
                        draft.item(item)
                    }
                    _ => draft,
                });
            }
            _ => effects.emit(unknown(object)),
        }
        None
    }

    fn note(&mut self, name: &str, item: &str) {
        match name {
            kind::COMMAND_STARTED | kind::TOOL_STARTED => {
                self.items.insert(item.to_owned());
            }
            kind::COMMAND_FINISHED | kind::TOOL_FINISHED => {
                self.items.remove(item);
            }
            _ => {}
        }
    }

    /// Gives the answer, once.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        let mut answer = std::mem::take(&mut self.answer);
        if self.mode == OutputMode::Text {
            answer.truncate(answer.trim_end().len());
        }
        (!answer.is_empty()).then_some(answer)
    }
}

/// Says whether a program may tell events of this kind: what happens, but not how its run stands, which the host sees
/// for itself; and kinds of its own, `x_command_<name>`.
fn may_say(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    match name.strip_prefix("x_command_") {
        Some(own) => !own.is_empty() && name.len() <= 64 && name.bytes().all(plain),
        None => kind::ALL.contains(&name) && !matches!(name, kind::RUN_STARTED | kind::STATUS_CHANGED),
    }
}

/// Tells what is no line of the dialect, as it is.
pub(crate) fn unknown(object: Map<String, Value>) -> Draft {
    Draft::new("x_command_output").field("line", Value::Object(object))
}
