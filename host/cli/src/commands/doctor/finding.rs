//! What was found out about one thing.

use serde::Serialize;

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What it is about.
    pub(super) subject: String,
    /// How it stands.
    pub(super) health: Health,
    /// What was found.
    pub(super) detail: String,
    /// The line that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mend: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    /// As it should be.
    Good,
    /// Worth knowing; nothing depends on it.
    Note,
    /// Needed, and not there.
    Missing,
}

impl Finding {
    pub(super) fn new(subject: impl Into<String>, health: Health, detail: impl Into<String>) -> Self {
        Self { subject: subject.into(), health, detail: detail.into(), mend: None }
    }

    /// Adds the line that mends it.
    pub(super) fn mend(mut self, line: impl Into<String>) -> Self {
        self.mend = Some(line.into());
        self
    }
}
