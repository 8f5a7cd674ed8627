//! What is said to an agent, or by it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who says a message: the field `role` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// A person, or the agent that launched the run.
    User,
    /// The agent that runs.
    Agent,
    /// An instruction that outranks the user's.
    System,
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Plain text.
    Text {
        /// Never empty.
        #[schemars(length(min = 1))]
        text: String,
    },
    /// A JSON object.
    Data {
        /// The object.
        data: Map<String, Value>,
    },
    /// A file, by reference, by value, or both.
    File {
        /// Where the file lies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uri: Option<String>,
        /// The file's content in base64.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_base64: Option<String>,
        /// Its media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// A name to show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

/// What is said to an agent, or by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who says it.
    #[serde(rename = "role")]
    pub speaker: Speaker,
    /// At least one.
    #[schemars(length(min = 1))]
    pub parts: Vec<Part>,
    /// The caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl Message {
    /// Makes a message of one text.
    #[must_use]
    pub fn text(speaker: Speaker, text: impl Into<String>) -> Self {
        Self { speaker, parts: vec![Part::Text { text: text.into() }], metadata: None }
    }

    /// Gives the text parts, joined by blank lines.
    #[must_use]
    pub fn plain_text(&self) -> String {
        let texts: Vec<&str> = self
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text } => Some(text.as_str()),
                Part::Data { .. } | Part::File { .. } => None,
            })
            .collect();
        texts.join("\n\n")
    }
}
