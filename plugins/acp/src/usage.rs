//! Tokens and money. Agents count in different ways; a run counts itself.

use pointsman_sdk::types::Usage;
use serde_json::Value;

const NOTHING: Usage =
    Usage { input_tokens: 0, cached_input_tokens: 0, output_tokens: 0, cost_micro_usd: None };

/// What a run has used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Charge {
    tokens: Option<Usage>,
    /// What the turn that runs has read at least: all that its model has before it.
    context: u64,
    /// What was told of it last.
    told: Option<Usage>,
    /// What the session had cost when the run began, in millionths of a dollar.
    before: u64,
    /// What it has cost by now, if the agent counts that.
    cost: Option<u64>,
}

impl Charge {
    /// Begins with what the session had cost before.
    pub(crate) fn new(before: u64) -> Self {
        Self { before, ..Self::default() }
    }

    /// Adds what the answer to a prompt says of its turn.
    pub(crate) fn add(&mut self, answer: &Value) {
        let context = std::mem::take(&mut self.context);
        // What lay before the model was used, also where the answer says nothing, as that of a cancelled turn does.
        let Some(mut turn) = of_answer(answer).or((context > 0).then_some(NOTHING)) else { return };
        turn.input_tokens = turn.input_tokens.max(context.saturating_sub(turn.output_tokens));
        let sum = self.tokens.get_or_insert(NOTHING);
        sum.input_tokens = sum.input_tokens.saturating_add(turn.input_tokens);
        sum.cached_input_tokens = sum.cached_input_tokens.saturating_add(turn.cached_input_tokens);
        sum.output_tokens = sum.output_tokens.saturating_add(turn.output_tokens);
    }

    /// Takes note of what a session has cost so far, in all its runs; and, while a turn runs, of how much lies before its
    /// model. That is read with every call of the model, so the turn has used it at least.
    pub(crate) fn note(&mut self, update: &Value, in_turn: bool) {
        if in_turn {
            self.context = self.context.max(update["used"].as_u64().unwrap_or_default());
        }
        let cost = &update["cost"];
        if cost["currency"] == "USD"
            && let Some(amount) = cost["amount"].as_f64()
            && amount.is_finite()
            && amount >= 0.0
        {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "not negative; a cast of what is too large gives the largest"
            )]
            let micro = (amount * 1e6).round() as u64;
            self.cost = Some(micro);
        }
    }

    /// Gives what the session has cost in all.
    pub(crate) fn session_cost(&self) -> u64 {
        self.cost.unwrap_or(self.before)
    }

    /// Gives what the run has used.
    pub(crate) fn total(&self) -> Option<Usage> {
        let cost = self.cost.map(|cost| {
            // An agent that forgot what came before counts from the run's beginning.
            if cost >= self.before { cost - self.before } else { cost }
        });
        if self.tokens.is_none() && cost.is_none() && self.context == 0 {
            return None;
        }
        let tokens = self.tokens.unwrap_or(NOTHING);
        let input_tokens = tokens.input_tokens.saturating_add(self.context);
        Some(Usage { input_tokens, cost_micro_usd: cost, ..tokens })
    }

    /// Gives what the run has used, if that is more than nothing and news.
    pub(crate) fn news(&mut self) -> Option<Usage> {
        let total = self.total().filter(|total| {
            let nothing = total.input_tokens == 0 && total.output_tokens == 0;
            !(nothing && total.cost_micro_usd.unwrap_or_default() == 0)
        })?;
        (self.told.replace(total) != Some(total)).then_some(total)
    }
}

