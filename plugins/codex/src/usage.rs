//! Tokens: codex counts a whole conversation, a run counts itself.

use pointsman_sdk::types::Usage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a conversation has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tokens {
    input_tokens: u64,
    cached_input_tokens: u64,
    /// Those spent on reasoning are among them.
    output_tokens: u64,
}

impl Tokens {
    /// Reads what the app server says of a conversation.
    pub(crate) fn of_app_server(total: &Value) -> Option<Self> {
        let count = |name: &str| total.get(name).and_then(Value::as_u64);
        Some(Self {
            input_tokens: count("inputTokens")?,
            cached_input_tokens: count("cachedInputTokens").unwrap_or_default(),
            output_tokens: count("outputTokens")?,
        })
    }

    /// Gives what was used since an earlier count.
    pub(crate) fn since(self, earlier: Self) -> Usage {
        Usage {
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_sub(earlier.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            // Codex does not know its price.
            cost_micro_usd: None,
        }
    }
}
