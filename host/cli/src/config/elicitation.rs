//! `[approvals.elicitation]`: clients whose person is asked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::load::Loaded;
use super::settings::senseless;
use super::text_duration::TextDuration;

/// MCP clients that speak for a person: what waits for one is put to them as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Elicitation {
    /// The clients, by the name that each gives itself: `clientInfo.name` of MCP, such as `claude-code`. Empty: none. A
    /// name is no proof: whatever runs as your user, and below no agent of this host, can give itself that name.
    pub(crate) clients: Vec<String>,
    /// How long a client is asked. After that its dialog is closed, and the question waits for another channel.
    pub(crate) timeout: TextDuration,
    /// Whether these clients are asked even where an approver's secret is set, for which they cannot be asked.
    pub(crate) instead_of_secret: bool,
}

impl Default for Elicitation {
    fn default() -> Self {
        Self { clients: Vec::new(), timeout: TextDuration::from_secs(3_600), instead_of_secret: false }
    }
}

/// Makes the face's settings of it.
pub(crate) fn elicitation(loaded: &Loaded) -> Result<pointsman_mcp::Elicitation, ConfigError> {
    let said = &loaded.config.approvals.elicitation;
    let wrong = |key: &str, message: &str| {
        senseless(loaded, &format!("approvals.elicitation.{key}"), message.to_owned())
    };
    if said.clients.iter().any(|client| client.trim().is_empty()) {
        return Err(wrong("clients", "a client has a name, such as \"claude-code\""));
    }
    if said.timeout.get() < Duration::from_secs(1) {
        return Err(wrong("timeout", "nobody could answer in that time; give at least 1s"));
    }
    Ok(pointsman_mcp::Elicitation {
        clients: said.clients.clone(),
        timeout: said.timeout.get(),
        instead_of_secret: said.instead_of_secret,
    })
}
