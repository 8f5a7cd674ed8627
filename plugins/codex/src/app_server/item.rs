//! Items: what codex does, as events. The same kinds and fields as those of `codex exec`, where it has them.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use crate::kinds::{own_kind, snake};
use crate::open::OpenItems;

/// When in an item's life a notice came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Started,
    Completed,
}

/// An item's fields that say who it is and when it was, and nothing of what it does.
const FRAME: &[&str] = &["id", "type", "startedAtMs", "completedAtMs"];

/// Tells an item as an event; gives what the agent said, if that was it.
///
/// An item of another conversation, one of an agent that codex started itself, is told with its id.
pub(super) fn take(
    open: &mut OpenItems,
    phase: Phase,
    item: Map<String, Value>,
    thread: Option<&str>,
    effects: &mut Effects,
) -> Option<String> {
    let id = match item.get("id") {
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Null) | None => None,
        Some(other) => Some(other.to_string()),
    };
    let name = item.get("type").and_then(Value::as_str).unwrap_or("item").to_owned();
    let mut data = fields(item);
    if let Some(thread) = thread {
        data.insert("thread_id".to_owned(), thread.into());
    }
    let mut told = Told { open, phase, id, effects };
    match name.as_str() {
        "agentMessage" => return told.message(data),
        "reasoning" => told.reasoning(data),
        // What a turn was begun with is known; what was said to it later is told when codex hears it.
        "userMessage" => {}
        "commandExecution" => told.command(data),
        "fileChange" => told.edit(data),
        "mcpToolCall" => told.tool(data),
        "dynamicToolCall" => {
            let namespace = data.remove("namespace");
            data.entry("server").or_insert_with(|| namespace.unwrap_or_else(|| "host".into()));
            if let Some(items) = data.remove("content_items") {
                data.insert("result".to_owned(), json!({ "content": items }));
            }
            told.tool(data);
        }
        "collabAgentToolCall" => {
            data.insert("server".to_owned(), "codex".into());
            told.tool(data);
        }
        "webSearch" => {
            if let Some(query) = data.remove("query") {
                data.insert("arguments".to_owned(), json!({ "query": query }));
            }
            data.insert("server".to_owned(), "codex".into());
            data.insert("tool".to_owned(), "web_search".into());
            told.tool(data);
        }
        other => {
            let phase = if phase == Phase::Started { "started" } else { "completed" };
            told.emit(&own_kind(&format!("{other}_{phase}")), data);
        }
    }
    None
}

/// Gives an item's fields under the names that `codex exec` has for them, without those that say nothing.
fn fields(item: Map<String, Value>) -> Map<String, Value> {
    let mut data: Map<String, Value> = item
        .into_iter()
        .filter(|(name, value)| !FRAME.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (snake(&name), value))
        .collect();
    if let Some(Value::String(status)) = data.get_mut("status") {
        *status = snake(status);
    }
    data
}

/// Gives changes as `codex exec` has them: what kind of change as a plain word. Where a file is moved to is told besides.
fn changes(data: &mut Map<String, Value>) {
    let Some(Value::Array(changes)) = data.get_mut("changes") else { return };
    for change in changes.iter_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Object(mut kind)) = change.remove("kind") else { continue };
        change.extend(kind.remove("type").map(|word| ("kind".to_owned(), word)));
        change.extend(
            kind.remove("move_path").filter(|to| !to.is_null()).map(|to| ("moved_to".to_owned(), to)),
        );
    }
}

/// An item on its way to being told.
struct Told<'a> {
    open: &'a mut OpenItems,
    phase: Phase,
    id: Option<String>,
    effects: &'a mut Effects,
}

impl Told<'_> {
    fn message(&mut self, data: Map<String, Value>) -> Option<String> {
        if self.phase == Phase::Started {
            return None;
        }
        let said = data.get("text").and_then(Value::as_str).map(str::to_owned);
        self.emit(kind::AGENT_MESSAGE, data);
        said
    }

    /// Tells a thought; one that the provider keeps to itself has no words.
    fn reasoning(&mut self, mut data: Map<String, Value>) {
        let mut words = Vec::new();
        for part in ["summary", "content"] {
            if let Some(Value::Array(texts)) = data.remove(part) {
                words.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
            }
        }
        if self.phase == Phase::Completed && !words.is_empty() {
            data.insert("text".to_owned(), words.join("\n\n").into());
            self.emit(kind::REASONING, data);
        }
    }

    fn command(&mut self, mut data: Map<String, Value>) {
        let output = data.remove("aggregated_output").unwrap_or_else(|| "".into());
        data.insert("output".to_owned(), output);
        self.pair(kind::COMMAND_STARTED, kind::COMMAND_FINISHED, data);
    }

    fn tool(&mut self, data: Map<String, Value>) {
        self.pair(kind::TOOL_STARTED, kind::TOOL_FINISHED, data);
    }

    /// Tells an edit: a tool call, and the files that it changed if it did.
    fn edit(&mut self, mut data: Map<String, Value>) {
        changes(&mut data);
        let changed = data.get("changes").cloned();
        if self.phase == Phase::Completed && data.get("status").and_then(Value::as_str) == Some("completed") {
            let known = self.id.as_deref().is_some_and(|id| self.open.is_open(id));
            if !known {
                self.begin(kind::TOOL_STARTED, kind::TOOL_FINISHED, as_tool(data.clone(), changed.clone()));
            }
            self.emit(kind::FILE_CHANGED, data.clone());
        }
        self.pair(kind::TOOL_STARTED, kind::TOOL_FINISHED, as_tool(data, changed));
    }

    /// Tells the start or the end of an item. An end has had a start, whatever codex said.
    fn pair(&mut self, starts_as: &'static str, ends_as: &'static str, data: Map<String, Value>) {
        let known = self.id.as_deref().is_some_and(|id| self.open.is_open(id));
        match self.phase {
            Phase::Started if known => self.emit(&own_kind("item_started_again"), data),
            Phase::Started => self.begin(starts_as, ends_as, data),
            Phase::Completed => {
                if !known {
                    self.begin(starts_as, ends_as, data.clone());
                }
                if let Some(id) = &self.id {
                    self.open.end(id);
                }
                self.emit(ends_as, data);
            }
        }
    }

    fn begin(&mut self, starts_as: &str, ends_as: &'static str, data: Map<String, Value>) {
        if let Some(id) = &self.id {
            self.open.begin(id, ends_as, &data);
        }
        self.emit(starts_as, data);
    }

    fn emit(&mut self, kind: &str, data: Map<String, Value>) {
        let draft = Draft::new(kind).fields(data);
        self.effects.emit(match &self.id {
            Some(id) => draft.item(id.clone()),
            None => draft,
        });
    }
}

/// Gives an edit the fields of a tool call.
fn as_tool(mut data: Map<String, Value>, changes: Option<Value>) -> Map<String, Value> {
    data.remove("changes");
    data.insert("server".to_owned(), "codex".into());
    data.insert("tool".to_owned(), "apply_patch".into());
    data.extend(changes.map(|changes| ("arguments".to_owned(), json!({ "changes": changes }))));
    data
}
