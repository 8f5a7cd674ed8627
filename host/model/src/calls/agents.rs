//! Agents and their mail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{AgentRecord, AgentStatus, Mail, Message, MessageId, SessionId, Timestamp};

/// Input of `list_agents`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListAgents {
    /// Only agents in this working directory.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Only agents of this backend.
    #[serde(default)]
    pub backend: Option<String>,
    /// Only agents with this status.
    #[serde(default)]
    pub status: Option<AgentStatus>,
}

/// Output of `list_agents`: newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedAgents {
    /// The agents.
    pub agents: Vec<AgentRecord>,
    /// True if there are more than fit into the answer; narrow the question.
    #[serde(default)]
    pub truncated: bool,
}

/// Input of `send_agent_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SendAgentMessage {
    /// Whose inbox.
    pub to_agent_name: String,
    /// What to say.
    pub message: Message,
    /// Who says it.
    #[serde(default)]
    pub from_agent_name: Option<String>,
    /// The working directory of both.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Your own.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
}

/// Output of `send_agent_message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SentMessage {
    /// The message.
    pub message_id: MessageId,
    /// Whose inbox.
    pub to_agent_name: String,
    /// That one's session.
    pub to_session_id: SessionId,
    /// Its number there; not yet if a person must confirm it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// What a person must do before it is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Input of `fetch_agent_messages`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FetchAgentMessages {
    /// Whose inbox.
    pub agent_name: String,
    /// Narrows the name.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Messages after this number. Default 0.
    #[serde(default)]
    pub after_seq: Option<u64>,
    /// At most so many, 1 to 1000. Default 100.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
}

/// Output of `fetch_agent_messages`. Reading takes nothing away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchedMessages {
    /// Whose inbox.
    pub agent_name: String,
    /// That one's session.
    pub session_id: SessionId,
    /// The messages.
    pub messages: Vec<Mail>,
    /// Give this as after_seq next time.
    pub next_after_seq: u64,
    /// True if there are more already.
    #[serde(default)]
    pub truncated: bool,
}
