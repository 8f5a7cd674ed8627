//! What identifies a run at its provider.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What identifies a run or a session at its provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteRef {
    /// The backend.
    pub provider: String,
    /// The provider's id of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
    /// The provider's id of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// A2A's context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    /// Where the agent answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_url: Option<String>,
    /// What the agent calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

impl RemoteRef {
    /// Merges what an event's data says about the provider's ids; gives `None` if it says nothing.
    ///
    /// Reads `remote_ref`, or the loose keys `backend_session_id`, `thread_id`, `conversation_id`, `context_id`,
    /// `task_id`, `agent_url` and `agent_name`.
    #[must_use]
    pub fn merged(known: Option<&Self>, provider: &str, data: &Map<String, Value>) -> Option<Self> {
        let nested = data.get("remote_ref").and_then(Value::as_object);
        let text = |key: &str| {
            nested
                .and_then(|inner| inner.get(key))
                .or_else(|| data.get(key))
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let said = Self {
            provider: provider.to_owned(),
            conversation_id: text("conversation_id")
                .or_else(|| text("backend_session_id"))
                .or_else(|| text("thread_id")),
            task_id: text("task_id"),
            context_id: text("context_id"),
            agent_url: text("agent_url"),
            agent_name: text("agent_name"),
            metadata: nested.and_then(|inner| inner.get("metadata")).and_then(Value::as_object).cloned(),
        };
        let silent = said.conversation_id.is_none()
            && said.task_id.is_none()
            && said.context_id.is_none()
            && said.agent_url.is_none()
            && said.agent_name.is_none()
            && said.metadata.is_none();
        if silent {
            return None;
        }
        let Some(known) = known else { return Some(said) };
        let known = known.clone();
        Some(Self {
            provider: said.provider,
            conversation_id: said.conversation_id.or(known.conversation_id),
            task_id: said.task_id.or(known.task_id),
            context_id: said.context_id.or(known.context_id),
            agent_url: said.agent_url.or(known.agent_url),
            agent_name: said.agent_name.or(known.agent_name),
            metadata: said.metadata.or(known.metadata),
        })
    }
}
