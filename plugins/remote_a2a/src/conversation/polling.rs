//! Looking the task up: beside a silent stream, after a broken one, and where there never was one.

use pointsman_sdk::backend::{Effects, Outcome};

use super::card::advice;
use super::{Conversation, Phase};
use crate::calls::{Call, Purpose};
use crate::card::Version;
use crate::dialect::Ask;
use crate::reply::{Fault, Reply, Snapshot};
use crate::state::State;
use crate::{reply, timer};

/// How long between looks while the user is asked.
pub(super) const WHILE_ASKED: u32 = 30_000;
/// The first wait where there is no stream. Each that brings no news doubles it, up to the configured one.
pub(super) const FIRST: u32 = 250;
/// Looks in a row that may fail.
const FAILURES: u32 = 5;
/// How long a task may be `submitted` once its stream has broken. An agent that crashed leaves it so for ever.
const SUBMITTED: u32 = 15_000;

/// How long an agent that was answered may show its old question, before it is asked again.
const ASKED_AGAIN: u32 = 5_000;

/// The looks at the task.
#[derive(Debug, Default)]
pub(crate) struct Poll {
    /// The wait before the next.
    delay: u32,
    failures: u32,
    /// The stream broke before the task's end.
    broken: bool,
    /// Since then nothing has changed for so long.
    stalled: u32,
    /// The agent has no such method, or does not keep its tasks.
    useless: bool,
    /// What comes of it is the end, whatever it is.
    pub(super) is_last: bool,
}

impl Poll {
    /// Notes that the stream broke.
    pub(super) fn begin_after_break(&mut self) {
        self.broken = true;
        self.stalled = 0;
        self.failures = 0;
        self.delay = FIRST;
    }
}

impl Conversation {
    /// Looks after a while.
    pub(super) fn look_in(&mut self, after: u32, effects: &mut Effects) {
        if self.stream.is_some() && self.poll.useless {
            return;
        }
        self.poll.delay = after;
        effects.set_timer(timer::POLL, after);
    }

    /// Looks as soon as there may be news.
    pub(super) fn look_soon(&mut self, effects: &mut Effects) {
        if self.book.task.is_none() {
            let text = "the agent answered with nothing that names a task".to_owned();
            return self.finish(Outcome::failed("protocol_error", text), effects);
        }
        self.look_in(FIRST, effects);
    }

    /// Stops looking.
    pub(super) fn stop_looking(&mut self, effects: &mut Effects) {
        effects.clear_timer(timer::POLL);
        effects.clear_timer(timer::LINGER);
        self.calls.abort_all(Purpose::Poll, effects);
        self.ahead = None;
        self.poll = Poll { useless: self.poll.useless, ..Poll::default() };
    }

    /// It is time to look.
    pub(super) fn time_to_look(&mut self, effects: &mut Effects) {
        self.book.tell_quiet_artifacts(effects);
        self.look(effects);
    }

    /// Looks now.
    pub(super) fn look(&mut self, effects: &mut Effects) {
        let Some(task) = self.book.task.clone() else { return };
        if !self.calls.is_live(Purpose::Poll) {
            self.ask(Purpose::Poll, &Ask::Get { task: &task }, effects);
        }
    }

    /// Takes what a look says.
    pub(super) fn polled(&mut self, call: &Call, effects: &mut Effects) {
        match call.body().map(reply::read) {
            Ok(Reply::Task(snapshot)) if Some(&snapshot.task) == self.book.task.as_ref() => {
                self.poll.failures = 0;
                self.seen(snapshot, effects);
            }
            Ok(Reply::Fault(fault)) | Err(fault) => self.not_polled(&fault, effects),
            Ok(_) => {
                let message = format!("the answer to {} is not the task", call.name);
                self.not_polled(&Fault { code: 0, message }, effects);
            }
        }
    }

