//! A request as named lines, before anybody paints or cuts them.

use serde_json::{Map, Value};

use crate::visible;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What a person decides by.
    Essential,
    /// Everything that the digest covers.
    Whole,
}

/// A request as a person reads it, from top to bottom. Every text in it is harmless already: what could act on a
/// terminal, hide or change the order of what is seen is shown as its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    extent: Extent,
    lines: Vec<Line>,
}

/// A named thing on a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is called; empty if it goes on with what stands above.
    pub name: String,
    /// What stands there.
    pub body: Body,
    /// Whether a person decides by it: it is a part of what would be done. Otherwise it says why and who asks.
    pub decides: bool,
}

/// What stands beside a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// What is asked, in the host's words, and more of it in the agent's. Has no name, and stands first.
    Title {
        /// The host's words.
        what: String,
        /// What follows them behind a colon.
        more: Option<String>,
    },
    /// A short value, in one line.
    Value(String),
    /// A short value that wants attention.
    Warning(String),
    /// A text of the agent's. Each line is to stand behind a mark, so that none can pass for one of the host's.
    Text(Vec<Marked>),
}

/// A line of an agent's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// What it is in a change.
    pub kind: Mark,
    /// The line.
    pub text: String,
}

/// What a line is in a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Part of no change, or unchanged.
    Plain,
    /// Added.
    Added,
    /// Removed.
    Removed,
    /// Where in the file a part of the change lies.
    Place,
}

impl Sheet {
    pub(crate) fn new(extent: Extent) -> Self {
        Self { extent, lines: Vec::new() }
    }

    /// Gives the lines, first to last.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.extent == Extent::Whole
    }

    /// The first line.
    pub(crate) fn title(&mut self, what: &str, more: Option<&str>) {
        let body = Body::Title { what: flat(what), more: more.map(flat) };
        self.put("", body);
    }

    /// A short value. One that is not short is shown as a text.
    pub(crate) fn field(&mut self, name: &str, value: &str) {
        if value.contains('\n') {
            self.text(name, value);
        } else {
            self.put(name, Body::Value(visible(value).into_owned()));
        }
    }

    /// A value that wants attention.
    pub(crate) fn warn(&mut self, name: &str, value: &str) {
        self.put(name, Body::Warning(value.to_owned()));
    }

    /// A text of the agent's, each line behind a mark.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        let plain = |line: &str| Marked { kind: Mark::Plain, text: line.to_owned() };
        self.marked(name, visible(text).lines().map(plain).collect());
    }

    /// Lines that are harmless already, each behind a mark.
    pub(crate) fn marked(&mut self, name: &str, mut lines: Vec<Marked>) {
        if lines.is_empty() {
            lines.push(Marked { kind: Mark::Plain, text: String::new() });
        }
        self.put(name, Body::Text(lines));
    }

    /// A value of the agent's as JSON.
    pub(crate) fn value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(name, text),
            value => {
                let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
                self.text(name, &json);
            }
        }
    }

    /// Whatever else there is; what is empty says nothing, unless everything is wanted.
    pub(crate) fn rest(&mut self, rest: Map<String, Value>) {
        for (name, value) in rest {
            let empty = match &value {
                Value::Null => true,
                Value::Object(it) => it.is_empty(),
                Value::Array(it) => it.is_empty(),
                _ => false,
            };
            let technical = ["plugin", "backend_config_digest", "session_mode"].contains(&name.as_str());
            if self.is_whole() || !(empty || technical) {
                self.value(&name, &value);
            }
        }
    }

    /// Lines that only say why and who, put there by what is given.
    pub(crate) fn aside(&mut self, put: impl FnOnce(&mut Self)) {
        let before = self.lines.len();
        put(self);
        for line in self.lines.iter_mut().skip(before) {
            line.decides = false;
        }
    }

    fn put(&mut self, name: &str, body: Body) {
        self.lines.push(Line { name: flat(name), body, decides: true });
    }
}

/// A text in one line, exactly: what would end the line is shown.
fn flat(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', " ")
}
