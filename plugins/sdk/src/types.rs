//! Plain data that every world speaks: interface `types`.

use serde::de::{Deserialize, Deserializer, Error};

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
    /// All of them, from the closest to the widest: they are ordered so.
    pub const ALL: [Self; 3] = [Self::ReadOnly, Self::WorkspaceWrite, Self::Full];

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

/// Access in a configuration is the word of [`Access::as_str`].
impl<'de> Deserialize<'de> for Access {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const WORDS: &[&str] = &["read-only", "workspace-write", "full"];
        let word = String::deserialize(deserializer)?;
        let known = Self::ALL.into_iter().find(|access| access.as_str() == word);
        known.ok_or_else(|| D::Error::unknown_variant(&word, WORDS))
    }
}

impl Message {
    /// Makes a message of one text.
    #[must_use]
    pub fn text(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, parts: vec![Part::Text(text.into())], metadata: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_is_read_by_its_word_and_ordered() {
        for access in Access::ALL {
            assert_eq!(serde_json::from_value::<Access>(access.as_str().into()).unwrap(), access);
        }
        assert!(Access::ALL.is_sorted() && Access::ReadOnly < Access::Full);
        let error = serde_json::from_value::<Access>("any".into()).unwrap_err().to_string();
        assert_eq!(error, "unknown variant `any`, expected one of `read-only`, `workspace-write`, `full`");
    }
}
