//! Lines with names before them.

use serde_json::{Map, Value};

use super::Extent;
use crate::terminal::{Paint, visible};

/// So wide are the names.
const NAME: usize = 10;

/// A request on its way to the screen.
#[derive(Debug)]
pub(super) struct Sheet {
    paint: Paint,
    extent: Extent,
    lines: Vec<String>,
}

impl Sheet {
    pub(super) fn new(paint: Paint, extent: Extent) -> Self {
        Self { paint, extent, lines: Vec::new() }
    }

    pub(super) fn lines(self) -> Vec<String> {
        self.lines
    }

    pub(super) fn paint(&self) -> Paint {
        self.paint
    }

    pub(super) fn is_whole(&self) -> bool {
        self.extent == Extent::Whole
    }

    /// The first line.
    pub(super) fn title(&mut self, what: &str, more: Option<&str>) {
        let more = more.map(|more| format!(": {}", flat(more))).unwrap_or_default();
        self.lines.push(format!("{}{more}", self.paint.warn(flat(what))));
    }

    /// A short value. One that is not short is shown as a text.
    pub(super) fn field(&mut self, name: &str, value: &str) {
        if value.contains('\n') {
            self.text(name, value);
        } else {
            self.lines.push(format!("{}{}", self.name(name), visible(value)));
        }
    }

    /// A value that wants attention.
    pub(super) fn warn(&mut self, name: &str, value: &str) {
        self.lines.push(format!("{}{}", self.name(name), self.paint.warn(value)));
    }

    /// A text of the agent's, each line behind a mark.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        let painted = visible(text).lines().map(str::to_owned).collect();
        self.marked(name, painted);
    }

    /// Lines that are harmless already, each behind a mark.
    pub(super) fn marked(&mut self, name: &str, lines: Vec<String>) {
        let mut name = self.name(name);
        let lines = if lines.is_empty() { vec![String::new()] } else { lines };
        for line in lines {
            self.lines.push(format!("{name}{} {line}", self.paint.dim("│")));
            name = " ".repeat(NAME + 3);
        }
    }

    /// A value of the agent's as JSON.
    pub(super) fn value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(name, text),
            value => {
                let json = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
                self.text(name, &json);
            }
        }
    }

    /// Whatever else there is; what is empty says nothing, unless everything is wanted.
    pub(super) fn rest(&mut self, rest: Map<String, Value>) {
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

    fn name(&self, name: &str) -> String {
        self.paint.dim(format!("  {:<NAME$} ", flat(name)))
    }
}

/// A text in one line, exactly: what would end the line is shown.
fn flat(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', " ")
}
