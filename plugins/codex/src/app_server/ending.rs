//! The end: of a turn, of the conversation, of the process.

use pointsman_sdk::backend::{Effects, Exit, Exited, Outcome, Stop};
use pointsman_sdk::types::Message;
use serde_json::json;

use super::session::{Call, Session, Verdict};
use crate::adapter::{GREETING_TIMER, INTERRUPT_TIMER, LINGER_TIMER, PROCESS};
use crate::config::Protocol;
use crate::failure::Failure;
use crate::outcome;
use crate::resume::Resume;
use crate::usage::Tokens;

/// How long codex may take to end a turn that is interrupted.
const INTERRUPT_MS: u32 = 1_000;
/// How long codex may take to end once nothing more will be said to it.
const LINGER_MS: u32 = 5_000;
/// How long codex may take to tell the ends of commands after that of their turn.
const LATE_MS: u32 = 500;

/// What a process left behind.
#[derive(Debug)]
pub(crate) enum Left {
    /// The run has ended.
    Nothing,
    /// It never spoke the protocol: another one may do. With what was to be said meanwhile.
    Unspoken(Vec<Message>),
}

impl Session {
    /// Goes on after a turn has ended: with what is left to be said, or to the end.
    pub(super) fn settle(&mut self, effects: &mut Effects) {
        let Some(verdict) = &self.verdict else { return };
        if self.waiting.values().any(|call| matches!(call, Call::Steering { .. })) && !self.cancelled {
            // Whether codex heard it is about to be known.
            return effects.set_timer(LINGER_TIMER, LINGER_MS);
        }
        if matches!(verdict, Verdict::Completed) && !self.queue.is_empty() && !self.cancelled {
            return self.begin_turn(effects);
        }
        if matches!(verdict, Verdict::Completed) && self.has_open_items() && !self.cancelled {
            return effects.set_timer(LINGER_TIMER, LATE_MS);
        }
        self.close(effects);
    }

    /// Says whether something of this conversation has begun and not ended.
    fn has_open_items(&self) -> bool {
        self.open.find(|_, data| !data.contains_key("thread_id")).is_some()
    }

    /// Lets codex end: it does once its input has.
    pub(super) fn close(&mut self, effects: &mut Effects) {
        if self.closed {
            return;
        }
        for input in std::mem::take(&mut self.queue) {
            self.undelivered(&input, "the turn before it did not succeed", effects);
        }
        self.closed = true;
        self.remember(effects);
        effects.close_input(PROCESS);
        effects.set_timer(LINGER_TIMER, LINGER_MS);
    }

    /// Ends a conversation that cannot go on.
    pub(super) fn fail(&mut self, failure: Failure, effects: &mut Effects) {
        self.verdict.get_or_insert(Verdict::Failed(failure));
        self.settle(effects);
    }

    /// Ends a program that does not speak the protocol.
    pub(super) fn give_up(&mut self, effects: &mut Effects) {
        self.trouble.get_or_insert(Failure {
            reason: "no_outcome",
            message: "the program does not answer as an app server of codex; is it another one, or too old?"
                .to_owned(),
        });
        self.closed = true;
        effects.clear_timer(GREETING_TIMER);
        effects.stop(PROCESS, Stop::Kill);
    }

    /// Takes a timer that has rung; says whether codex is to be ended now.
    pub(crate) fn rang(&mut self, timer: u32, effects: &mut Effects) -> bool {
        match timer {
            GREETING_TIMER if !self.greeted => self.give_up(effects),
            INTERRUPT_TIMER => return true,
            LINGER_TIMER if self.closed => return true,
            LINGER_TIMER => self.close(effects),
            _ => {}
        }
        false
    }

    /// Asks codex to end its turn; says whether it could be asked.
    pub(crate) fn cancel(&mut self, effects: &mut Effects) -> bool {
        self.cancelled = true;
        self.answer_all_cancelled(effects);
        self.interrupt(effects)
    }

    pub(super) fn interrupt(&mut self, effects: &mut Effects) -> bool {
        let Some(turn) = self.turn.clone().filter(|_| self.verdict.is_none() && !self.closed) else {
            return false;
        };
        let params = json!({ "threadId": self.thread, "turnId": turn });
        self.call("turn/interrupt", params, Call::Interruption, effects);
        effects.set_timer(INTERRUPT_TIMER, INTERRUPT_MS);
        true
    }

    /// Takes the end of the process.
    pub(crate) fn exited(
        &mut self,
        exited: &Exited,
        cancelled: Option<String>,
        effects: &mut Effects,
    ) -> Left {
        if !self.greeted {
            effects.clear_timer(GREETING_TIMER);
        }
        if !self.greeted && cancelled.is_none() && self.config.protocol == Protocol::Auto {
            return Left::Unspoken(std::mem::take(&mut self.early));
        }
        self.results.close(&mut self.open, effects);
        self.open.close(effects);
        let outcome = match (cancelled, self.verdict.take()) {
            (Some(why), _) => Outcome::cancelled(why),
            (None, Some(Verdict::Completed)) => {
                outcome::completed(self.last_message.as_deref(), self.task.output_schema.is_some())
            }
            (None, Some(Verdict::Failed(failure))) => outcome::failed(failure),
            (None, Some(Verdict::Interrupted)) => outcome::failed(Failure {
                reason: "interrupted",
                message: "codex's turn was interrupted".to_owned(),
            }),
            (None, None) => outcome::failed(self.without_verdict(exited)),
        };
        let usage = self.used.map(|used| used.since(self.before()));
        effects.finish(outcome.with_usage(usage).with_final_response(self.last_message.take()));
        Left::Nothing
    }

    /// Gives what the conversation had used before this run.
    pub(super) fn before(&self) -> Tokens {
        self.resumed.as_ref().and_then(|resumed| resumed.usage).unwrap_or_default()
    }

    /// Finds words for a process that ended without saying how its turn did.
    fn without_verdict(&mut self, exited: &Exited) -> Failure {
        if let Some(trouble) = self.trouble.take() {
            return trouble;
        }
        match exited.exit {
            Exit::Code(0) if !self.greeted && self.said_text => Failure {
                reason: "no_outcome",
                message:
                    "codex exited with status 0, but what it printed is not what an app server says; is the \
                          program another one, or too old?"
                        .to_owned(),
            },
            Exit::Code(0) => Failure {
                reason: "no_outcome",
                message: "codex exited with status 0 without saying that its turn was completed".to_owned(),
            },
            exit => Failure::of_process(&exit.in_words(), &exited.stderr_tail),
        }
    }

    /// Asks the host to keep what a later run needs to go on from here.
    pub(super) fn remember(&self, effects: &mut Effects) {
        let Some(thread_id) = self.thread.clone() else { return };
        let usage = self.used.or_else(|| self.resumed.as_ref().and_then(|resumed| resumed.usage));
        effects.remember(&json!(Resume { thread_id, usage: Some(usage.unwrap_or_default()) }));
    }
}
