//! Tokens and cost: Claude Code counts a whole conversation, a run counts itself.

use pointsman_sdk::types::Usage;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a conversation has used so far, helpers included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Count {
    /// Cached ones are among them.
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
    cost_micro_usd: u64,
}

impl Count {
    /// Reads a result. `modelUsage` counts every model and every helper; versions without it tell one turn's `usage`,
    /// which is added to what the run's earlier turns used.
    pub(crate) fn of_result(
        result: &Map<String, Value>,
        before: Self,
        earlier: Option<Self>,
    ) -> Option<Self> {
        let cost = result.get("total_cost_usd").and_then(Value::as_f64).map(micro);
        if let Some(Value::Object(models)) = result.get("modelUsage")
            && !models.is_empty()
        {
            let sum = |names: &[&str]| {
                models.values().flat_map(|model| names.iter().map(|name| number(model, name))).sum()
            };
            return Some(Self {
                input_tokens: sum(&["inputTokens", "cacheReadInputTokens", "cacheCreationInputTokens"]),
                cached_input_tokens: sum(&["cacheReadInputTokens"]),
                output_tokens: sum(&["outputTokens"]),
                cost_micro_usd: cost.unwrap_or_default(),
            });
        }
        let usage = result.get("usage").filter(|usage| usage.is_object());
        if usage.is_none() && cost.is_none() {
            return None;
        }
        let base = earlier.unwrap_or(before);
        let of = |name: &str| usage.map_or(0, |usage| number(usage, name));
        let cached = of("cache_read_input_tokens");
        Some(Self {
            input_tokens: base.input_tokens + of("input_tokens") + cached + of("cache_creation_input_tokens"),
            cached_input_tokens: base.cached_input_tokens + cached,
            output_tokens: base.output_tokens + of("output_tokens"),
            cost_micro_usd: cost.unwrap_or(base.cost_micro_usd),
        })
    }

    /// Gives what was used since an earlier count.
    pub(crate) fn since(self, earlier: Self) -> Usage {
        // A version that does not count on after a resume begins at nothing.
        let counts_on = self.cost_micro_usd >= earlier.cost_micro_usd
            && self.input_tokens >= earlier.input_tokens
            && self.output_tokens >= earlier.output_tokens;
        let earlier = if counts_on { earlier } else { Self::default() };
        Usage {
            input_tokens: self.input_tokens.saturating_sub(earlier.input_tokens),
            cached_input_tokens: self.cached_input_tokens.saturating_sub(earlier.cached_input_tokens),
            output_tokens: self.output_tokens.saturating_sub(earlier.output_tokens),
            cost_micro_usd: Some(self.cost_micro_usd.saturating_sub(earlier.cost_micro_usd)),
        }
    }
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// Dollars as millionths, rounded: they come as sums of floating-point numbers.
fn micro(dollars: f64) -> u64 {
    let millionths = (dollars * 1e6).round();
    if millionths.is_finite() && millionths > 0.0 {
        // A float that is too large becomes the largest number.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked, and saturating"
        )]
        let millionths = millionths as u64;
        millionths
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn count(result: Value) -> Option<Count> {
        Count::of_result(result.as_object().unwrap(), Count::default(), None)
    }

    #[test]
    fn every_model_counts_and_cached_tokens_are_tokens_read() {
        let result = json!({
            "total_cost_usd": 0.010_600_000_000_000_002,
            "usage": { "input_tokens": 1 },
            "modelUsage": {
                "a": { "inputTokens": 10, "outputTokens": 2, "cacheReadInputTokens": 100, "cacheCreationInputTokens": 5 },
                "b": { "inputTokens": 1, "outputTokens": 1 },
            },
        });
        let used = count(result).unwrap().since(Count::default());
        assert_eq!((used.input_tokens, used.cached_input_tokens, used.output_tokens), (116, 100, 3));
        assert_eq!(used.cost_micro_usd, Some(10_600));
    }

    #[test]
    fn a_resumed_conversation_is_charged_what_came_since() {
        let before = Count { input_tokens: 10, output_tokens: 5, cost_micro_usd: 100, ..Count::default() };
        let after = Count { input_tokens: 30, output_tokens: 6, cost_micro_usd: 150, ..Count::default() };
        assert_eq!(after.since(before).input_tokens, 20);
        assert_eq!(after.since(before).cost_micro_usd, Some(50));
        // One that began at nothing again.
        assert_eq!(before.since(after).input_tokens, 10);
    }

    #[test]
    fn without_a_count_of_models_turns_are_added_up() {
        let turn = json!({ "usage": { "input_tokens": 3, "output_tokens": 1 }, "modelUsage": {} });
        let first = count(turn.clone()).unwrap();
        let second = Count::of_result(turn.as_object().unwrap(), Count::default(), Some(first)).unwrap();
        assert_eq!(second.since(Count::default()).input_tokens, 6);
        assert_eq!(count(json!({})), None);
    }

    #[test]
    fn nonsense_costs_nothing() {
        assert_eq!((micro(-1.0), micro(f64::NAN), micro(0.000_001)), (0, 0, 1));
    }
}
