//! What stays of a value that was moved out.

use serde_json::{Map, Value, json};

use crate::weight;

/// Stands at the end of a text that is longer elsewhere.
pub(crate) const MARKER: &str = "\n[truncated, see artifact_refs]";

/// Keys and elements that a summary shows.
const PREVIEW_KEYS: usize = 8;
const PREVIEW_ITEMS: usize = 3;
/// Bytes of each of them.
const PREVIEW_KEY_BYTES: usize = 64;
const PREVIEW_ITEM_BYTES: usize = 192;

/// Cuts a text to this many bytes, marker included, so that it is not cut again when it is seen again.
pub(crate) fn text(text: &str, bytes: usize) -> String {
    let mut left = start(text, bytes.saturating_sub(MARKER.len())).to_owned();
    left.push_str(MARKER);
    left
}

/// Summarises an object or an array.
pub(crate) fn structure(value: &Value) -> Value {
    json!({ "artifact_summary": summary(value) })
}

/// Says what a structure was: its type, its size, and what it begins with.
pub(crate) fn summary(value: &Value) -> Value {
    match value {
        Value::Object(fields) => of_object(fields),
        Value::Array(items) => json!({
            "original_type": "array",
            "item_count": items.len(),
            "preview": items.iter().take(PREVIEW_ITEMS).map(preview).collect::<Vec<_>>(),
        }),
        _ => Value::Null,
    }
}

/// The same of an object's fields.
pub(crate) fn of_object(fields: &Map<String, Value>) -> Value {
    let keys: Vec<&str> = fields.keys().take(PREVIEW_KEYS).map(|key| start(key, PREVIEW_KEY_BYTES)).collect();
    json!({ "original_type": "object", "key_count": fields.len(), "preview_keys": keys })
}

/// Gives an element as it is if it is small, else what it begins with.
fn preview(item: &Value) -> Value {
    if weight::of(item) <= PREVIEW_ITEM_BYTES {
        return item.clone();
    }
    match item {
        Value::String(text) => Value::from(format!("{}…", start(text, PREVIEW_ITEM_BYTES / 2))),
        Value::Object(fields) => json!({ "original_type": "object", "key_count": fields.len() }),
        Value::Array(items) => json!({ "original_type": "array", "item_count": items.len() }),
        // Numbers and constants are never that long.
        _ => Value::Null,
    }
}

/// Gives the first bytes of a text, ending between characters.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_lies_between_characters_and_within_the_limit() {
        let long = "😀".repeat(300);
        let left = text(&long, 300);
        assert!(left.len() <= 300 && left.len() > 300 - 4, "{}", left.len());
        assert!(left.ends_with(MARKER));
    }

    #[test]
    fn a_summary_is_small_whatever_it_summarises() {
        let hostile = Value::Array(vec![json!("\u{1}".repeat(10_000)); 10]);
        assert!(weight::of(&structure(&hostile)) < 2_048);
        let keys: Map<String, Value> =
            (0..100).map(|n| (format!("{n}{}", "\u{1}".repeat(1_000)), Value::Null)).collect();
        assert!(weight::of(&of_object(&keys)) < 4_096);
    }
}
