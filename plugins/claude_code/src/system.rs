//! Notices: lines of type `system`, and others that no answer is wanted to.

use std::collections::BTreeMap;

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value};

use crate::items::Items;
use crate::tool::Family;

/// Notices that say nothing about the run: which part of a screen to draw anew, that a pipe is alive.
const SILENT: &[&str] = &["ui_invalidate", "keep_alive"];

/// Work that goes on behind the agent's turn, by its task's id.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    /// The call that began each.
    calls: BTreeMap<String, String>,
    /// Those in the background that have not ended.
    background: Vec<String>,
    /// Those that were told as tool calls of their own, for no call began them.
    told: Vec<String>,
}

impl Tasks {
    /// Gives the call by which a helper was started.
    pub(crate) fn call_of(&self, helper: &str) -> Option<&str> {
        self.calls.get(helper).map(String::as_str)
    }

    /// Says whether work goes on in the background.
    pub(crate) fn in_background(&self) -> bool {
        !self.background.is_empty()
    }

    /// Ends what was told as begun.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        for task in self.told.drain(..) {
            effects.emit(
                Draft::new(kind::TOOL_FINISHED)
                    .item(&task)
                    .field("tool", "Task")
                    .field("task_id", task)
                    .field("status", "interrupted"),
            );
        }
    }

    /// Takes a notice about a task.
    fn take(&mut self, name: &str, fields: Map<String, Value>, items: &Items, effects: &mut Effects) {
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        if name == "background_tasks_changed" {
            let ids = fields.get("tasks").and_then(Value::as_array).into_iter().flatten();
            self.background = ids
                .filter_map(|task| task.get("task_id").and_then(Value::as_str))
                .map(str::to_owned)
                .collect();
            return effects.emit(Draft::new("x_claude_code_background_tasks_changed").fields(fields));
        }
        let task = text("task_id").unwrap_or_default();
        let call = text("tool_use_id").or_else(|| self.calls.get(&task).cloned());
        let status = text("status").or_else(|| {
            fields
                .get("patch")
                .and_then(|patch| patch.get("status"))
                .and_then(Value::as_str)
                .map(str::to_owned)
        });
        let over = name == "task_notification"
            || status.is_some_and(|status| {
                matches!(status.as_str(), "completed" | "failed" | "stopped" | "killed")
            });
        if over {
            self.background.retain(|open| *open != task);
        }
        let draft = match &call {
            Some(call) => {
                self.calls.insert(task.clone(), call.clone());
                let command = items.get(call).is_some_and(|call| call.family() == Family::Command);
                let kind = if command && name == "task_started" {
                    kind::COMMAND_UPDATED.to_owned()
                } else {
                    format!("x_claude_code_{name}")
                };
                Draft::new(kind).item(call)
            }
            None if name == "task_started" && !task.is_empty() && !self.told.contains(&task) => {
                self.told.push(task.clone());
                Draft::new(kind::TOOL_STARTED).item(&task).field("tool", "Task")
            }
            None if over && self.told.contains(&task) => {
                self.told.retain(|told| *told != task);
                Draft::new(kind::TOOL_FINISHED).item(&task).field("tool", "Task")
            }
            None => Draft::new(format!("x_claude_code_{name}")),
        };
        effects.emit(draft.fields(fields));
    }
}

/// Takes a notice, of which the name and what is said of every line are taken off.
pub(crate) fn notice(
    name: &str,
    mut fields: Map<String, Value>,
    tasks: &mut Tasks,
    items: &Items,
    effects: &mut Effects,
) {
    if SILENT.contains(&name) {
        return;
    }
    if name.starts_with("task_") || name == "background_tasks_changed" {
        return tasks.take(name, fields, items, effects);
    }
    let said = |key: &str| {
        fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let text = match name {
        "api_retry" => Some(retry(&fields)),
        "hook_started" => Some(format!("Hook {} begins", said("hook_name").unwrap_or_default())),
        "hook_progress" | "hook_response" => {
            let (hook, outcome) = (said("hook_name").unwrap_or_default(), said("outcome"));
            Some(format!("Hook {hook}: {}", outcome.unwrap_or_else(|| "goes on".to_owned())))
        }
        "status" => {
            said("status").or_else(|| said("permissionMode")).map(|status| format!("Status: {status}"))
        }
        "compact_boundary" => Some("The conversation was compacted".to_owned()),
        "rate_limit_event" => Some("A limit of the provider has changed".to_owned()),
        "auth_status" => said("error").map(|error| format!("Authentication: {error}")),
        "informational" | "notification" => said("content").or_else(|| said("text")),
        "model_refusal_no_fallback" | "model_refusal_fallback" => {
            Some(said("content").unwrap_or_else(|| "The model refused to answer".to_owned()))
        }
        _ => None,
    };
    let draft = match text {
        Some(text) => Draft::new(kind::REASONING).field("text", text).field("notice", name),
        None => Draft::new(own_kind(name)),
    };
    // A denial and a heartbeat belong to a call.
    let call = said("tool_use_id").filter(|call| items.has_begun(call));
    fields.remove("text");
    effects.emit(match call {
        Some(call) => draft.item(call).fields(fields),
        None => draft.fields(fields),
    });
}

/// Makes a kind of this plugin's own out of a word of Claude Code's.
pub(crate) fn own_kind(word: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let word: String = word.chars().map(plain).collect();
    let mut kind = format!("x_claude_code_{}", if word.is_empty() { "output" } else { word.as_str() });
    kind.truncate(64);
    kind
}

fn retry(fields: &Map<String, Value>) -> String {
    let number = |key: &str| fields.get(key).and_then(Value::as_u64);
    let mut text = "The provider failed".to_owned();
    if let Some(error) = fields.get("error").and_then(Value::as_str) {
        text.push_str(&format!(": {error}"));
    }
    if let Some(status) = number("error_status") {
        text.push_str(&format!(" (status {status})"));
    }
    if let (Some(attempt), Some(most)) = (number("attempt"), number("max_retries")) {
        text.push_str(&format!("; retry {attempt} of {most}"));
    }
    if let Some(delay) = fields.get("retry_delay_ms").and_then(Value::as_f64) {
        text.push_str(&format!(" in {:.1} s", delay / 1000.0));
    }
    text
}
