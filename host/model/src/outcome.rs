//! How a run ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Status;

/// Stable words for the cause of anything but success.
pub mod reason {
    /// A host died and left the run behind.
    pub const HOST_RESTARTED: &str = "host_restarted";
    /// The host was asked to stop.
    pub const SHUTDOWN: &str = "shutdown";
    /// The agent ended its output without saying how the task ended.
    pub const NO_OUTCOME: &str = "no_outcome";
    /// The plugin trapped, ran out of fuel or time, or answered nonsense.
    pub const PLUGIN_FAILED: &str = "plugin_failed";
    /// The plugin refused the task.
    pub const TASK_REFUSED: &str = "task_refused";
    /// A policy denied the request.
    pub const POLICY_DENIED: &str = "policy_denied";
    /// A person denied the request.
    pub const APPROVAL_DENIED: &str = "approval_denied";
    /// Nobody answered in time.
    pub const APPROVAL_EXPIRED: &str = "approval_expired";
    /// Somebody asked for the run to be cancelled.
    pub const CANCELLED: &str = "cancelled";
    /// The answer is not what the output schema asks for.
    pub const OUTPUT_SCHEMA_MISMATCH: &str = "output_schema_mismatch";
    /// A budget came to its end.
    pub const BUDGET_EXHAUSTED: &str = "budget_exhausted";
    /// The store could not take what the run produced.
    pub const STORE_FAILED: &str = "store_failed";
    /// It could not be recorded in the audit log, and so did not happen.
    pub const AUDIT_FAILED: &str = "audit_failed";
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words are those of `Status`")]
pub enum Ending {
    Completed,
    Failed,
    Rejected,
    Cancelled,
}

impl From<Ending> for Status {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Completed => Self::Completed,
            Ending::Failed => Self::Failed,
            Ending::Rejected => Self::Rejected,
            Ending::Cancelled => Self::Cancelled,
        }
    }
}

/// What a run used, as far as its provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Of these, tokens that came from the provider's cache.
    pub cached_input_tokens: u64,
    /// Tokens written, reasoning included.
    pub output_tokens: u64,
    /// Millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

impl Usage {
    /// Reads what an event of kind `usage_updated` tells; `None` if it tells no number.
    #[must_use]
    pub fn of_event(data: &Map<String, Value>) -> Option<Self> {
        let number = |name: &str| data.get(name).and_then(Value::as_u64);
        let (input, output, cost) =
            (number("input_tokens"), number("output_tokens"), number("cost_micro_usd"));
        (input.is_some() || output.is_some() || cost.is_some()).then(|| Self {
            input_tokens: input.unwrap_or(0),
            cached_input_tokens: number("cached_input_tokens").unwrap_or(0),
            output_tokens: output.unwrap_or(0),
            cost_micro_usd: cost,
        })
    }

    /// Writes it into an event of kind `usage_updated`, over what the event said.
    pub fn into_event(self, data: &mut Map<String, Value>) {
        data.insert("input_tokens".to_owned(), self.input_tokens.into());
        data.insert("cached_input_tokens".to_owned(), self.cached_input_tokens.into());
        data.insert("output_tokens".to_owned(), self.output_tokens.into());
        if let Some(cost) = self.cost_micro_usd {
            data.insert("cost_micro_usd".to_owned(), cost.into());
        }
    }

    /// Gives all tokens, read and written.
    #[must_use]
    pub fn tokens(self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Adds what was used besides.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_add(other.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micro_usd: match (self.cost_micro_usd, other.cost_micro_usd) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            },
        }
    }

    /// Gives what was used by a later count, which never takes back what an earlier one has told.
    #[must_use]
    pub fn then(self, later: Self) -> Self {
        // Together: which tokens were read and which were written may become known later.
        let tokens = if later.tokens() >= self.tokens() { later } else { self };
        Self { cost_micro_usd: self.cost_micro_usd.max(later.cost_micro_usd), ..tokens }
    }
}

/// Why a run did not end well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// A stable word, such as those in [`reason`].
    pub reason: String,
    /// For people: what failed and what would help.
    pub message: String,
}

/// How a run ended, with what it leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The ending.
    pub ending: Ending,
    /// The agent's last word.
    pub final_response: Option<String>,
    /// The answer that the output schema asked for.
    pub structured_output: Option<Value>,
    /// What was used.
    pub usage: Option<Usage>,
    /// Why it did not end well.
    pub failure: Option<Failure>,
}

impl Outcome {
    /// Makes an outcome of a failure.
    #[must_use]
    pub fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self::without_result(Ending::Failed, reason, message)
    }

    /// Makes an outcome that leaves nothing but its cause.
    #[must_use]
    pub fn without_result(ending: Ending, reason: &str, message: impl Into<String>) -> Self {
        Self {
            ending,
            final_response: None,
            structured_output: None,
            usage: None,
            failure: Some(Failure { reason: reason.to_owned(), message: message.into() }),
        }
    }
}