/// Reads the tokens of a turn: `usage` as the protocol's draft has it, else what some agents put beside it.
fn of_answer(answer: &Value) -> Option<Usage> {
    let usage = &answer["usage"];
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    if usage.is_object() {
        let (input, output) = (count(&usage["inputTokens"]), count(&usage["outputTokens"]));
        let (read, written) = (count(&usage["cachedReadTokens"]), count(&usage["cachedWriteTokens"]));
        let (thought, total) = (count(&usage["thoughtTokens"]), count(&usage["totalTokens"]));
        // Whether the parts overlap is not said, but their sum tells.
        let apart = total >= input.saturating_add(output).saturating_add(read).saturating_add(written);
        let cached_apart = read + written > 0 && apart;
        let rest = total.saturating_sub(input + output + if cached_apart { read + written } else { 0 });
        return Some(Usage {
            input_tokens: if cached_apart { input + read + written } else { input },
            cached_input_tokens: read,
            output_tokens: if thought > 0 && rest == thought { output + thought } else { output },
            cost_micro_usd: None,
        });
    }
    let counted = &answer["_meta"]["quota"]["token_count"];
    let either = |snake: &str, camel: &str| count(&counted[snake]).max(count(&counted[camel]));
    counted.is_object().then(|| Usage {
        input_tokens: either("input_tokens", "inputTokens"),
        cached_input_tokens: either("cached_input_tokens", "cachedInputTokens"),
        output_tokens: either("output_tokens", "outputTokens"),
        cost_micro_usd: None,
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case::plain(json!({ "inputTokens": 100, "outputTokens": 5, "totalTokens": 105 }), (100, 0, 5))]
    #[case::cached_among_them(
        json!({ "inputTokens": 100, "outputTokens": 5, "cachedReadTokens": 60, "totalTokens": 105 }), (100, 60, 5))]
    #[case::cached_beside_them(
        json!({ "inputTokens": 40, "outputTokens": 5, "cachedReadTokens": 50, "cachedWriteTokens": 10, "totalTokens": 105 }),
        (100, 50, 5))]
    #[case::thoughts_beside(
        json!({ "inputTokens": 100, "outputTokens": 5, "thoughtTokens": 7, "totalTokens": 112 }), (100, 0, 12))]
    fn tokens_are_counted_as_the_contract_has_them(#[case] usage: Value, #[case] expected: (u64, u64, u64)) {
        let mut charge = Charge::new(0);
        charge.add(&json!({ "usage": usage }));
        let total = charge.total().unwrap();
        assert_eq!((total.input_tokens, total.cached_input_tokens, total.output_tokens), expected);
    }

    #[test]
    fn turns_add_up_and_the_cost_is_the_runs_own() {
        let mut charge = Charge::new(10_000);
        assert_eq!(charge.total(), None);
        for _ in 0..2 {
            charge.add(&json!({ "_meta": { "quota": { "token_count": { "input_tokens": 10, "output_tokens": 1 } } } }));
        }
        charge.note(&json!({ "cost": { "amount": 0.015_6, "currency": "USD" } }), false);
        charge.note(&json!({ "cost": { "amount": 9, "currency": "EUR" } }), false);
        let total = charge.total().unwrap();
        assert_eq!((total.input_tokens, total.output_tokens, total.cost_micro_usd), (20, 2, Some(5_600)));
        assert_eq!(charge.session_cost(), 15_600);
    }

    #[test]
    fn what_lies_before_the_model_was_used_at_least_until_the_answer_says_how_much() {
        let mut charge = Charge::new(0);
        charge.note(&json!({ "used": 900 }), false);
        assert_eq!(charge.news(), None, "no turn runs");
        charge.note(&json!({ "used": 1_000 }), true);
        assert_eq!(charge.news().map(|used| used.input_tokens), Some(1_000));
        assert_eq!(charge.news(), None, "told");
        charge.note(&json!({ "used": 1_100, "cost": { "amount": 0.01, "currency": "USD" } }), true);
        let used = charge.news().unwrap();
        assert_eq!((used.input_tokens, used.cost_micro_usd), (1_100, Some(10_000)));
        charge.add(&json!({ "usage": { "inputTokens": 2_000, "outputTokens": 5, "totalTokens": 2_005 } }));
        assert_eq!(charge.news().map(|used| (used.input_tokens, used.output_tokens)), Some((2_000, 5)));
        // An agent that says nothing at the end of its turn, or too little.
        charge.note(&json!({ "used": 1_200 }), true);
        charge.add(&json!({}));
        assert_eq!(charge.total().map(|used| used.input_tokens), Some(3_200));
        charge.note(&json!({ "used": 1_300 }), true);
        charge.add(&json!({ "usage": { "inputTokens": 0, "outputTokens": 0, "totalTokens": 0 } }));
        assert_eq!(charge.total().map(|used| used.input_tokens), Some(4_500));
    }
}
