//! World `sanitizer-plugin`: looks at every event before it is stored.

pub use crate::bindings::sanitizer::exports::pointsman::plugin::sanitizer::{
    Artifact, Guest, Outcome, Rewritten,
};
pub use crate::types::{Description, Event};
