//! What plugins say of themselves.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::CapabilityRequest;

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The name it is configured by.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// JSON Schema that its configuration must satisfy.
    pub config_schema: Value,
    /// Every capability that it may use.
    pub requests: Vec<CapabilityRequest>,
}

/// What a backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Takes up an earlier run's conversation.
    Resume,
    /// Takes further messages while the run is running.
    LiveInput,
    /// Asks before its agent acts.
    Permissions,
    /// Honours an output schema.
    StructuredOutput,
    /// Hands images to its agent.
    Images,
}

/// A program that an adapter drives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TestedProgram {
    /// Its id in the operator's table.
    pub program: String,
    /// The oldest version that the adapter was tested with.
    pub oldest: String,
    /// The newest.
    pub newest: String,
    /// How an operator gets it, as one line for a shell.
    pub install: String,
}

/// What a backend says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct About {
    /// As every plugin.
    pub common: Description,
    /// What it can do.
    pub features: BTreeSet<Feature>,
    /// The programs that it drives, and their versions that it was tested with.
    pub tested: Vec<TestedProgram>,
}
