//! Questions to a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApprovalId, Digest, Principal, RunId, Timestamp};

/// Where a question to a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has answered.
    Pending,
    /// Allowed, and not yet used.
    Approved,
    /// Allowed, and used: it cannot be used again.
    Consumed,
    /// Denied.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The run that asked is over.
    Withdrawn,
}

impl ApprovalState {
    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Consumed => "consumed",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Go ahead, once.
    Allow,
    /// Go ahead, once, but with this in place of the tool's input. Only where the question is `editable`.
    AllowEdited {
        /// The input, as the agent's tool takes it.
        input: Value,
    },
    /// No.
    Deny {
        /// What the agent, or whoever launched the run, should know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        feedback: Option<String>,
    },
}

/// A question to a person: bound to the digest of the exact request, answered once, used once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Names it.
    pub approval_id: ApprovalId,
    /// The run that waits for it.
    pub run_id: RunId,
    /// `spawn`, `continue` or `permission`.
    pub action: String,
    /// Who asks, from the root.
    pub chain: Vec<Principal>,
    /// The exact request.
    pub detail: Value,
    /// Whether the answer may put another input in place of `detail.detail.input`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
    /// SHA-256 of the request in canonical JSON, its action, chain, working directory and access included.
    pub digest: Digest,
    /// The rule that asks.
    pub rule: Option<String>,
    /// Why it asks.
    pub reason: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it lapses.
    pub expires_at: Timestamp,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was answered, lapsed or was withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Who answered, and how: `cli:<user>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<String>,
    /// What was said along with a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
}
