//! Items: what codex does, as events.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use crate::kinds::own_kind;
use crate::open::OpenItems;

/// When in an item's life a line came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Started,
    Updated,
    Completed,
}

impl Phase {
    /// Reads the last part of a line's type.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        match line {
            "item.started" => Some(Self::Started),
            "item.updated" => Some(Self::Updated),
            "item.completed" => Some(Self::Completed),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Updated => "updated",
            Self::Completed => "completed",
        }
    }
}

/// Turns an item into an event; says what the agent said, if that was it.
pub(crate) fn take(
    open: &mut OpenItems,
    phase: Phase,
    item: Map<String, Value>,
    effects: &mut Effects,
) -> Option<String> {
    let mut data = item;
    let id = match data.remove("id") {
        Some(Value::String(id)) => Some(id),
        Some(other) => Some(other.to_string()),
        None => None,
    };
    let name = data.remove("type");
    let name = name.as_ref().and_then(Value::as_str).unwrap_or("item");
    let mut said = None;
    let (event, ends_as) = match (name, phase) {
        ("agent_message", Phase::Completed) => {
            said = data.get("text").and_then(Value::as_str).map(str::to_owned);
            (kind::AGENT_MESSAGE.to_owned(), None)
        }
        ("reasoning", Phase::Completed) => (kind::REASONING.to_owned(), None),
        // A warning: the turn goes on.
        ("error", _) => {
            rename(&mut data, "message", "text");
            (kind::REASONING.to_owned(), None)
        }
        ("todo_list", _) => (kind::TODO_UPDATED.to_owned(), None),
        ("command_execution", _) => {
            rename(&mut data, "aggregated_output", "output");
            if data.get("exit_code").is_some_and(Value::is_null) {
                data.remove("exit_code");
            }
            let kind = match phase {
                Phase::Started => kind::COMMAND_STARTED,
                Phase::Updated => kind::COMMAND_UPDATED,
                Phase::Completed => kind::COMMAND_FINISHED,
            };
            (kind.to_owned(), Some(kind::COMMAND_FINISHED))
        }
        ("file_change", _) => (kind::FILE_CHANGED.to_owned(), Some(kind::FILE_CHANGED)),
        ("mcp_tool_call", _) => (tool(open, phase, id.as_deref()), Some(kind::TOOL_FINISHED)),
        ("web_search", _) => {
            if let Some(query) = data.remove("query") {
                data.insert("arguments".to_owned(), json!({ "query": query }));
            }
            data.insert("server".to_owned(), "codex".into());
            data.insert("tool".to_owned(), "web_search".into());
            (tool(open, phase, id.as_deref()), Some(kind::TOOL_FINISHED))
        }
        (other, _) => (own_kind(&format!("{other}_{}", phase.as_str())), None),
    };
    if let (Some(id), Some(ends_as)) = (&id, ends_as) {
        match phase {
            Phase::Completed => {
                open.end(id);
            }
            Phase::Started | Phase::Updated => open.begin(id, ends_as, &data),
        }
    }
    let draft = Draft::new(event).fields(data);
    effects.emit(match id {
        Some(id) => draft.item(id),
        None => draft,
    });
    said
}

/// Gives the kind of a tool's event. There is none for a tool in the middle of its work.
fn tool(open: &OpenItems, phase: Phase, id: Option<&str>) -> String {
    let begun = id.is_some_and(|id| open.is_open(id));
    match phase {
        Phase::Completed => kind::TOOL_FINISHED.to_owned(),
        Phase::Started | Phase::Updated if begun => own_kind("tool_updated"),
        Phase::Started | Phase::Updated => kind::TOOL_STARTED.to_owned(),
    }
}

fn rename(data: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = data.remove(from) {
        data.insert(to.to_owned(), value);
    }
}
