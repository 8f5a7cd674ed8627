//! Building events.

use serde_json::{Map, Value};

use crate::kind;
use crate::types::{Event, Usage};

/// An event on its way: a kind, an item it may belong to, and fields.
///
/// ```
/// use pointsman_sdk::{Draft, kind, types::Event};
///
/// let event: Event = Draft::new(kind::COMMAND_FINISHED)
///     .item("item_3")
///     .field("command", "ls")
///     .maybe("exit_code", Some(0))
///     .maybe("signal", None::<i32>)
///     .into();
/// assert_eq!(event.data, r#"{"command":"ls","exit_code":0}"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    kind: String,
    item: Option<String>,
    data: Map<String, Value>,
}

impl Draft {
    /// Begins an event of this kind; see [`kind`](crate::kind) for those that have a meaning of their own.
    #[must_use]
    pub fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), item: None, data: Map::new() }
    }

    /// Tells what the run has used by now, since this plugin took it up: all of it, not what came since the last time. The
    /// outcome says the last word; nothing is counted twice.
    ///
    /// ```
    /// use pointsman_sdk::{Draft, types::{Event, Usage}};
    ///
    /// let used = Usage { input_tokens: 7, cached_input_tokens: 5, output_tokens: 1, cost_micro_usd: None };
    /// let event: Event = Draft::usage(&used).into();
    /// assert_eq!(event.kind, "usage_updated");
    /// assert_eq!(event.data, r#"{"cached_input_tokens":5,"input_tokens":7,"output_tokens":1}"#);
    /// ```
    #[must_use]
    pub fn usage(used: &Usage) -> Self {
        Self::new(kind::USAGE_UPDATED)
            .field("input_tokens", used.input_tokens)
            .field("cached_input_tokens", used.cached_input_tokens)
            .field("output_tokens", used.output_tokens)
            .maybe("cost_micro_usd", used.cost_micro_usd)
    }

    /// Names the command, tool call or message that the event belongs to.
    #[must_use]
    pub fn item(mut self, id: impl Into<String>) -> Self {
        self.item = Some(id.into());
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a field if there is something to say.
    #[must_use]
    pub fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.field(name, value),
            None => self,
        }
    }

    /// Adds what is in a JSON object; a field that is there already is replaced.
    #[must_use]
    pub fn fields(mut self, fields: Map<String, Value>) -> Self {
        self.data.extend(fields);
        self
    }
}

impl From<Draft> for Event {
    fn from(draft: Draft) -> Self {
        Self { kind: draft.kind, item: draft.item, data: Value::Object(draft.data).to_string() }
    }
}
