//! The protocol's JSON: what comes, read with leniency, and what goes, written as the official servers write it.

pub(crate) mod fault;
pub(crate) mod lenient;
pub(crate) mod v03;
pub(crate) mod v1;

use serde_json::{Map, Value};

pub(crate) use fault::Fault;

use crate::view::{Message, State};

/// A version of the protocol. Patch numbers mean nothing to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V03,
}

impl Version {
    /// Reads the header `A2A-Version`. Nobody said anything means 0.3.
    pub(crate) fn read(text: Option<&str>) -> Result<Self, Fault> {
        let text = text.unwrap_or_default().trim();
        let mut numbers = text.split('.');
        match (numbers.next(), numbers.next()) {
            (Some(""), None) | (Some("0"), Some("3")) => Ok(Self::V03),
            (Some("1"), Some("0")) => Ok(Self::V1),
            _ => Err(Fault::VersionNotSupported { version: text.chars().take(40).collect() }),
        }
    }
}

/// A message on its way in, with what its sender wants.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Send {
    pub(crate) message: Message,
    pub(crate) task_id: Option<String>,
    pub(crate) context_id: Option<String>,
    /// Come back at once.
    pub(crate) immediately: bool,
    pub(crate) history: Option<usize>,
    /// Of the request, beside the message's own.
    pub(crate) metadata: Map<String, Value>,
    /// The sender wants to be called back.
    pub(crate) push: bool,
}

/// Which tasks are listed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct List {
    pub(crate) context_id: Option<String>,
    pub(crate) state: Option<State>,
    pub(crate) page_size: u32,
    pub(crate) page_token: Option<String>,
    pub(crate) history: Option<usize>,
    pub(crate) changed_after: Option<pointsman_model::Timestamp>,
    pub(crate) artifacts: bool,
}

/// Puts a member into an object unless there is nothing to say.
pub(crate) fn put(object: &mut Map<String, Value>, key: &str, value: impl Into<Option<Value>>) {
    if let Some(value) = value.into() {
        object.insert(key.to_owned(), value);
    }
}
