//! Sending a message, and what its answer or stream says.

use pointsman_sdk::backend::{Effects, HandleId, Outcome, RequestFault, ServerEvent};
use serde_json::json;

use super::card::{ATTEMPTS, advice, reason};
use super::{Conversation, Phase};
use crate::address::shortened;
use crate::calls::{Call, Purpose};
use crate::card::Version;
use crate::dialect::Ask;
use crate::reply::{Fault, Reply};
use crate::state::State;
use crate::{answer, json as bounded, reply, timer};

/// How often a broken stream is taken up again, before the task is only looked up.
pub(super) const SUBSCRIPTIONS: u32 = 50;
/// How long a stream may stay open behind its last word. Most agents close it at once; what is late still comes.
const LINGER: u32 = 1_000;

impl Conversation {
    /// Sends the message that is to be sent.
    pub(super) fn send(&mut self, effects: &mut Effects) {
        let Some(message) = self.outgoing.take() else { return };
        let stream = self.config.streaming && self.agent.as_ref().is_some_and(|agent| agent.streaming);
        self.book.note_own(&message.id);
        let id = self.ask(Purpose::Send, &Ask::Send { message: &message, stream }, effects);
        self.stream = id.filter(|_| stream);
        self.outgoing = Some(message);
    }

    /// Tries again what could not be done.
    pub(super) fn again(&mut self, effects: &mut Effects) {
        match self.phase {
            Phase::Card => self.next_card(effects),
            Phase::Talking if self.calls.is_live(Purpose::Send) => {}
            Phase::Talking => self.send(effects),
            Phase::Asked | Phase::Closing(_) => {}
        }
    }

    /// Takes the answer to a message that is no stream.
    pub(super) fn answered(&mut self, call: &Call, effects: &mut Effects) {
        self.stream = None;
        let fault = match call.body().map(reply::read) {
            Ok(Reply::Fault(fault)) | Err(fault) => fault,
            Ok(Reply::Unknown(value)) => Fault {
                code: 0,
                message: format!(
                    "the answer to {} is neither a task nor a message: {}",
                    call.name,
                    shortened(&value.to_string())
                ),
            },
            Ok(reply) => {
                self.outgoing = None;
                self.adopt(&reply);
                self.take(reply, effects);
                return self.settle(effects);
            }
        };
        self.not_taken(call, fault, effects);
    }

    /// Takes that the agent did not take the message.
    fn not_taken(&mut self, call: &Call, fault: Fault, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        // It is not known any more, or has ended by now: the conversation goes on with another one.
        if self.adopted && fault.code != 0 && !matches!(fault.code, 401 | 403 | 429 | 503) {
            self.adopted = false;
            self.book.forget_task();
            if let Some(message) = &mut self.outgoing {
                message.reference = message.task.take();
            }
            return self.send(effects);
        }
        self.attempts += 1;
        if matches!(fault.code, 429 | 503) && self.attempts < ATTEMPTS {
            effects.set_timer(timer::RETRY, 500 << self.attempts);
            return;
        }
        if self.book.task.is_some() {
            // It was the answer to a question: what became of its task says the task.
            self.trouble = Some(fault);
            return self.look(effects);
        }
        let text = format!("the agent did not take {}: {}{}", call.name, fault.message, advice(fault.code));
        let reason = if fault.code == 0 { "protocol_error" } else { fault.reason() };
        self.finish(Outcome::failed(reason, text), effects);
    }

    /// Takes one event of a stream.
    pub(super) fn event(&mut self, id: HandleId, event: &ServerEvent, effects: &mut Effects) {
        if event.data.trim().is_empty() {
            return;
        }
        let value = match bounded::read(&event.data) {
            Ok(value) => value,
            Err(wrong) => {
                self.calls.abort(id, effects);
                let text = format!("an event of the agent's stream {wrong}");
                return self.give_up(Outcome::failed("protocol_error", text), effects);
            }
        };
        let mut first = false;
        if let Some(call) = self.calls.get_mut(id) {
            call.events += 1;
            first = call.purpose == Purpose::Send && call.events == 1;
        }
        match reply::read(value) {
            Reply::Fault(fault) => self.stream_fault(id, fault, effects),
            reply => {
                self.outgoing = None;
                if first {
                    self.adopt(&reply);
                }
                self.take(reply, effects);
            }
        }
    }

