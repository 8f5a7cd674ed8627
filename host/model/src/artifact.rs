//! Values that were moved out of events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an event's `artifact_refs` says of a value that lies beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArtifactRef {
    /// JSON Pointer into the event's data.
    pub field_path: String,
    /// The manifest's path in the run folder, whether or not that folder is written.
    pub relpath: String,
    /// `text/plain` or `application/json`.
    pub mime: String,
    /// Always `utf-8`.
    pub encoding: String,
    /// The whole value's size in bytes.
    pub total_bytes: u64,
    /// The whole text's length in characters; only for text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_chars: Option<u64>,
    /// How many files of at most 65,536 bytes it takes in the run folder.
    pub chunk_count: u64,
    /// Always true: what stands in the event is not the whole.
    pub truncated: bool,
}

/// A value on its way out of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpilledValue {
    /// JSON Pointer into the event's data.
    pub pointer: String,
    /// `text/plain` or `application/json`.
    pub mime: String,
    /// The whole value.
    pub content: String,
}

impl SpilledValue {
    /// The size of a file in a run folder, in bytes, at most; files end on character boundaries.
    pub const CHUNK: usize = 65_536;

    /// Gives the reference that an event of this number and kind carries.
    #[must_use]
    pub fn reference(&self, seq: u64, kind: &str) -> ArtifactRef {
        ArtifactRef {
            field_path: self.pointer.clone(),
            relpath: format!("artifacts/{seq:06}-{kind}/manifest.json"),
            mime: self.mime.clone(),
            encoding: "utf-8".to_owned(),
            total_bytes: self.content.len() as u64,
            total_chars: (self.mime == "text/plain").then(|| self.content.chars().count() as u64),
            chunk_count: self.chunks().count() as u64,
            truncated: true,
        }
    }

    /// Cuts the content into the pieces that a run folder stores.
    pub fn chunks(&self) -> impl Iterator<Item = &str> {
        let mut rest = self.content.as_str();
        let mut first = true;
        std::iter::from_fn(move || {
            if rest.is_empty() && !first {
                return None;
            }
            first = false;
            let end = rest.floor_char_boundary(Self::CHUNK);
            let (piece, left) = rest.split_at(end);
            rest = left;
            Some(piece)
        })
    }
}
