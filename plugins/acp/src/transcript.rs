//! What an agent says and does in a session, as events.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use crate::retry;
use crate::tools::Tools;

/// A message that is longer is told in several events.
const MESSAGE_BYTES: usize = 1024 * 1024;

/// The last message is kept whole up to this size.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    /// A message of which more may come.
    saying: Option<Saying>,
    /// The agent's last message.
    last: Option<Last>,
    /// Its last message of the turn before.
    before: Option<Last>,
    /// Its tool calls.
    pub(crate) tools: Tools,
    /// How much of an old conversation was told again, while that is being done.
    replayed: Option<u64>,
    /// The agent said that its turn broke, in a way of its own.
    broken: bool,
}

/// A message in the making.
#[derive(Debug)]
struct Saying {
    kind: &'static str,
    id: Option<String>,
    text: String,
    meta: Value,
}

/// A message that was told.
#[derive(Debug)]
struct Last {
    text: String,
    /// It goes on in the next event.
    partial: bool,
    /// A part of it is missing.
    cut: bool,
}

impl Transcript {
    /// Takes an update of the session.
    pub(crate) fn update(&mut self, mut update: Map<String, Value>, effects: &mut Effects) {
        let name = match update.get("sessionUpdate") {
            Some(Value::String(name)) => name.clone(),
            _ => String::new(),
        };
        let told = matches!(
            name.as_str(),
            "user_message_chunk"
                | "agent_message_chunk"
                | "agent_thought_chunk"
                | "tool_call"
                | "tool_call_update"
                | "plan"
        );
        if told && let Some(replayed) = &mut self.replayed {
            // Old news: they were events of the run in which they happened.
            *replayed += 1;
            return;
        }
        match name.as_str() {
            "agent_message_chunk" => self.say(kind::AGENT_MESSAGE, update, effects),
            "agent_thought_chunk" => self.say(kind::REASONING, update, effects),
            "user_message_chunk" => self.say(kind::MESSAGE_ADDED, update, effects),
            "tool_call" | "tool_call_update" => {
                self.flush(effects);
                self.tools.update(update, effects);
            }
            "plan" if update.get("entries").is_some_and(Value::is_array) => {
                self.flush(effects);
                let entries = update.remove("entries");
                update.remove("sessionUpdate");
                let entries =
                    entries.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let items: Vec<Value> = entries.iter().map(todo).collect();
                effects.emit(Draft::new(kind::TODO_UPDATED).fields(update).field("items", items));
            }
            "notice" if update.get("title").is_some_and(Value::is_string) => {
                self.flush(effects);
                let text = |key: &str| update.get(key).and_then(Value::as_str);
                let said: Vec<&str> = [text("title"), text("description")].into_iter().flatten().collect();
                let draft = Draft::new(kind::REASONING).field("text", said.join("\n"));
                effects.emit(draft.maybe("severity", update.get("severity").cloned()));
            }
            _ if let Some(draft) = retry::in_update(&update) => self.tell_retry(draft, effects),
            _ => {
                self.broken |= is_broken(&update);
                if self.broken {
                    self.flush(effects);
                }
                update.remove("sessionUpdate");
                let name = if name.is_empty() { "session_update" } else { name.as_str() };
                effects.emit(Draft::new(own_kind(name)).fields(update));
            }
        }
    }

    /// Takes a piece of a message.
    fn say(&mut self, kind: &'static str, mut update: Map<String, Value>, effects: &mut Effects) {
        let id = match update.remove("messageId") {
            Some(Value::String(id)) => Some(id),
            _ => None,
        };
        let content = update.remove("content").unwrap_or_default();
        let meta = update.remove("_meta").unwrap_or_default();
        let text = match (content["type"].as_str(), content["text"].as_str()) {
            (Some("text"), Some(text)) => text,
            _ => {
                self.flush(effects);
                let draft = Draft::new(own_kind("content")).field("of", kind).field("content", content);
                let draft =
                    draft.maybe("message_id", id).maybe("meta", Some(meta).filter(|meta| !meta.is_null()));
                return effects.emit(draft);
            }
        };
        let goes_on = self.saying.as_ref().is_some_and(|saying| saying.kind == kind && saying.id == id);
        if !goes_on {
            self.flush(effects);
        }
        let saying =
            self.saying.get_or_insert_with(|| Saying { kind, id, text: String::new(), meta: Value::Null });
        saying.text.push_str(text);
        if !meta.is_null() {
            saying.meta = meta;
        }
        if saying.text.len() >= MESSAGE_BYTES {
            self.tell(true, effects);
        }
    }