    /// Takes an error that came as an event.
    fn stream_fault(&mut self, id: HandleId, fault: Fault, effects: &mut Effects) {
        let Some(call) = self.calls.end(id) else { return };
        effects.abort_request(id);
        self.stream = None;
        if call.purpose == Purpose::Send && call.events <= 1 {
            return self.not_taken(&call, fault, effects);
        }
        effects.emit(
            pointsman_sdk::Draft::new("x_remote_a2a_stream_error")
                .field("code", fault.code)
                .field("text", fault.message.as_str()),
        );
        self.trouble = Some(fault);
        self.poll.begin_after_break();
        self.look(effects);
    }

    /// An agent may answer in another task than the one that it was asked in.
    fn adopt(&mut self, reply: &Reply) {
        if let (Reply::Task(snapshot), Some(known)) = (reply, &self.book.task)
            && snapshot.task != *known
        {
            self.book.forget_task();
        }
    }

    /// Takes what is known to be a part of the conversation, or what is not.
    pub(super) fn take(&mut self, reply: Reply, effects: &mut Effects) {
        let taken = match reply {
            Reply::Task(snapshot) => self.book.snapshot(snapshot, false, effects),
            Reply::Status(update) => self.book.update(update, effects),
            Reply::Artifact(chunk) => self.book.chunk(chunk, effects),
            Reply::Message(said) => {
                self.book.message(said, effects);
                Ok(())
            }
            Reply::Unknown(value) => self.book.unknown("event", value, effects),
            Reply::Fault(fault) => {
                let value = json!({ "code": fault.code, "message": fault.message });
                self.book.unknown("error", value, effects)
            }
        };
        if let Err(text) = taken {
            self.give_up(Outcome::failed("too_large", text), effects);
        }
    }

    /// Decides what is to be done by what is known now.
    pub(super) fn settle(&mut self, effects: &mut Effects) {
        if effects.is_finished() {
            return;
        }
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        self.remember_early(effects);
        if matches!(self.phase, Phase::Asked) && !self.goes_on(effects) {
            return;
        }
        let state = self.book.state;
        let over = self.book.direct.is_some()
            || state.is_some_and(|state| state.is_terminal() || state.is_interrupted());
        match (over, self.stream.is_some()) {
            (true, true) => effects.set_timer(timer::LINGER, LINGER),
            (true, false) if state.is_some_and(State::is_interrupted) => self.ask_user(effects),
            (true, false) => self.conclude(effects),
            (false, true) => self.look_in(self.config.poll_interval_ms, effects),
            (false, false) => self.look_soon(effects),
        }
    }

    /// Has the host keep the conversation as soon as it has an id: this run may not live to its end.
    fn remember_early(&mut self, effects: &mut Effects) {
        let known = self.remembered.as_ref();
        let same = known
            .is_some_and(|memory| memory.context_id == self.book.context && memory.task_id == self.book.task);
        if !same {
            self.remember(effects);
        }
    }

    /// Ends the run with what the task came to.
    pub(super) fn conclude(&mut self, effects: &mut Effects) {
        if self.book.in_doubt && self.book.task.is_some() && !self.poll.is_last {
            // What was lost on the way is in the task.
            self.poll.is_last = true;
            return self.look(effects);
        }
        let trouble = self.trouble.as_ref().map(|fault| fault.message.as_str());
        let outcome = answer::outcome(&self.book, self.schema.as_deref(), trouble);
        self.finish(outcome, effects);
    }

