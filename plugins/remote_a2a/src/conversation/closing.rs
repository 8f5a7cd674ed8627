//! Ending a run whose task is still under way: the agent is told first.

use pointsman_sdk::backend::{Effects, Outcome};

use super::{Conversation, Phase};
use crate::calls::{Call, Purpose};
use crate::dialect::Ask;
use crate::reply::Reply;
use crate::state::State;
use crate::{reply, timer};

/// How long an agent may take to end its task. A host that cancels has about as much patience.
const PATIENCE: u32 = 5_000;

impl Conversation {
    /// Somebody wants the run to end.
    pub(crate) fn cancel(&mut self, why: String, effects: &mut Effects) {
        if let Phase::Closing(outcome) = &mut self.phase {
            **outcome = Outcome::cancelled(why);
            return;
        }
        self.begin_to_close(Outcome::cancelled(why), effects);
    }

    /// It makes no sense to go on.
    pub(super) fn give_up(&mut self, outcome: Outcome, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            // What else is wrong with an agent that is left anyway does not matter.
            return self.leave_stream(effects);
        }
        // What it goes on to say is of no use.
        self.leave_stream(effects);
        self.begin_to_close(outcome, effects);
    }

    fn begin_to_close(&mut self, outcome: Outcome, effects: &mut Effects) {
        let sending = self.calls.is_live(Purpose::Send);
        self.calls.abort_all(Purpose::Card, effects);
        for timer in [timer::POLL, timer::LINGER, timer::RETRY] {
            effects.clear_timer(timer);
        }
        self.calls.abort_all(Purpose::Poll, effects);
        self.phase = Phase::Closing(Box::new(outcome));
        let over = self.book.state.is_some_and(State::is_terminal) || self.book.direct.is_some();
        if over || (self.book.task.is_none() && !sending) {
            return self.end(effects);
        }
        effects.set_timer(timer::CANCEL, PATIENCE);
        // A task whose id is not known yet is ended as soon as it is.
        self.close(effects);
    }

    /// Goes on with ending, by what is known now.
    pub(super) fn close(&mut self, effects: &mut Effects) {
        if effects.is_finished() {
            return;
        }
        let over = self.book.state.is_some_and(State::is_terminal) || self.book.direct.is_some();
        let waiting = self.calls.is_live(Purpose::Send) || self.calls.is_live(Purpose::Cancel);
        let Some(task) = self.book.task.clone().filter(|_| !over) else {
            if over || !waiting {
                self.end(effects);
            }
            return;
        };
        if !self.cancel_sent {
            self.cancel_sent = true;
            self.ask(Purpose::Cancel, &Ask::Cancel { task: &task }, effects);
        }
    }

    /// Takes what the agent answers.
    pub(super) fn cancel_answered(&mut self, call: &Call, effects: &mut Effects) {
        match call.body().map(reply::read) {
            Ok(Reply::Task(snapshot)) => {
                let over = snapshot.status.state.is_some_and(State::is_terminal);
                // With a stream, what happened comes by that, in order.
                if self.stream.is_none() {
                    drop(self.book.snapshot(snapshot, false, effects));
                }
                // It may take its time; then the stream or the timer ends the waiting.
                if over || self.stream.is_none() {
                    self.end(effects);
                }
            }
            // It has ended before, or is not known: either way it does not go on.
            Ok(Reply::Fault(fault)) | Err(fault) => self.cancel_failed(&fault.message, effects),
            Ok(_) => self.end(effects),
        }
    }

    /// Takes that the agent could not be told.
    pub(super) fn cancel_failed(&mut self, text: &str, effects: &mut Effects) {
        effects.emit(
            pointsman_sdk::Draft::new("x_remote_a2a_not_cancelled")
                .field("reason", text)
                .fields(self.book.ids()),
        );
        self.end(effects);
    }

    /// The agent has not answered in time.
    pub(super) fn cancel_unanswered(&mut self, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            let text = match &self.book.task {
                Some(_) => format!(
                    "the agent has not confirmed within {} s that its task has ended",
                    PATIENCE / 1_000
                ),
                None => "the agent never said which task it began: it may go on with it".to_owned(),
            };
            self.cancel_failed(&text, effects);
        }
    }

    fn end(&mut self, effects: &mut Effects) {
        if let Phase::Closing(outcome) = &self.phase {
            let mut outcome = (**outcome).clone();
            if outcome.final_response.is_none() {
                outcome.final_response.clone_from(&self.book.last_text);
            }
            self.finish(outcome, effects);
        }
    }
}
