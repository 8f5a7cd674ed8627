//! What a run is doing.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a run is doing, as everybody sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted and durable; nothing was launched yet.
    Queued,
    /// A person must confirm before anything goes on.
    ApprovalRequired,
    /// The agent works.
    Running,
    /// The agent waits for a further message.
    InputRequired,
    /// The agent waits for its user to authorize something elsewhere.
    AuthRequired,
    /// Ended well.
    Completed,
    /// Ended badly; the error says why.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
    /// Never allowed, or refused by the agent.
    Rejected,
}

impl Status {
    /// Every status, in the order of a run's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::ApprovalRequired,
        Self::Running,
        Self::InputRequired,
        Self::AuthRequired,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// Says whether a run with this status has ended for good.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Rejected)
    }

    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::ApprovalRequired => "approval_required",
            Self::Running => "running",
            Self::InputRequired => "input_required",
            Self::AuthRequired => "auth_required",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }

    /// Reads the word used in JSON.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What an agent is doing: the status of its newest run, or `idle` if it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of `Status`")]
pub enum AgentStatus {
    /// A session without a run.
    Idle,
    Queued,
    ApprovalRequired,
    Running,
    InputRequired,
    AuthRequired,
    Completed,
    Failed,
    Cancelled,
    Rejected,
}

impl From<Status> for AgentStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Queued => Self::Queued,
            Status::ApprovalRequired => Self::ApprovalRequired,
            Status::Running => Self::Running,
            Status::InputRequired => Self::InputRequired,
            Status::AuthRequired => Self::AuthRequired,
            Status::Completed => Self::Completed,
            Status::Failed => Self::Failed,
            Status::Cancelled => Self::Cancelled,
            Status::Rejected => Self::Rejected,
        }
    }
}