    /// The stream has stayed open, though there is nothing to come.
    pub(super) fn lingered(&mut self, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            return;
        }
        if let Some(snapshot) = self.ahead.take() {
            let doubles = self.version() == Version::V03;
            if let Err(text) = self.book.snapshot(snapshot, doubles, effects) {
                return self.give_up(Outcome::failed("too_large", text), effects);
            }
        }
        if matches!(self.phase, Phase::Asked) {
            return self.settle(effects);
        }
        let state = self.book.state;
        if self.book.direct.is_some() || state.is_some_and(State::is_terminal) {
            self.leave_stream(effects);
            self.settle(effects);
        } else if state.is_some_and(State::is_interrupted) {
            // It says so if somebody else answers.
            self.ask_user(effects);
        }
    }

    /// Needs nothing more from the stream, if there is one.
    pub(super) fn leave_stream(&mut self, effects: &mut Effects) {
        if let Some(stream) = self.stream.take() {
            self.calls.abort(stream, effects);
        }
    }

    /// A stream has ended, or broken; or the message never got through.
    pub(super) fn stream_is_over(
        &mut self,
        call: &Call,
        broken: Option<(RequestFault, &str)>,
        effects: &mut Effects,
    ) {
        self.stream = None;
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        if matches!(self.phase, Phase::Asked) {
            return self.not_listening(call, broken.is_some(), effects);
        }
        let state = self.book.state;
        if self.book.direct.is_some()
            || state.is_some_and(|state| state.is_terminal() || state.is_interrupted())
        {
            effects.clear_timer(timer::LINGER);
            return self.settle(effects);
        }
        if let Some((
            fault @ (RequestFault::TooLarge | RequestFault::Malformed | RequestFault::Redirected),
            text,
        )) = broken
        {
            let text = format!("the answer to {} is of no use: {text}", call.name);
            return self.give_up(Outcome::failed(reason(fault), text), effects);
        }
        if call.purpose == Purpose::Send && call.events == 0 {
            return self.never_answered(call, broken, effects);
        }
        if let Some((_, text)) = broken {
            let code = 0;
            self.trouble
                .get_or_insert(Fault { code, message: format!("the connection to the agent broke: {text}") });
        }
        self.poll.begin_after_break();
        // A stream that could not be taken up is not tried at once again.
        if call.purpose == Purpose::Subscribe && call.events == 0 {
            self.look(effects);
        } else {
            self.take_up_again(effects);
        }
    }

    /// Nothing came back at all.
    fn never_answered(&mut self, call: &Call, broken: Option<(RequestFault, &str)>, effects: &mut Effects) {
        let Some((fault, text)) = broken else {
            let text = format!("the agent answered {} with a stream that holds nothing", call.name);
            return self.finish(Outcome::failed("protocol_error", text), effects);
        };
        self.attempts += 1;
        // Only what never arrived may be said again.
        if fault == RequestFault::Unreachable && self.attempts < ATTEMPTS {
            effects.set_timer(timer::RETRY, 250 << self.attempts);
            return;
        }
        if self.book.task.is_some() && fault != RequestFault::Unreachable {
            self.trouble = Some(Fault { code: 0, message: text.to_owned() });
            self.poll.begin_after_break();
            return self.look(effects);
        }
        let unsure = match fault {
            RequestFault::Unreachable => "",
            _ => "; whether the agent has taken the message is not known",
        };
        let hint = match fault {
            RequestFault::TimedOut => ", and blocking = false would let it answer at once",
            _ => "",
        };
        let text = format!("{} was not answered: {text}{unsure}{hint}", call.name);
        self.finish(Outcome::failed(reason(fault), text), effects);
    }

    /// Goes on where a stream broke.
    ///
    /// 1.0 begins a stream that is taken up with the whole task, so nothing is lost or said twice. 0.3 begins with
    /// what comes next, and a second stream makes it store every chunk twice: there the task is looked up, which is
    /// exact for as long as nobody streams it.
    pub(super) fn take_up_again(&mut self, effects: &mut Effects) {
        let Some(task) = self.book.task.clone() else { return self.look_soon(effects) };
        let streams = self.config.streaming && self.agent.as_ref().is_some_and(|agent| agent.streaming);
        if self.version() == Version::V1 && streams && self.subscriptions > 0 {
            self.subscriptions -= 1;
            self.stream = self.ask(Purpose::Subscribe, &Ask::Subscribe { task: &task }, effects);
            self.look_in(self.config.poll_interval_ms, effects);
        } else {
            self.look(effects);
        }
    }

    /// Takes that a stream was not taken up: most of the time because the task has ended.
    pub(super) fn not_subscribed(&mut self, call: &Call, effects: &mut Effects) {
        self.stream = None;
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        match call.body().map(reply::read) {
            Ok(Reply::Fault(fault)) | Err(fault) => {
                if fault.is_unsupported() || matches!(fault.code, 404) {
                    self.subscriptions = 0;
                }
                self.listens = false;
                self.look(effects);
            }
            // Some answer with the task instead of a stream.
            Ok(reply) => {
                self.subscriptions = 0;
                self.take(reply, effects);
                self.settle(effects);
            }
        }
    }
}
