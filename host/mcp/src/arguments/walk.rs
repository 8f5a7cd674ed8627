//! The arguments against the published schema: types, bounds, words, required keys.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Issue;

/// Checks an object; takes `null` out of optional keys, and makes whole numbers of those that are written with a dot.
pub(super) fn check(schema: &Map<String, Value>, value: &mut Value, issues: &mut Vec<Issue>) {
    Walk { path: Vec::new(), issues }.any(schema, value);
}

struct Walk<'a> {
    path: Vec<Value>,
    issues: &'a mut Vec<Issue>,
}

impl Walk<'_> {
    fn any(&mut self, schema: &Map<String, Value>, value: &mut Value) {
        let Some(expected) = schema.get("type").and_then(Value::as_str) else { return };
        match (expected, &mut *value) {
            ("object", Value::Object(object)) => self.object(schema, object),
            ("array", Value::Array(items)) => self.array(schema, items),
            ("string", Value::String(text)) => {
                let text = std::mem::take(text);
                self.string(schema, &text);
                *value = Value::String(text);
            }
            ("integer", Value::Number(_)) => self.integer(schema, value),
            ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) => {}
            (_, other) => {
                let message = format!("{} must be {}, not {}", self.name(), a_type(expected), a_value(other));
                self.tell("invalid_type", message);
            }
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, object: &mut Map<String, Value>) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let is_required = |name: &str| {
            schema
                .get("required")
                .and_then(Value::as_array)
                .is_some_and(|names| names.iter().any(|required| required == name))
        };
        for (name, property) in properties {
            let Some(property) = property.as_object() else { continue };
            self.path.push(Value::from(name.as_str()));
            match object.get_mut(name) {
                None | Some(Value::Null) if is_required(name) => {
                    let expected = property.get("type").and_then(Value::as_str).unwrap_or("value");
                    let mut message = format!("{} is required: {}", self.name(), a_type(expected));
                    if let Some(words) = words(property) {
                        let _ = write!(message, ", one of {words}");
                    }
                    self.tell("invalid_type", message);
                }
                None => {}
                Some(Value::Null) => {
                    object.remove(name);
                }
                Some(value) => self.any(property, value),
            }
            self.path.pop();
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &mut [Value]) {
        self.bounds(schema, "minItems", "maxItems", items.len() as u64, "item", "items");
        let Some(item) = schema.get("items").and_then(Value::as_object) else { return };
        for (place, value) in items.iter_mut().enumerate() {
            self.path.push(Value::from(place));
            self.any(item, value);
            self.path.pop();
        }
    }

    fn string(&mut self, schema: &Map<String, Value>, text: &str) {
        if let Some(Value::Array(allowed)) = schema.get("enum") {
            if !allowed.iter().any(|word| word == text) {
                let shown: String = text.chars().take(80).collect();
                let message = format!(
                    "{} must be one of {}, not {shown:?}",
                    self.name(),
                    words(schema).unwrap_or_default()
                );
                self.tell("invalid_value", message);
            }
            return;
        }
        self.bounds(schema, "minLength", "maxLength", text.chars().count() as u64, "character", "characters");
    }

    fn integer(&mut self, schema: &Map<String, Value>, value: &mut Value) {
        /// Up to here a float names every whole number.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if let Some(float) = value.as_f64().filter(|_| value.is_f64()) {
            if float.fract() != 0.0 || float.abs() > EXACT {
                let message = format!("{} must be a whole number, not {float}", self.name());
                return self.tell("invalid_type", message);
            }
            #[expect(clippy::cast_possible_truncation, reason = "whole and within EXACT, as checked above")]
            let whole = float as i64;
            *value = Value::from(whole);
        }
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let given = value.as_f64().unwrap_or_default();
        if let Some(least) = bound("minimum").filter(|least| given < *least) {
            let message = format!("{} must be at least {least}, not {value}", self.name());
            self.tell("too_small", message);
        } else if let Some(most) = bound("maximum").filter(|most| given > *most) {
            let message = format!("{} must be at most {most}, not {value}", self.name());
            self.tell("too_big", message);
        }
    }

    fn bounds(
        &mut self,
        schema: &Map<String, Value>,
        least: &str,
        most: &str,
        size: u64,
        one: &str,
        many: &str,
    ) {
        let bound = |key: &str| schema.get(key).and_then(Value::as_u64);
        if let Some(least) = bound(least).filter(|least| size < *least) {
            let message = if size == 0 {
                format!("{} must not be empty", self.name())
            } else {
                format!(
                    "{} must have at least {least} {}, not {size}",
                    self.name(),
                    if least == 1 { one } else { many }
                )
            };
            self.tell("too_small", message);
        } else if let Some(most) = bound(most).filter(|most| size > *most) {
            let message = format!(
                "{} must have at most {most} {}, not {size}",
                self.name(),
                if most == 1 { one } else { many }
            );
            self.tell("too_big", message);
        }
    }

    fn tell(&mut self, code: &'static str, message: String) {
        self.issues.push(Issue { code, path: self.path.clone(), message });
    }

    /// Names the place as one would write it: `input_message.parts[0].text`.
    fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            match step {
                Value::String(key) if name.is_empty() => name.push_str(key),
                Value::String(key) => {
                    let _ = write!(name, ".{key}");
                }
                other => {
                    let _ = write!(name, "[{other}]");
                }
            }
        }
        if name.is_empty() { "arguments".to_owned() } else { name }
    }
}

fn words(schema: &Map<String, Value>) -> Option<String> {
    let words = schema.get("enum")?.as_array()?;
    Some(words.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

fn a_type(name: &str) -> &'static str {
    match name {
        "object" => "an object",
        "array" => "an array",
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        _ => "a value",
    }
}

fn a_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
