//! How much of the machine an agent may touch.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of the machine an agent may touch, from least to most.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reads, and commands that change nothing.
    ReadOnly,
    /// Writes inside the run's working directory, without network.
    #[default]
    WorkspaceWrite,
    /// Whatever the operator's user may do.
    Full,
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

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Access {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::ReadOnly, Self::WorkspaceWrite, Self::Full]
            .into_iter()
            .find(|access| access.as_str() == word)
            .ok_or_else(|| format!("access is read-only, workspace-write or full, not {word:?}"))
    }
}
