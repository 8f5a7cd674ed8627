//! Reading JSON that an agent sent: within bounds, and without trusting any type.

use serde_json::{Map, Value};

/// Bytes of one answer or event, at most; and of all artifacts of a task together.
pub(crate) const LARGEST: usize = 4 << 20;
/// Arrays and objects inside each other. What is told of it adds a few levels, and the host has a bound, too.
const DEEPEST: usize = 48;
/// Values in one answer or event.
const MOST_VALUES: usize = 100_000;

/// Reads JSON; the error is a fragment that says what was wrong with it.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    if text.len() > LARGEST {
        return Err(format!("is longer than {LARGEST} bytes"));
    }
    let (mut depth, mut values, mut in_string, mut escaped) = (0_usize, 1_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("is nested deeper than {DEEPEST} levels"));
        }
        if values > MOST_VALUES {
            return Err(format!("holds more than {MOST_VALUES} values"));
        }
    }
    serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))
}

/// Gives a field that is a text with something in it.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Gives a field that is an object.
pub(crate) fn object<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    object.get(key).and_then(Value::as_object)
}

/// Gives the members of a field that is a list; nothing of what is none.
pub(crate) fn list<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Says whether a field is true. Absent means false, and so does anything else.
pub(crate) fn flag(object: &Map<String, Value>, key: &str) -> bool {
    object.get(key) == Some(&Value::Bool(true))
}

/// Gives the fields that have none of these names, if there are any that say something.
pub(crate) fn others(object: &Map<String, Value>, known: &[&str]) -> Option<Value> {
    let rest: Map<String, Value> = object
        .iter()
        .filter(|(key, value)| !known.contains(&key.as_str()) && !is_empty(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!rest.is_empty()).then_some(Value::Object(rest))
}

/// Says whether a value is what writers put where there is nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Estimates how much room a value takes as text.
pub(crate) fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| weight(item) + 1).sum::<usize>(),
        Value::Object(fields) => {
            2 + fields.iter().map(|(key, field)| key.len() + 4 + weight(field)).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_before_anything_is_built() {
        assert!(read(&"[".repeat(1_000_000)).unwrap_err().contains("deeper"));
        assert!(read(&format!("[{}]", "1,".repeat(200_000))).unwrap_err().contains("values"));
        assert!(read(&" ".repeat(LARGEST + 1)).unwrap_err().contains("longer"));
        assert!(read(r#"{"a":"[[[[{{{{\"]]"}"#).is_ok());
        assert!(read("<html>").unwrap_err().contains("not JSON"));
    }

    #[test]
    fn numbers_stay_as_they_came() {
        assert_eq!(read(r#"{"n":42.0,"m":42}"#).unwrap().to_string(), r#"{"m":42,"n":42.0}"#);
    }
}