    /// Tells that the agent tries again. What it was saying ends there, for some begin it anew.
    pub(crate) fn tell_retry(&mut self, draft: Draft, effects: &mut Effects) {
        self.flush(effects);
        effects.emit(draft);
    }

    /// Tells the message in the making: something else comes now.
    pub(crate) fn flush(&mut self, effects: &mut Effects) {
        self.tell(false, effects);
    }

    fn tell(&mut self, partial: bool, effects: &mut Effects) {
        let Some(saying) = &mut self.saying else {
            return;
        };
        let text = std::mem::take(&mut saying.text);
        let draft = Draft::new(saying.kind).field("text", text.as_str());
        let draft = if saying.kind == kind::MESSAGE_ADDED { draft.field("role", "user") } else { draft };
        let draft = draft.maybe("meta", Some(saying.meta.take()).filter(|meta| !meta.is_null()));
        let draft = if partial { draft.field("partial", true) } else { draft };
        if !text.is_empty() {
            effects.emit(match &saying.id {
                Some(id) => draft.item(id),
                None => draft,
            });
        }
        if saying.kind == kind::AGENT_MESSAGE {
            self.keep(&text, partial);
        }
        if !partial {
            self.saying = None;
        }
    }

    fn keep(&mut self, text: &str, partial: bool) {
        match &mut self.last {
            Some(last) if last.partial => {
                last.cut |= last.text.len() + text.len() > ANSWER_BYTES;
                if !last.cut {
                    last.text.push_str(text);
                }
                last.partial = partial;
            }
            _ if text.trim().is_empty() && !partial => {}
            _ => self.last = Some(Last { text: text.to_owned(), partial, cut: text.len() > ANSWER_BYTES }),
        }
    }

    /// Begins to leave out what is told again of an old conversation.
    pub(crate) fn begin_replay(&mut self) {
        self.replayed = Some(0);
    }

    /// Goes on as usual; says how much was left out.
    pub(crate) fn end_replay(&mut self) -> Option<u64> {
        self.replayed.take()
    }

    /// Begins a turn: what was said before is its answer only if nothing else comes.
    pub(crate) fn begin_turn(&mut self) {
        self.broken = false;
        self.before = self.last.take().or_else(|| self.before.take());
    }

    /// Tells all that is left.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        self.flush(effects);
        self.tools.close(effects);
    }

    /// Says whether the agent's turn broke although it may claim otherwise.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Gives the agent's last message. One that hears why something was denied may have nothing to add, and then what it
    /// said before stands, unless its turn broke. An answer of which a part is missing is none.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        let before = self.before.take().filter(|_| !self.broken);
        self.last.take().or(before).filter(|last| !last.cut).map(|last| last.text)
    }
}

fn todo(entry: &Value) -> Value {
    let status = entry["status"].as_str().unwrap_or("pending");
    let mut item = json!({ "text": entry["content"], "completed": status == "completed", "status": status });
    if let Some(priority) = entry["priority"].as_str() {
        item["priority"] = priority.into();
    }
    item
}

/// Codex's adapter answers `end_turn` when its model fails, and says so only here.
fn is_broken(update: &Map<String, Value>) -> bool {
    let status = update.get("_meta").and_then(|meta| meta.pointer("/codex/threadStatus/type"));
    status.is_some_and(|status| status == "systemError")
}

/// Makes a kind of this plugin's own out of a word of an agent's.
pub(crate) fn own_kind(word: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let word: String = word.trim_start_matches('_').chars().map(plain).collect();
    let mut kind = format!("x_acp_{}", if word.is_empty() { "output" } else { word.as_str() });
    kind.truncate(64);
    kind
}
