//! What guests return, bounded and checked before anybody trusts it.

use pointsman_model::{Bounds, BoundsError, parse_bounded};
use serde_json::{Map, Value};

use crate::Limits;

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The guest's own error.
    Refused(String),
    /// Something that the host wanted to hand over does not fit the contract.
    Input(String),
    /// More of something than is taken.
    TooMuch { what: &'static str, limit: usize },
    /// Something that cannot be.
    Malformed(String),
    /// The runtime's error: a trap, no fuel, no room.
    Runtime(wasmtime::Error),
}

impl From<wasmtime::Error> for Fault {
    fn from(error: wasmtime::Error) -> Self {
        Self::Runtime(error)
    }
}

/// The most of a guest's error text that is kept.
const LONGEST_REFUSAL: usize = 8_192;

/// Takes in what one call returned, and counts it.
pub(crate) struct Intake<'a> {
    limits: &'a Limits,
    nodes_left: usize,
    strings: usize,
    artifacts: usize,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(limits: &'a Limits) -> Self {
        Self { limits, nodes_left: limits.json.nodes, strings: 0, artifacts: 0 }
    }

    /// Takes a guest's own error, cut to what somebody would read.
    pub(crate) fn refusal(mut text: String) -> Fault {
        text.truncate(text.floor_char_boundary(LONGEST_REFUSAL));
        Fault::Refused(text)
    }

    /// Counts effects. The list itself lies in memory already, within [`Limits::returned_bytes`].
    pub(crate) fn effects(&self, count: usize) -> Result<(), Fault> {
        at_most(count, self.limits.effects, "effects")
    }

    /// Counts texts of a list.
    pub(crate) fn strings(&mut self, count: usize) -> Result<(), Fault> {
        self.strings = self.strings.saturating_add(count);
        at_most(self.strings, self.limits.strings, "texts in lists")
    }

    /// Counts artifacts.
    pub(crate) fn artifacts(&mut self, count: usize) -> Result<(), Fault> {
        self.artifacts = self.artifacts.saturating_add(count);
        at_most(self.artifacts, self.limits.artifacts, "artifacts")
    }

    /// Reads JSON.
    pub(crate) fn json(&mut self, text: &str, what: &str) -> Result<Value, Fault> {
        let bounds = Bounds { nodes: self.nodes_left, ..self.limits.json };
        let value = parse_bounded(text, bounds).map_err(|error| match error {
            BoundsError::Bytes { limit, .. } => Fault::TooMuch { what: "bytes of JSON in one text", limit },
            BoundsError::Depth { limit } => Fault::TooMuch { what: "levels of JSON", limit },
            BoundsError::Nodes { .. } => {
                Fault::TooMuch { what: "values in the JSON of one call", limit: self.limits.json.nodes }
            }
            BoundsError::Syntax { message } => Fault::Malformed(format!("{what}: {message}")),
        })?;
        self.nodes_left = self.nodes_left.saturating_sub(nodes(&value));
        Ok(value)
    }

    /// Reads JSON that must be an object.
    pub(crate) fn object(&mut self, text: &str, what: &str) -> Result<Map<String, Value>, Fault> {
        match self.json(text, what)? {
            Value::Object(object) => Ok(object),
            _ => Err(Fault::Malformed(format!("{what} is not a JSON object"))),
        }
    }

    /// Reads JSON, if there is any.
    pub(crate) fn optional_json(&mut self, text: Option<&str>, what: &str) -> Result<Option<Value>, Fault> {
        text.map(|text| self.json(text, what)).transpose()
    }
}

fn at_most(count: usize, limit: usize, what: &'static str) -> Result<(), Fault> {
    if count > limit { Err(Fault::TooMuch { what, limit }) } else { Ok(()) }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Checks a name: lower-case letters, digits and underscores, at most 64.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Says whether a JSON Pointer (RFC 6901) leads to something below the root of `data`.
pub(crate) fn leads_somewhere(data: &Map<String, Value>, pointer: &str) -> bool {
    let Some(path) = pointer.strip_prefix('/') else { return false };
    let (first, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
    let well_formed = pointer.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    let key = first.replace("~1", "/").replace("~0", "~");
    well_formed && data.get(&key).is_some_and(|value| value.pointer(rest).is_some())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("/text", true)]
    #[case("/list/1", true)]
    #[case("/a~1b/~0", true)]
    #[case("", false)]
    #[case("/", false)]
    #[case("text", false)]
    #[case("/list/2", false)]
    #[case("/list/01", false)]
    #[case("/a~2b", false)]
    #[case("/a~", false)]
    fn pointers(#[case] pointer: &str, #[case] expected: bool) {
        let data = json!({"text": "t", "list": [1, 2], "a/b": {"~": 1}, "a~2b": 1, "a~": 1});
        assert_eq!(leads_somewhere(data.as_object().expect("an object"), pointer), expected);
    }

    #[rstest]
    #[case("codex", true)]
    #[case("a_1", true)]
    #[case("", false)]
    #[case("Codex", false)]
    #[case("a-b", false)]
    #[case("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false)]
    fn names(#[case] name: &str, #[case] expected: bool) {
        assert_eq!(is_name(name), expected);
    }

    #[test]
    fn nodes_are_counted_over_a_whole_call() {
        let mut limits = Limits::policy();
        limits.json.nodes = 10;
        let mut intake = Intake::new(&limits);
        intake.json("[1,2,3,4]", "first").expect("five values");
        let fault = intake.json("[1,2,3,4,5]", "second").expect_err("six more");
        assert!(matches!(fault, Fault::TooMuch { limit: 10, .. }), "{fault:?}");
    }
}
