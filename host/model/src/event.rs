//! Events: what a run tells the world.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{RunId, SessionId, Timestamp};

/// A text that is no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no kind of event: it is one of the known words or x_<plugin>_<name>, of lower-case letters, digits \
     and underscores, at most 64"
)]
pub struct InvalidKind {
    /// The text, cut to 80 characters.
    pub text: String,
}

/// What an event is about: the field `type` on the wire.
///
/// One of [`EventKind::KNOWN`], or `x_<plugin>_<name>` for a kind of a plugin's own.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct EventKind(std::borrow::Cow<'static, str>);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        #[expect(missing_docs, reason = "each constant is the word it holds")]
        impl EventKind {
            $($(#[$doc])* pub const $name: Self = Self(std::borrow::Cow::Borrowed($word));)+

            /// Every kind that has a meaning of its own.
            pub const KNOWN: &[&str] = &[$($word),+];
        }
    };
}

kinds! {
    RUN_STARTED = "run_started",
    STATUS_CHANGED = "status_changed",
    AGENT_MESSAGE = "agent_message",
    MESSAGE_ADDED = "message_added",
    REASONING = "reasoning",
    COMMAND_STARTED = "command_started",
    COMMAND_UPDATED = "command_updated",
    COMMAND_FINISHED = "command_finished",
    FILE_CHANGED = "file_changed",
    TOOL_STARTED = "tool_started",
    TOOL_FINISHED = "tool_finished",
    ARTIFACT_ADDED = "artifact_added",
    TODO_UPDATED = "todo_updated",
    INPUT_REQUIRED = "input_required",
    AUTH_REQUIRED = "auth_required",
    APPROVAL_REQUIRED = "approval_required",
    APPROVAL_RESOLVED = "approval_resolved",
    BUDGET_WARNING = "budget_warning",
    USAGE_UPDATED = "usage_updated",
    REJECTED = "rejected",
    RUN_COMPLETED = "run_completed",
    RUN_FAILED = "run_failed",
}

impl EventKind {
    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether only the host may make events of this kind: those that end a run or concern its approval or budget.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        [
            Self::REJECTED,
            Self::RUN_COMPLETED,
            Self::RUN_FAILED,
            Self::BUDGET_WARNING,
            Self::APPROVAL_REQUIRED,
            Self::APPROVAL_RESOLVED,
        ]
        .contains(self)
    }
}

impl TryFrom<String> for EventKind {
    type Error = InvalidKind;

    fn try_from(text: String) -> Result<Self, InvalidKind> {
        if let Some(known) = Self::KNOWN.iter().find(|word| **word == text) {
            return Ok(Self(std::borrow::Cow::Borrowed(known)));
        }
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        // `x_` then a plugin's name and a name of its own, each of at least one character.
        let own = text.strip_prefix("x_").and_then(|rest| rest.split_once('_'));
        match own {
            Some((plugin, name)) if plain && text.len() <= 64 && !plugin.is_empty() && !name.is_empty() => {
                Ok(Self(std::borrow::Cow::Owned(text)))
            }
            _ => Err(InvalidKind { text: text.chars().take(80).collect() }),
        }
    }
}

impl From<EventKind> for String {
    fn from(kind: EventKind) -> Self {
        kind.0.into_owned()
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// An event before it has its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// When the adapter made it.
    pub ts: Timestamp,
    /// What it is about.
    pub kind: EventKind,
    /// Its content, `item_id` included where it has one.
    pub data: Map<String, Value>,
}

/// What a run tells the world, stored and numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// From 1, one more for each event of a run.
    pub seq: u64,
    /// When the adapter made it.
    pub ts: Timestamp,
    /// The run it belongs to.
    pub run_id: RunId,
    /// The session of that run.
    pub session_id: SessionId,
    /// The backend that drives it.
    pub backend: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Its content.
    pub data: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("agent_message", true)]
    #[case("x_codex_unknown_item", true)]
    #[case("x_codex", false)]
    #[case("x__a", false)]
    #[case("agent_massage", false)]
    #[case("X_codex_a", false)]
    #[case("x_codex_ä", false)]
    #[case("", false)]
    fn kinds_are_known_or_a_plugins_own(#[case] text: &str, #[case] valid: bool) {
        assert_eq!(EventKind::try_from(text.to_owned()).is_ok(), valid);
    }
}
