//! What a plugin may tell.

use pointsman_model::plugin::PluginEvent;
use pointsman_model::{EventKind, Status};
use serde_json::Value;

/// Checks a kind that a plugin gave. Events that end a run come from `finish` alone.
pub(super) fn kind_of(event: &PluginEvent) -> Result<EventKind, String> {
    let kind = EventKind::try_from(event.kind.clone()).map_err(|error| error.to_string())?;
    if kind.is_reserved() {
        return Err(format!("events of kind {kind} are made by the host: a plugin ends its run with finish"));
    }
    let ends = event.data.get("status").and_then(Value::as_str).and_then(Status::from_word);
    if kind == EventKind::STATUS_CHANGED && ends.is_some_and(Status::is_terminal) {
        return Err("a plugin ends its run with finish, not with status_changed".to_owned());
    }
    Ok(kind)
}

pub(super) fn with_item(mut event: PluginEvent) -> PluginEvent {
    if let Some(item) = event.item.take() {
        event.data.entry("item_id").or_insert(Value::String(item));
    }
    event
}
