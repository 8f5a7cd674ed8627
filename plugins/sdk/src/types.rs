//! Plain data that every world speaks: interface `types`.

pub use crate::bindings::common::pointsman::plugin::types::{
    Access, CapabilityRequest, Description, Event, FilePart, Json, Message, Part, Speaker, Timestamp, Usage,
};

impl CapabilityRequest {
    /// Asks for a capability, with a sentence that an operator reads before granting it.
    #[must_use]
    pub fn new(leaf: &str, target: &str, why: &str) -> Self {
        Self { leaf: leaf.to_owned(), target: target.to_owned(), why: why.to_owned() }
    }
}

impl Access {
    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::WorkspaceWrite => "workspace-write",
            Self::Full => "full",
        }
    }
}

impl Message {
    /// Makes a message of one text.
    #[must_use]
    pub fn text(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, parts: vec![Part::Text(text.into())], metadata: None }
    }
}
