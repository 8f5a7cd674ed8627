//! A second chance for an answer that breaks its schema.

use std::collections::BTreeSet;

use pointsman_model::plugin::{Feature, PluginEvent};
use pointsman_model::{EventKind, Message, Outcome, Speaker, Status, reason};
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
