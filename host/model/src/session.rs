//! Sessions, the agents that live in them, and their mail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentStatus, Message, MessageId, RemoteRef, Role, RunId, SessionId, Timestamp};

/// A conversation that consecutive runs share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// Names it.
    pub session_id: SessionId,
    /// Its name, unique in its working directory.
    pub agent_name: String,
    /// Where it works.
    pub cwd: String,
    /// The backend it is bound to.
    pub backend: String,
    /// What its last run asked to remember.
    pub remembered: Option<Value>,
    /// What identifies it at its provider.
    pub remote_ref: Option<RemoteRef>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
}

/// What is known of an agent: one element of `list_agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentRecord {
    /// Its name.
    pub agent_name: String,
    /// The label of its newest run.
    pub role: Option<Role>,
    /// Its session.
    pub session_id: SessionId,
    /// What it is doing.
    pub status: AgentStatus,
    /// Where it works.
    pub cwd: String,
    /// Its newest run.
    pub last_run_id: Option<RunId>,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
}

/// A message from one agent to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Names it.
    pub message_id: MessageId,
    /// From 1, one more for each message of an inbox.
    pub seq: u64,
    /// Who says it sent it.
    pub from_agent_name: Option<String>,
    /// That one's session.
    pub from_session_id: Option<SessionId>,
    /// Whose inbox it lies in.
    pub to_agent_name: String,
    /// That one's session.
    pub to_session_id: SessionId,
    /// When it was sent.
    pub created_at: Timestamp,
    /// What it says.
    pub body: Message,
    /// The sender's own.
    pub metadata: Map<String, Value>,
}
