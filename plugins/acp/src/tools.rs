//! The tool calls of a run: which are open, and the events that they make.

use std::collections::HashSet;

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value};

use crate::call::{Call, Sort};
use crate::transcript::own_kind;

/// Calls that have begun and not ended, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    open: Vec<Call>,
    /// Those that are over.
    over: HashSet<String>,
}

impl Tools {
    /// Takes an update of kind `tool_call` or `tool_call_update`.
    pub(crate) fn update(&mut self, said: Map<String, Value>, effects: &mut Effects) {
        let Some(id) = id_of(&said) else {
            return effects.emit(Draft::new(own_kind("tool_call")).fields(said));
        };
        let begins = said.get("sessionUpdate").is_some_and(|kind| kind == "tool_call");
        if self.over.contains(&id) && !begins {
            // Its pair of events is closed.
            return effects.emit(Draft::new(own_kind("tool_call_update")).fields(said));
        }
        let at = self.find(&id);
        let Some(call) = self.open.get_mut(at) else { return };
        call.merge(said);
        if call.is_over() {
            let mut call = self.open.remove(at);
            begin(&mut call, effects);
            self.finish(&call, None, effects);
        } else if call.started.is_none() {
            if call.is_telling() {
                begin(call, effects);
            }
        } else {
            progress(call, effects);
        }
    }

    /// Takes what a permission request says of a call, and makes sure that its first event was told.
    pub(crate) fn asked(&mut self, id: &str, mut said: Map<String, Value>, effects: &mut Effects) -> Call {
        // A request says `pending` whatever was said before; that is no news.
        said.remove("status");
        let at = self.find(id);
        let Some(call) = self.open.get_mut(at) else { return Call::new(id.to_owned()) };
        call.merge(said);
        if call.status.is_none() {
            call.status = Some("pending".to_owned());
        }
        if call.started.is_some() {
            progress(call, effects);
        } else {
            begin(call, effects);
        }
        call.clone()
    }

    /// Notes that a call was not allowed.
    pub(crate) fn denied(&mut self, id: &str) {
        if let Some(call) = self.open.iter_mut().find(|call| call.id == id) {
            call.denied = true;
        }
    }

    /// Ends what the agent left open: whoever pairs events waits for an end.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        for mut call in std::mem::take(&mut self.open) {
            begin(&mut call, effects);
            let status = if call.denied { "declined" } else { "interrupted" };
            self.finish(&call, Some(status), effects);
        }
    }

    /// Finds a call, or opens it.
    fn find(&mut self, id: &str) -> usize {
        self.open.iter().position(|call| call.id == id).unwrap_or_else(|| {
            self.open.push(Call::new(id.to_owned()));
            self.open.len() - 1
        })
    }

    fn finish(&mut self, call: &Call, status: Option<&str>, effects: &mut Effects) {
        let said = call.status.as_deref().unwrap_or("completed");
        let status = status.unwrap_or(if call.denied && said == "failed" { "declined" } else { said });
        self.over.insert(call.id.clone());
        let changes = call.changes();
        if status == "completed" && !changes.is_empty() {
            let changed = Draft::new(kind::FILE_CHANGED).item(&call.id).field("status", status);
            effects.emit(changed.field("changes", changes));
        }
        let ends = if call.is_command() { kind::COMMAND_FINISHED } else { kind::TOOL_FINISHED };
        effects.emit(Draft::new(ends).item(&call.id).fields(call.result(status)));
    }
}

/// Reads a call's id.
pub(crate) fn id_of(said: &Map<String, Value>) -> Option<String> {
    match said.get("toolCallId")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

fn begin(call: &mut Call, effects: &mut Effects) {
    if call.started.is_some() {
        return;
    }
    let (sort, begins) = if call.is_command() {
        (Sort::Command, kind::COMMAND_STARTED)
    } else {
        (Sort::Tool, kind::TOOL_STARTED)
    };
    call.started = Some(sort);
    call.told = call.about();
    effects.emit(Draft::new(begins).item(&call.id).fields(call.told.clone()));
}

/// Tells what is new of a call.
fn progress(call: &mut Call, effects: &mut Effects) {
    let about = call.about();
    let mut news = about.clone();
    news.retain(|key, value| call.told.get(key) != Some(value));
    if news.is_empty() {
        return;
    }
    let kind = if call.is_command() { kind::COMMAND_UPDATED.to_owned() } else { own_kind("tool_updated") };
    if call.is_command() {
        news.entry("command").or_insert_with(|| call.command().into());
    }
    call.told = about;
    effects.emit(Draft::new(kind).item(&call.id).fields(news));
}
