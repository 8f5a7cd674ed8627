//! Tool calls as events: each begins once and ends once.

use std::collections::BTreeSet;

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use crate::result::{ToolResult, status_of};
use crate::todo::Todo;
use crate::tool::{Call, Family};

/// Calls that were told, and those that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Items {
    open: Vec<Call>,
    /// Every call that was begun.
    begun: BTreeSet<String>,
    /// Files that the conversation has read or written: they are there.
    known: BTreeSet<String>,
    todo: Todo,
}

impl Items {
    /// Tells that a call begins, unless that was told. A helper's calls are asked about before they are told.
    pub(crate) fn begin(&mut self, call: Call, effects: &mut Effects) {
        if !self.begun.insert(call.id.clone()) {
            return;
        }
        effects.emit(started(&call));
        self.open.push(call);
    }

    /// Says whether a call was begun.
    pub(crate) fn has_begun(&self, id: &str) -> bool {
        self.begun.contains(id)
    }

    /// Gives a call that has not ended.
    pub(crate) fn get(&self, id: &str) -> Option<&Call> {
        self.open.iter().find(|call| call.id == id)
    }

    /// Says whether the conversation has seen a file.
    pub(crate) fn knows(&self, path: Option<&str>) -> bool {
        path.is_some_and(|path| self.known.contains(path))
    }

    /// Puts another input in place of a call's, as somebody has decided.
    pub(crate) fn edit(&mut self, id: &str, input: &Map<String, Value>, effects: &mut Effects) {
        let Some(call) = self.open.iter_mut().find(|call| call.id == id) else { return };
        call.input.clone_from(input);
        let draft = match call.family() {
            Family::Command => Draft::new(kind::COMMAND_UPDATED).maybe("command", call.text("command")),
            _ => Draft::new("x_claude_code_input_edited").field("tool", call.name.as_str()),
        };
        effects.emit(draft.item(id).field("edited", true).field("input", Value::Object(input.clone())));
    }

    /// Tells that a call has ended.
    pub(crate) fn finish(&mut self, result: ToolResult, effects: &mut Effects) {
        let Some(at) = self.open.iter().position(|call| call.id == result.id) else {
            // One that a clipped line has begun, or that has ended already: kept, but it ends nothing.
            effects.emit(result.alone());
            return;
        };
        let call = self.open.remove(at);
        let went_well = result.went_well();
        if went_well {
            if let (Family::Edit | Family::Read, Some(path)) = (call.family(), call.path()) {
                self.known.insert(path.to_owned());
            }
            if call.family() == Family::Edit {
                effects.emit(changed(&call, &result));
            }
            if let Some(items) = self.todo.take(&call, result.structured()) {
                effects.emit(Draft::new(kind::TODO_UPDATED).item(&call.id).field("items", items));
            }
        }
        let command = call.family() == Family::Command;
        let draft = common(&call, if command { kind::COMMAND_FINISHED } else { kind::TOOL_FINISHED });
        effects.emit(if command { result.of_command(draft) } else { result.of_tool(draft) });
    }

    /// Ends what was left open: the agent was interrupted or died, and whoever pairs events waits for an end.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        for call in self.open.drain(..) {
            let ends_as =
                if call.family() == Family::Command { kind::COMMAND_FINISHED } else { kind::TOOL_FINISHED };
            effects.emit(common(&call, ends_as).field("status", "interrupted"));
        }
    }
}

fn started(call: &Call) -> Draft {
    match call.family() {
        Family::Command => {
            let mut draft = common(call, kind::COMMAND_STARTED).field("status", "in_progress");
            // Its other arguments: a description, a time limit, whether it runs in the background.
            for (key, value) in call.input.iter().filter(|(key, _)| *key != "command") {
                draft = draft.field(key, value.clone());
            }
            draft
        }
        _ => common(call, kind::TOOL_STARTED).field("input", Value::Object(call.input.clone())),
    }
}

/// Gives what every event of a call says.
fn common(call: &Call, kind: &str) -> Draft {
    let (server, tool) = call.server_and_tool();
    let draft = Draft::new(kind)
        .item(&call.id)
        .maybe("server", server)
        .field("tool", tool)
        .field("tool_use_id", call.id.as_str())
        .maybe("parent_tool_use_id", call.parent.as_deref());
    if call.family() == Family::Command { draft.maybe("command", call.text("command")) } else { draft }
}

/// Tells which file an edit has changed, and how.
fn changed(call: &Call, result: &ToolResult) -> Draft {
    let structured = result.structured();
    let mut change = call.change(true);
    if let Some(structured) = structured {
        if let Some(path) = structured.get("filePath").and_then(Value::as_str) {
            change["path"] = path.into();
        }
        if structured.get("type").and_then(Value::as_str) == Some("create") {
            change["kind"] = "add".into();
        }
        if let Some(diff) =
            structured.get("structuredPatch").and_then(Value::as_array).and_then(|hunks| patch(hunks))
        {
            change["diff"] = diff.into();
        }
    }
    Draft::new(kind::FILE_CHANGED)
        .item(&call.id)
        .field("status", status_of(result))
        .field("changes", json!([change]))
        .maybe("parent_tool_use_id", call.parent.as_deref())
}

/// Writes the hunks of a patch as text.
fn patch(hunks: &[Value]) -> Option<String> {
    let mut text = String::new();
    for hunk in hunks {
        let number = |key: &str| hunk.get(key).and_then(Value::as_u64).unwrap_or_default();
        text.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            number("oldStart"),
            number("oldLines"),
            number("newStart"),
            number("newLines")
        ));
        for line in hunk.get("lines").and_then(Value::as_array)? {
            text.push_str(line.as_str()?);
            text.push('\n');
        }
    }
    (!text.is_empty()).then_some(text)
}
