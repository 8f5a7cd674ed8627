//! What is said to a live agent.

use pointsman_kernel::Command;
use pointsman_model::plugin::{Feature, Input, PluginEvent};
use pointsman_model::{EventKind, Message};
use pointsman_store::Durability;
use serde_json::{Value, json};

use super::discreet::Discreet;
use super::gate::Word;
use super::held::Waiting;
use super::live::Stage;
use super::{Driver, in_words};
use crate::Error;
use crate::journal::JournalError;
use crate::order::{Heard, Speaking};

impl Word {
    /// Says what became of a message.
    pub(super) fn heard(self) -> Result<Heard, Error> {
        match self {
            Self::Allowed => Ok(Heard::Now),
            Self::Denied(why) => Err(Error::Denied(why)),
            Self::Asked { question, reason } => Ok(Heard::Waits { question, reason }),
        }
    }
}

impl Driver {
    /// Puts a message to the policies and hands it to the agent, if they allow it.
    pub(super) async fn hear(
        &mut self,
        stage: &mut Stage,
        message: Message,
        by: Speaking,
    ) -> Result<Result<Heard, Error>, JournalError> {
        if let Err(error) = self.takes_messages(stage) {
            return Ok(Err(error));
        }
        let kept = stage.discreet.without_secrets(&message);
        stage.discreet.hand_out(&message, self.parts.settings.secrets.handed_out());
        let run = self.journal.run();
        let detail = json!({
            "mode": "live",
            "run_id": run.record().run_id,
            "agent_name": run.record().agent_name,
            "message": kept.as_ref().unwrap_or(&message),
        });
        let question = self.question_of("continue", run.spec(), detail, &by.client).await;
        let question = pointsman_model::Question { chain: by.chain, ..question };
        let waiting = Waiting::Message { message: message.clone(), kept: kept.clone() };
        let word = self.put(stage, question, waiting).await?;
        if !matches!(word, Word::Allowed) {
            return Ok(word.heard());
        }
        Ok(self.hand_over(stage, message, kept).await?.map(|()| Heard::Now))
    }

    fn takes_messages(&self, stage: &Stage) -> Result<(), Error> {
        if self.journal.run().awaits_input() || stage.plugin.about().features.contains(&Feature::LiveInput) {
            return Ok(());
        }
        Err(Error::TakesNoMessage { backend: self.journal.run().spec().backend.clone() })
    }

    /// Hands a message to the agent that waits for it, or takes messages at any time. `kept` is what is kept of it, if
    /// that is not all.
    pub(super) async fn hand_over(
        &mut self,
        stage: &mut Stage,
        message: Message,
        kept: Option<Message>,
    ) -> Result<Result<(), Error>, JournalError> {
        if let Err(error) = self.takes_messages(stage) {
            // It took them when the message came; a person has been asked meanwhile.
            tracing::warn!(%error, "a message comes too late");
            return Ok(Err(error));
        }
        // If it does not wait it takes messages meanwhile, also while a person is asked something: the agent hears it
        // when it hears anything again.
        let waits = self.journal.run().awaits_input();
        self.note(kept.as_ref().unwrap_or(&message)).await?;
        if waits {
            stage.discreet = Discreet::default();
            match self.write(Command::Resume, Durability::Flushed).await {
                Ok(()) => {}
                Err(JournalError::Refused(refused)) => return Ok(Err(in_words(&refused))),
                Err(error) => return Err(error),
            }
        }
        stage.own.push_back(Input::Message(message));
        Ok(Ok(()))
    }

    /// Keeps what the user says to a live agent among the run's events: whoever reads them sees both sides.
    async fn note(&mut self, message: &Message) -> Result<(), JournalError> {
        let data = json!({
            "role": message.speaker,
            "text": message.plain_text(),
            "message": message,
            "reason": "continue_run",
        });
        let Value::Object(data) = data else { return Ok(()) };
        let kind = EventKind::MESSAGE_ADDED;
        let event = PluginEvent { kind: kind.as_str().to_owned(), item: None, data };
        self.tell(&mut vec![(kind, event)]).await
    }
}
