//! What a run leaves for the one that takes its session up.

use serde::{Deserialize, Serialize};

use crate::address::{Address, shortened};
use crate::state::State;

/// What is kept with the session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Whose conversation it is.
    pub(crate) agent_url: String,
    /// The conversation. Older clients have left this alone.
    #[serde(default)]
    pub(crate) context_id: Option<String>,
    /// The task that was last under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) task_id: Option<String>,
    /// What it was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    /// How many messages were sent, so that no id of one comes twice.
    #[serde(default)]
    pub(crate) messages: u32,
}

impl Memory {
    /// Reads what an earlier run remembered, for an agent that is the same.
    pub(crate) fn read(json: &str, agent: &Address) -> Result<Self, String> {
        let memory: Self = serde_json::from_str(json).map_err(|error| {
            format!("what the session remembers is no conversation with an A2A agent: {error}")
        })?;
        let before = Address::parse(&memory.agent_url)?;
        if before.below() != agent.below() {
            return Err(format!(
                "the session is a conversation with the agent at {}, not with the one at {}",
                shortened(&before.below()),
                shortened(&agent.below())
            ));
        }
        Ok(memory)
    }

    /// Gives the task, if it still waits for what its user says.
    pub(crate) fn waiting_task(&self) -> Option<&str> {
        let waits = self.state.as_deref().and_then(State::read).is_some_and(State::is_interrupted);
        self.task_id.as_deref().filter(|_| waits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_taken_up_with_the_same_agent_alone() {
        let memory =
            r#"{"agent_url":"http://h:1/a/","context_id":"c","task_id":"t","state":"input-required"}"#;
        let read = Memory::read(memory, &Address::parse("http://H:1/a").unwrap()).unwrap();
        assert_eq!(read.waiting_task(), Some("t"));
        assert!(Memory::read(memory, &Address::parse("http://h:2/a").unwrap()).is_err());
        assert!(Memory::read(r#"{"thread_id":"x"}"#, &Address::parse("http://h:1").unwrap()).is_err());
    }
}
