//! The two lines before MCP.

use pointsman_model::HostId;
use serde::{Deserialize, Serialize};

/// Such a line is never longer.
pub(super) const LONGEST: u64 = 4096;

/// What a client says first. Not to be printed: it holds a token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Hello {
    /// It wants to speak MCP.
    Attach {
        /// The token of the run that it belongs to, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
}

/// What it hears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Welcome {
    /// From here on it is MCP.
    Attached {
        /// Who it is attached to.
        host_id: HostId,
    },
    /// It is not heard.
    Refused {
        /// Whether this host is for its own agents alone, and another may take the client.
        elsewhere: bool,
        /// Why.
        message: String,
    },
}
