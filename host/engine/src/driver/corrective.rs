//! A second chance for an answer that breaks its schema.

use std::collections::BTreeSet;

use pointsman_model::plugin::{Feature, PluginEvent};
use pointsman_model::{EventKind, Message, Outcome, Speaker, Status, Usage, reason};
use serde_json::{Value, json};

use super::Driver;
use crate::journal::JournalError;

/// What goes on in a run whose agent is told what was wrong with its answer.
pub(super) struct Again {
    /// What the agent is told.
    pub(super) message: Message,
    /// Which corrective turn this is, from 1.
    pub(super) turn: u32,
    /// What the plugin asked to remember, so that it goes on where it was.
    pub(super) resume: Value,
}

impl Driver {
    /// Says how to go on after an outcome that breaks its schema, if the backend can go on and nobody wants the end.
    pub(super) async fn correct(
        &mut self,
        outcome: &Outcome,
        features: &BTreeSet<Feature>,
        turn: u32,
    ) -> Result<Option<Again>, JournalError> {
        let run = self.journal.run();
        let broken = outcome
            .failure
            .as_ref()
            .filter(|failure| failure.reason == reason::OUTPUT_SCHEMA_MISMATCH)
            .map(|failure| failure.message.clone());
        let (Some(fault), Some(resume)) = (broken, run.remembered().cloned()) else { return Ok(None) };
        let ends = run.cancel_requested().is_some() || self.parts.ending.is_cancelled();
        if ends || !features.contains(&Feature::Resume) || turn > self.parts.settings.corrective_turns {
            return Ok(None);
        }
        let told = json!({
            "status": Status::Running.as_str(),
            "reason": reason::OUTPUT_SCHEMA_MISMATCH,
            "message": fault,
            "corrective_turn": turn,
        });
        let data = told.as_object().cloned().unwrap_or_default();
        let kind = EventKind::STATUS_CHANGED;
        // It quotes the agent, so it passes the sanitizers as the agent's own events do.
        self.tell(&mut vec![(kind.clone(), PluginEvent { kind: kind.to_string(), item: None, data })])
            .await?;
        let text = format!(
            "Your last answer cannot be used: {fault}.\n\nAnswer again with JSON alone that satisfies this schema, and \
             nothing around it:\n{}",
            self.journal.run().spec().output_schema.clone().unwrap_or_default()
        );
        Ok(Some(Again { turn, message: Message::text(Speaker::User, text), resume }))
    }
}

/// Adds up what the turns of one run used.
pub(super) fn together(before: Option<Usage>, now: Option<Usage>) -> Option<Usage> {
    match (before, now) {
        (Some(before), Some(now)) => Some(Usage {
            input_tokens: before.input_tokens.saturating_add(now.input_tokens),
            cached_input_tokens: before.cached_input_tokens.saturating_add(now.cached_input_tokens),
            output_tokens: before.output_tokens.saturating_add(now.output_tokens),
            cost_micro_usd: match (before.cost_micro_usd, now.cost_micro_usd) {
                (Some(before), Some(now)) => Some(before.saturating_add(now)),
                (one, other) => one.or(other),
            },
        }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_used_adds_up() {
        let used = |n, cost| {
            Some(Usage { input_tokens: n, cached_input_tokens: 1, output_tokens: n, cost_micro_usd: cost })
        };
        assert_eq!(together(None, None), None);
        assert_eq!(together(used(2, None), None), used(2, None));
        let both = together(used(2, Some(5)), used(3, None)).unwrap();
        assert_eq!((both.input_tokens, both.cached_input_tokens, both.cost_micro_usd), (5, 2, Some(5)));
        assert_eq!(together(used(u64::MAX, Some(1)), used(1, Some(1))).unwrap().input_tokens, u64::MAX);
    }
}
