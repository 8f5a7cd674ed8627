//! Tokens: codex counts a whole conversation, a run counts itself.

use pointsman_sdk::types::Usage;
use serde::{Deserialize, Serialize};

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
