//! What an agent has begun and not finished.

use std::collections::BTreeMap;

use pointsman_model::EventKind;
use serde_json::{Map, Value};

/// Items that are followed at once, at most. An agent has a handful; a plugin that begins items without end must not
/// grow its run's state.
const MOST: usize = 4_096;

/// Commands and tool calls that were started and not finished, by their id, each with the kind of event that ends it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Items(BTreeMap<String, EventKind>);

impl Items {
    /// Learns of an event.
    pub(crate) fn note(&mut self, kind: &EventKind, data: &Map<String, Value>) {
        let Some(item) = data.get("item_id").and_then(Value::as_str) else { return };
        if let Some(ends) = ends_by(kind) {
            if self.0.len() < MOST {
                self.0.insert(item.to_owned(), ends);
            }
        } else if [EventKind::COMMAND_FINISHED, EventKind::TOOL_FINISHED].contains(kind) {
            self.0.remove(item);
        }
    }

    /// Says whether an item was begun and not finished.
    pub(crate) fn is_open(&self, item: &str) -> bool {
        self.0.contains_key(item)
    }

    /// Gives every open item with the kind of event that ends it.
    pub(crate) fn open(&self) -> impl Iterator<Item = (&str, &EventKind)> {
        self.0.iter().map(|(item, ends)| (item.as_str(), ends))
    }
}

fn ends_by(kind: &EventKind) -> Option<EventKind> {
    if *kind == EventKind::COMMAND_STARTED {
        Some(EventKind::COMMAND_FINISHED)
    } else if *kind == EventKind::TOOL_STARTED {
        Some(EventKind::TOOL_FINISHED)
    } else {
        None
    }
}