    /// Takes the task as it stands.
    fn seen(&mut self, snapshot: Snapshot, effects: &mut Effects) {
        let state = snapshot.status.state;
        let over = state.is_some_and(|state| state.is_terminal() || state.is_interrupted());
        let is_asked = self.book.is_asked(&snapshot.status, matches!(self.phase, Phase::Asked));
        if self.stream.is_some() {
            // The stream says what happens, in order; a look may be ahead of it. But a stream that never says that its
            // task is over must not hold the run.
            let known = self.book.state == state;
            // While the user is asked, going on is news, too.
            let asked = matches!(self.phase, Phase::Asked);
            if (over || asked) && !known && !is_asked {
                self.ahead = Some(snapshot);
                effects.set_timer(timer::LINGER, 1_000);
            } else if asked {
                self.look_in(WHILE_ASKED, effects);
            } else {
                self.look_in(later(self.poll.delay, self.config.poll_interval_ms.saturating_mul(6)), effects);
            }
            return;
        }
        let refused = self.trouble.take_if(|_| !self.poll.broken && !state.is_some_and(State::is_terminal));
        if let Some(fault) = refused {
            let text = format!("the agent did not take the answer: {}{}", fault.message, advice(fault.code));
            return self.give_up(Outcome::failed(fault.reason(), text), effects);
        }
        if state.is_some_and(State::is_interrupted) && is_asked {
            match self.phase {
                Phase::Asked => return self.listen(effects),
                // It may not have got to the answer yet; one that never does has not understood it.
                _ if self.poll.stalled < ASKED_AGAIN => return self.no_news(effects),
                _ => {}
            }
        }
        let news = self.book.news;
        // In 0.3 others who stream the task make it hold chunks twice.
        let doubles = self.version() == Version::V03;
        if let Err(text) = self.book.snapshot(snapshot, doubles, effects) {
            return self.give_up(Outcome::failed("too_large", text), effects);
        }
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        if matches!(self.phase, Phase::Asked) {
            if over {
                return self.settle(effects);
            }
            // Answered elsewhere.
            self.no_more_asked(effects);
            return self.take_up_again(effects);
        }
        if over || self.poll.is_last {
            return if over { self.settle(effects) } else { self.conclude(effects) };
        }
        if self.book.news == news {
            self.no_news(effects);
        } else {
            self.poll.stalled = 0;
            self.look_in(FIRST, effects);
        }
    }

    /// Nothing has changed since the last look.
    fn no_news(&mut self, effects: &mut Effects) {
        let submitted = self.book.state == Some(State::Submitted);
        let bound = if submitted {
            SUBMITTED.min(self.config.stall_timeout_ms)
        } else {
            self.config.stall_timeout_ms
        };
        if self.poll.broken && self.poll.stalled >= bound {
            let why = self.trouble.as_ref().map(|fault| format!(" ({})", fault.message)).unwrap_or_default();
            let state = self.book.state.map_or("nothing", State::as_str);
            let text = format!(
                "the agent's stream ended before its task{why}, and the task has been {state} without any change for \
                 {} s since: it is most likely lost",
                self.poll.stalled / 1_000
            );
            return self.give_up(Outcome::failed("agent_lost", text), effects);
        }
        let delay = later(self.poll.delay, self.config.poll_interval_ms);
        self.poll.stalled = self.poll.stalled.saturating_add(delay);
        self.look_in(delay, effects);
    }

    /// Takes that a look failed.
    pub(super) fn not_polled(&mut self, fault: &Fault, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            return;
        }
        if self.poll.is_last {
            // Without it, what is known has to do.
            return self.conclude(effects);
        }
        let hopeless = fault.is_unknown_task() || fault.is_unsupported();
        if self.stream.is_some() {
            self.poll.useless |= hopeless;
            return self.look_in(self.config.poll_interval_ms.saturating_mul(2), effects);
        }
        self.poll.failures += 1;
        if matches!(self.phase, Phase::Asked) && !hopeless {
            return self.look_in(WHILE_ASKED, effects);
        }
        if hopeless || self.poll.failures >= FAILURES {
            let before = self.trouble.as_ref().map(|fault| format!("; before that: {}", fault.message));
            let reason = if fault.code == 0 { "connection_lost" } else { fault.reason() };
            let text = format!(
                "the agent's task can no longer be followed: {}{}",
                fault.message,
                before.unwrap_or_default()
            );
            return self.give_up(Outcome::failed(reason, text), effects);
        }
        self.look_in(1_000 << self.poll.failures, effects);
    }
}

/// Gives the wait after one that brought no news.
fn later(delay: u32, most: u32) -> u32 {
    delay.saturating_mul(2).clamp(FIRST, most.max(FIRST))
}
