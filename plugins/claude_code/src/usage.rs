//! Tokens and cost: Claude Code counts a whole conversation, a run counts itself.

use std::collections::BTreeMap;

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

/// What the turn that runs has used by now: Claude Code tells it of each of its calls of the model, in every line that
/// comes of the call. Of what the model writes it knows the beginning alone, unless it tells unfinished messages, and of
/// the price nothing: the turn's result says both.
#[derive(Debug, Default)]
pub(crate) struct Meanwhile {
    /// By the id of the call's message.
    calls: BTreeMap<String, Count>,
    /// The calls whose unfinished messages are being told, by the call of the tool that they work for.
    unfinished: BTreeMap<Option<String>, String>,
}

impl Meanwhile {
    /// Takes the message of a line: a piece of what one call of the model brought.
    pub(crate) fn message(&mut self, message: &Value) {
        let (Some(id), Some(usage)) = (message.get("id").and_then(Value::as_str), message.get("usage"))
        else {
            return;
        };
        self.take(id.to_owned(), usage);
    }

    /// Takes a piece of an unfinished message.
    pub(crate) fn piece(&mut self, line: &Map<String, Value>) {
        let parent = line.get("parent_tool_use_id").and_then(Value::as_str).map(str::to_owned);
        let Some(event) = line.get("event") else { return };
        match event.get("type").and_then(Value::as_str) {
            Some("message_start") => {
                let Some(message) = event.get("message") else { return };
                self.message(message);
                if let Some(id) = message.get("id").and_then(Value::as_str) {
                    self.unfinished.insert(parent, id.to_owned());
                }
            }
            Some("message_delta") => {
                if let (Some(id), Some(usage)) = (self.unfinished.get(&parent), event.get("usage")) {
                    self.take(id.clone(), usage);
                }
            }
            _ => {}
        }
    }

    /// Begins anew: a result has told what was used.
    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.unfinished.clear();
    }

    /// Adds it to what earlier turns used.
    pub(crate) fn after(&self, earlier: Option<Usage>) -> Option<Usage> {
        if self.calls.is_empty() {
            return earlier;
        }
        let sum = |of: fn(&Count) -> u64| self.calls.values().map(of).fold(0, u64::saturating_add);
        let none = Usage { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, cost_micro_usd: None };
        let earlier = earlier.unwrap_or(none);
        Some(Usage {
            input_tokens: earlier.input_tokens.saturating_add(sum(|call| call.input_tokens)),
            cached_input_tokens: earlier
                .cached_input_tokens
                .saturating_add(sum(|call| call.cached_input_tokens)),
            output_tokens: earlier.output_tokens.saturating_add(sum(|call| call.output_tokens)),
            cost_micro_usd: earlier.cost_micro_usd,
        })
    }

    fn take(&mut self, id: String, usage: &Value) {
        let cached = number(usage, "cache_read_input_tokens");
        let input = [number(usage, "input_tokens"), cached, number(usage, "cache_creation_input_tokens")];
        let (input, output) =
            (input.into_iter().fold(0, u64::saturating_add), number(usage, "output_tokens"));
        if input == 0 && output == 0 {
            // A message of Claude Code's own, which no model wrote.
            return;
        }
        let call = self.calls.entry(id).or_default();
        call.input_tokens = call.input_tokens.max(input);
        call.cached_input_tokens = call.cached_input_tokens.max(cached);
        call.output_tokens = call.output_tokens.max(output);
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
    fn a_call_is_counted_once_however_many_lines_come_of_it() {
        let mut turn = Meanwhile::default();
        assert_eq!(turn.after(None), None);
        let message = |id: &str, input: u64| {
            json!({ "id": id, "usage": {
                "input_tokens": input, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5, "output_tokens": 1,
            } })
        };
        for _ in 0..3 {
            turn.message(&message("one", 10));
        }
        turn.message(&message("two", 20));
        turn.message(&json!({ "id": "own", "usage": { "input_tokens": 0, "output_tokens": 0 } }));
        turn.message(&json!({ "id": "none" }));
        let used = turn.after(None).unwrap();
        assert_eq!((used.input_tokens, used.cached_input_tokens, used.output_tokens), (240, 200, 2));
        assert_eq!(used.cost_micro_usd, None, "not known yet");

        let line = |parent: Value, event: Value| {
            json!({ "parent_tool_use_id": parent, "event": event }).as_object().unwrap().clone()
        };
        // A helper speaks in between.
        turn.piece(&line(Value::Null, json!({ "type": "message_start", "message": message("three", 0) })));
        turn.piece(&line(json!("tool"), json!({ "type": "message_start", "message": message("four", 0) })));
        turn.piece(&line(Value::Null, json!({ "type": "message_delta", "usage": { "output_tokens": 70 } })));
        assert_eq!(turn.after(None).unwrap().output_tokens, 2 + 70 + 1);
        let earlier =
            Usage { input_tokens: 1, cached_input_tokens: 0, output_tokens: 1, cost_micro_usd: Some(9) };
        let used = turn.after(Some(earlier)).unwrap();
        assert_eq!((used.input_tokens, used.output_tokens, used.cost_micro_usd), (451, 74, Some(9)));
        turn.clear();
        assert_eq!(turn.after(None), None);
    }

    #[test]
    fn nonsense_costs_nothing() {
        assert_eq!((micro(-1.0), micro(f64::NAN), micro(0.000_001)), (0, 0, 1));
    }
}
