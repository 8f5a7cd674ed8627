//! Lines of a program that speaks JSON, mostly.

use serde_json::{Map, Value};

/// A line of a program's output.
///
/// Programs that promise JSON Lines still print warnings, panics and half a line when they are killed; nothing of it
/// may be lost or end a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Line<'a> {
    /// A JSON object.
    Json(Map<String, Value>),
    /// Anything else.
    Text(&'a str),
    /// Nothing but white space.
    Blank,
}

impl<'a> Line<'a> {
    /// Reads a line.
    #[must_use]
    pub fn read(line: &'a str) -> Self {
        let text = line.trim_ascii();
        if text.is_empty() {
            return Self::Blank;
        }
        if text.starts_with('{')
            && let Ok(object) = serde_json::from_str(text)
        {
            return Self::Json(object);
        }
        Self::Text(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_object_is_text() {
        assert!(matches!(Line::read(r#" {"a":1} "#), Line::Json(object) if object["a"] == 1));
        for text in ["[1]", "{", r#"{"a":"#, "warning: {}", "null", "{}{}"] {
            assert_eq!(Line::read(text), Line::Text(text));
        }
        assert_eq!(Line::read(" \t"), Line::Blank);
    }
}
