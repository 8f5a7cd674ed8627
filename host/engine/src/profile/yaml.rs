//! YAML as front matter needs it: mappings, lists and scalars, with the line of each key of the outermost mapping.
//!
//! Anchors, aliases and tags are refused: nobody needs them here, and with them a short text can mean an endless value.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde_json::{Map, Number, Value};

/// Mappings and lists inside each other, at most.
const DEEPEST: usize = 64;

/// What is wrong with front matter, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The line in the profile, from 1.
    pub(super) line: usize,
    /// What is wrong, and what would help.
    pub(super) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// A key of the outermost mapping, its value, and its line.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) line: usize,
}

/// Reads one mapping. Lines are counted from `above`, the number of lines that stand before the text.
pub(super) fn entries(text: &str, above: usize) -> Result<Vec<Entry>, Fault> {
    let mut reader = Reader { parser: Parser::new_from_str(text), above, line: above + 1 };
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            // Nothing but comments.
            Event::StreamEnd => return Ok(entries),
            Event::MappingStart(0, None) => break,
            _ => return Err(reader.fault("front matter is lines of `key: value`")),
        }
    }
    while let Some(key) = reader.key()? {
        let line = reader.line;
        if entries.iter().any(|entry| entry.key == key) {
            return Err(reader.fault(format!("`{key}` stands here twice")));
        }
        let value = reader.value(0)?;
        entries.push(Entry { key, value, line });
    }
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(entries),
            Event::DocumentEnd | Event::Nothing => {}
            _ => return Err(reader.fault("front matter is one mapping, and more follows")),
        }
    }
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    above: usize,
    /// Where the last event began.
    line: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Event<'t>, Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.at(&span);
                Ok(event)
            }
            Some(Err(error)) => Err(self.scan(&error)),
            None => Ok(Event::StreamEnd),
        }
    }

    fn at(&mut self, span: &Span) {
        self.line = self.above + span.start.line();
    }

    fn scan(&self, error: &ScanError) -> Fault {
        Fault { line: self.above + error.marker().line(), text: format!("no YAML: {}", error.info()) }
    }

    fn fault(&self, text: impl Into<String>) -> Fault {
        Fault { line: self.line, text: text.into() }
    }

    /// Gives the next key of a mapping, nothing at its end.
    fn key(&mut self) -> Result<Option<String>, Fault> {
        match self.next()? {
            Event::MappingEnd => Ok(None),
            Event::Scalar(key, _, 0, None) => Ok(Some(key.into_owned())),
            _ => Err(self.fault("a key is a plain text, without anchor or tag")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        let event = self.next()?;
        self.value_of(event, depth)
    }

    fn value_of(&mut self, event: Event<'t>, depth: usize) -> Result<Value, Fault> {
        if depth > DEEPEST {
            return Err(self.fault(format!("deeper than {DEEPEST} levels")));
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) => Ok(plain(&text)),
            Event::Scalar(text, _, 0, None) => Ok(Value::String(text.into_owned())),
            Event::SequenceStart(0, None) => {
                let mut elements = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::Array(elements)),
                        event => elements.push(self.value_of(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(0, None) => {
                let mut members = Map::new();
                while let Some(key) = self.key()? {
                    if members.contains_key(&key) {
                        return Err(self.fault(format!("`{key}` stands here twice")));
                    }
                    let value = self.value(depth + 1)?;
                    members.insert(key, value);
                }
                Ok(Value::Object(members))
            }
            _ => Err(self.fault("anchors, aliases and tags are not taken: write the value out")),
        }
    }
}

/// Reads a scalar without quotes as JSON does; what JSON does not know is a text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        text => match serde_json::from_str::<Number>(text) {
            Ok(number) => Value::Number(number),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}
