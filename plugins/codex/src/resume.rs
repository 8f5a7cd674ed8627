//! What a run leaves for the one that takes its session up.

use serde::{Deserialize, Serialize};

use crate::usage::Tokens;

/// A conversation of codex's. Both protocols know it by the same id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Resume {
    /// Codex's id of the conversation.
    pub(crate) thread_id: String,
    /// What the conversation had used by then: codex counts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) usage: Option<Tokens>,
}

impl Resume {
    /// Reads what an earlier run remembered.
    pub(crate) fn read(json: &str) -> Result<Self, String> {
        let resume: Self = serde_json::from_str(json)
            .map_err(|error| format!("what the session remembers is no codex conversation: {error}"))?;
        // It becomes an argument, and must not be taken for a flag.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if resume.thread_id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && resume.thread_id.chars().all(plain)
        {
            Ok(resume)
        } else {
            Err(format!("{:?} is no id of a codex conversation", resume.thread_id))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_conversation_is_refused() {
        assert!(Resume::read(r#"{"thread_id":"0199-a"}"#).is_ok());
        for wrong in [r#"{"thread_id":"--last"}"#, r#"{"thread_id":""}"#, r#"{"thread_id":"a b"}"#, "{}", "7"]
        {
            assert!(Resume::read(wrong).is_err(), "{wrong}");
        }
    }
}
