//! Going over the strings of a JSON text.
//!
//! The text is never parsed into values: what is no string is handed on byte for byte, and strings without secrets are
//! too.

use std::borrow::Cow;

use crate::scan::Scanner;
use crate::text;

/// Where a string stands.
enum Place {
    /// In an object.
    Object(Fields),
    /// In an array; what stood before it, if that was a string.
    Array { before: Option<String> },
}

/// What is known of the object that is being read.
#[derive(Default)]
struct Fields {
    /// The key whose value comes next.
    key: Option<String>,
    /// What the object calls itself: `{"name": "DB_PASSWORD", "value": …}`.
    name: Option<String>,
}

/// Gives a JSON text without its secrets; nothing if it has none.
pub(crate) fn redact(raw: &str, scanner: &Scanner) -> Result<Option<String>, String> {
    if !scanner.may_have(raw) {
        return Ok(None);
    }
    let bytes = raw.as_bytes();
    let mut places: Vec<Place> = Vec::new();
    let mut left: Option<String> = None;
    // Up to here everything is in `left`, if that is there at all.
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' => places.push(Place::Object(Fields::default())),
            b'[' => places.push(Place::Array { before: None }),
            b'}' | b']' => {
                places.pop();
                if let Some(Place::Object(fields)) = places.last_mut() {
                    fields.key = None;
                }
            }
            b',' => {
                if let Some(Place::Object(fields)) = places.last_mut() {
                    fields.key = None;
                }
            }
            b'"' => {
                let end =
                    at + 1 + closing(bytes.get(at + 1..).unwrap_or_default()).ok_or("a string has no end")?;
                let string = decoded(raw.get(at..=end).unwrap_or_default())?;
                if let Some(redacted) = string_at(&string, places.last_mut(), scanner)? {
                    let left = left.get_or_insert_with(|| String::with_capacity(raw.len()));
                    left.push_str(raw.get(copied..at).unwrap_or_default());
                    left.push_str(&serde_json::Value::from(redacted).to_string());
                    copied = end + 1;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(left) = &mut left {
        left.push_str(raw.get(copied..).unwrap_or_default());
    }
    Ok(left)
}

/// Looks at one string: a key, or a value with what its place tells.
fn string_at(string: &str, place: Option<&mut Place>, scanner: &Scanner) -> Result<Option<String>, String> {
    match place {
        Some(Place::Object(fields)) => match fields.key.take() {
            None => {
                fields.key = Some(string.to_owned());
                text::redact(string, None, scanner)
            }
            Some(key) => {
                let name = match key.to_ascii_lowercase().as_str() {
                    "name" | "key" | "variable" | "header" => {
                        fields.name = Some(string.to_owned());
                        None
                    }
                    "value" | "values" => fields.name.clone(),
                    _ => Some(key),
                };
                text::redact(string, name.as_deref(), scanner)
            }
        },
        Some(Place::Array { before }) => {
            // `["--token", "…"]`, `["Authorization", "…"]`
            let name = before.replace(string.to_owned()).filter(|name| is_name(name));
            text::redact(
                string,
                name.as_deref().map(|name| name.trim_start_matches('-').trim_end_matches(':')),
                scanner,
            )
        }
        None => text::redact(string, None, scanner),
    }
}

/// Says whether an element of an array may name the next one: a flag, or the name of a variable or a header.
fn is_name(element: &str) -> bool {
    let name = element.trim_end_matches(':');
    name.starts_with("--") && !name.contains('=')
        || name.len() > 3 && name.contains(['_', '-']) && !name.contains([' ', '='])
        || name.eq_ignore_ascii_case("authorization")
}

/// Finds the quotation mark that ends a string.
fn closing(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Reads a string, quotation marks included.
fn decoded(quoted: &str) -> Result<Cow<'_, str>, String> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|error| format!("a string is no JSON: {error}"));
    }
    Ok(Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()))
}
