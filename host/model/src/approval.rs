//! Questions to a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ApprovalId, Digest, Principal, RunId, Scope, Timestamp};

/// Where a question to a person stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// Nobody has answered.
    Pending,
    /// Allowed, and not yet used; or standing, and good for another use.
    Approved,
    /// Allowed, and used: it cannot be used again.
    Consumed,
    /// Denied.
    Denied,
    /// Nobody answered in time, or the time of the answer is over.
    Expired,
    /// The agent took the question back or asked anew, or another answer covers it.
    Superseded,
    /// The run that asked is over.
    Withdrawn,
    /// Allowed, and taken back by a person: it is good for no further use.
    Revoked,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Approved,
        Self::Consumed,
        Self::Denied,
        Self::Expired,
        Self::Superseded,
        Self::Withdrawn,
        Self::Revoked,
    ];

    /// Says whether a question that stands here may come to stand there. What is consumed, denied, expired, superseded,
    /// withdrawn or revoked stays so: nothing is ever used twice, or after it was taken back.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            // What was never allowed cannot be used or taken back.
            Self::Pending => !matches!(next, Self::Consumed | Self::Revoked),
            // A standing approval that is used again goes on to stand.
            Self::Approved => matches!(
                next,
                Self::Approved | Self::Consumed | Self::Expired | Self::Withdrawn | Self::Revoked
            ),
            Self::Consumed
            | Self::Denied
            | Self::Expired
            | Self::Superseded
            | Self::Withdrawn
            | Self::Revoked => false,
        }
    }

    /// Reads the word used in JSON.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Consumed => "consumed",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
        }
    }
}

/// A person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Go ahead.
    Allow {
        /// How far that reaches: no further than the question's `scope`.
        #[serde(default, skip_serializing_if = "Scope::is_once")]
        scope: Scope,
        /// When it ends at the latest. Needed with the scope `session`, without meaning with `once`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
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

impl Answer {
    /// Go ahead, once.
    #[must_use]
    pub const fn allow_once() -> Self {
        Self::Allow { scope: Scope::Once, until: None }
    }
}

/// What an allowance covers beyond its first use: exactly the same request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// `run` or `session`.
    pub scope: Scope,
    /// When it ends at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Standing {
    /// Says whether its time is over.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }
}

/// Who took back what was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Who, and how: `cli:<user>`.
    pub by: String,
}

/// A question to a person: bound to the digest of the exact request, answered once, and used once unless the answer says
/// that it stands.
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
    /// SHA-256 of the request in canonical JSON, its action, chain, working directory and access included. What only
    /// names this one occurrence is left out: `detail.agent_name` of a launch, `detail.detail.ids` of a permission.
    pub digest: Digest,
    /// The widest that an answer may reach.
    #[serde(default, skip_serializing_if = "Scope::is_once")]
    pub scope: Scope,
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
    /// When it was answered, lapsed, was superseded or withdrawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// Who answered, and how: `cli:<user>`, `webhook:<name>`, `a2a:<client>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_by: Option<String>,
    /// What was said along with a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<String>,
    /// What it covers beyond its first use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// How often its run has used it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub uses: u32,
    /// When its run used it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// The question that took its place, or the answer that covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<ApprovalId>,
    /// Who took it back, if somebody did. Who had allowed it stays on record besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revocation>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_without_a_scope_is_for_once() {
        let plain = json!({"answer": "allow"});
        assert_eq!(serde_json::from_value::<Answer>(plain.clone()).unwrap(), Answer::allow_once());
        assert_eq!(serde_json::to_value(Answer::allow_once()).unwrap(), plain);
        let wide = json!({"answer": "allow", "scope": "session", "until": "2026-11-21T12:00:00.000Z"});
        let answer: Answer = serde_json::from_value(wide.clone()).unwrap();
        assert!(matches!(answer, Answer::Allow { scope: Scope::Session, until: Some(_) }));
        assert_eq!(serde_json::to_value(answer).unwrap(), wide);
    }

    /// The whole table: what is over stays over, and only an allowance is ever used.
    #[test]
    fn a_question_goes_one_way() {
        use ApprovalState::{Approved, Consumed, Denied, Expired, Pending, Revoked, Superseded, Withdrawn};
        let may = [
            (Pending, vec![Pending, Approved, Denied, Expired, Superseded, Withdrawn]),
            (Approved, vec![Approved, Consumed, Expired, Withdrawn, Revoked]),
            (Consumed, vec![]),
            (Denied, vec![]),
            (Expired, vec![]),
            (Superseded, vec![]),
            (Withdrawn, vec![]),
            (Revoked, vec![]),
        ];
        for (from, next) in may {
            for to in ApprovalState::ALL {
                assert_eq!(from.may_become(to), next.contains(&to), "{from:?} to {to:?}");
            }
        }
    }
}
