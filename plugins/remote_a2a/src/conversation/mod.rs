//! A run: a card is read, a message is sent, and what comes of it is followed to its end.
//!
//! ```text
//! Card ──► Talking ──► (end)
//!            │  ▲
//!            ▼  │ message
//!           Asked          any of them ──► Closing ──► (end)
//! ```

mod asking;
mod card;
mod closing;
mod permission;
mod polling;
mod talking;

use std::collections::VecDeque;

use pointsman_sdk::backend::{
    Effects, FailedRequest, HandleId, Outcome, Refused, RequestFault, ResponseHead, ServerEvent, Task,
};
use pointsman_sdk::types::{Message, Part};
use pointsman_sdk::{Draft, kind, prompt};
use serde_json::{Map, Value, json};

use crate::address::Address;
use crate::book::Book;
use crate::calls::{Call, Calls, Purpose, headers};
use crate::card::{Agent, Version, addresses};
use crate::config::Config;
use crate::dialect::{Ask, Outgoing};
use crate::memory::Memory;
use crate::reply::{Fault, Snapshot};
use crate::{answer, timer};

/// What a run is at.
#[derive(Debug)]
enum Phase {
    /// The card is being read.
    Card,
    /// A message was sent.
    Talking,
    /// The agent waits for its user.
    Asked,
    /// The run has this outcome as soon as the agent knows that nobody wants its task any more.
    Closing(Box<Outcome>),
}

/// A run.
#[derive(Debug)]
pub(crate) struct Conversation {
    config: Config,
    /// Where the agent is, as the caller says.
    base: Address,
    /// Where its card may be, and was not looked for yet.
    cards: VecDeque<String>,
    agent: Option<Agent>,
    phase: Phase,
    calls: Calls,
    book: Book,
    /// Goes into every message.
    metadata: Map<String, Value>,
    schema: Option<String>,
    /// The message that is being sent, for as long as it may have to be sent again.
    outgoing: Option<Outgoing>,
    messages: u32,
    /// How often sending, or reading the card, was tried in vain.
    attempts: u32,
    stream: Option<HandleId>,
    /// How often a broken stream may be taken up again before the task is only looked up.
    subscriptions: u32,
    /// Whether the agent tells those who subscribe to a task that waits what becomes of it.
    listens: bool,
    poll: polling::Poll,
    /// What a look at the task said of it while its stream did not.
    ahead: Option<Snapshot>,
    /// What went wrong on the way, for an agent that does not say why it failed.
    trouble: Option<Fault>,
    /// The task of an earlier run: it may be gone.
    adopted: bool,
    remembered: Option<Memory>,
    /// What the agent's host asks of this one's person.
    permissions: permission::Permissions,
    /// The agent was told that nobody wants its task any more.
    cancel_sent: bool,
}

impl Conversation {
    /// Takes up a task.
    pub(crate) fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: Config = pointsman_sdk::config::read(&task.config)?;
        let base = Address::parse(&config.agent_url)?;
        let memory = task.resume.as_deref().map(|resume| Memory::read(resume, &base)).transpose()?;
        let cards = addresses(&base, config.agent_card_path.as_deref())?;
        let mut book = Book::default();
        book.set_agent(&base.url(), None);
        let mut conversation = Self {
            base,
            cards: cards.into(),
            agent: None,
            phase: Phase::Card,
            calls: Calls::default(),
            metadata: Map::from_iter([(
                "nanobot_orchestrator".to_owned(),
                json!({ "cwd": task.cwd, "run_id": task.run_id, "session_id": task.session_id }),
            )]),
            outgoing: None,
            messages: memory.as_ref().map_or(0, |memory| memory.messages),
            attempts: 0,
            stream: None,
            subscriptions: talking::SUBSCRIPTIONS,
            listens: true,
            poll: polling::Poll::default(),
            ahead: None,
            trouble: None,
            adopted: false,
            remembered: None,
            permissions: permission::Permissions::default(),
            cancel_sent: false,
            schema: task.output_schema,
            book,
            config,
        };
        conversation.book.context = memory.as_ref().and_then(|memory| memory.context_id.clone());
        let mut parts = Vec::new();
        if let Some(instructions) = &task.instructions {
            parts.push(Part::Text(prompt::with_instructions(Some(instructions), "").trim_end().to_owned()));
        }
        parts.extend(task.message.parts);
        if let Some(schema) = &conversation.schema {
            answer::demand(schema, &mut parts);
        }
        let waiting = memory.as_ref().and_then(Memory::waiting_task).map(str::to_owned);
        conversation.adopted = waiting.is_some();
        conversation.book.task.clone_from(&waiting);
        let mut outgoing = conversation.message(parts, task.message.metadata.as_deref(), &task.run_id);
        outgoing.reference = memory.and_then(|memory| memory.task_id).filter(|_| waiting.is_none());
        conversation.outgoing = Some(outgoing);

        let reference = conversation.book.remote_ref();
        effects.emit(
            Draft::new(kind::RUN_STARTED)
                .field("remote_ref", reference)
                .field("agent_name", Value::Null)
                .field("agent_url", conversation.base.url()),
        );
        conversation.next_card(effects);
        Ok(conversation)
    }

    /// Makes a message of this conversation.
    fn message(&mut self, parts: Vec<Part>, metadata: Option<&str>, run: &str) -> Outgoing {
        self.messages += 1;
        let theirs = metadata.and_then(|metadata| serde_json::from_str::<Map<String, Value>>(metadata).ok());
        let mut all = theirs.unwrap_or_default();
        all.extend(self.metadata.clone());
        Outgoing {
            id: format!("{run}-{}", self.messages),
            parts,
            metadata: all,
            task: self.book.task.clone(),
            context: self.book.context.clone(),
            reference: None,
        }
    }

    /// Sends a request of the protocol. Nothing is asked before the card says how.
    fn ask(&mut self, purpose: Purpose, ask: &Ask<'_>, effects: &mut Effects) -> Option<HandleId> {
        let agent = self.agent.as_ref()?;
        let written = ask.write(agent, &self.config, self.calls.next());
        let headers = headers(&self.config, ask.streams(), written.body.is_some(), Some(agent.version));
        Some(self.calls.send(purpose, ask.name(agent.version), written, headers, effects))
    }

    fn version(&self) -> Version {
        self.agent.as_ref().map_or(Version::V1, |agent| agent.version)
    }

    /// Takes the beginning of a response.
    pub(crate) fn head(&mut self, head: ResponseHead) {
        self.calls.head(head);
    }

    /// Takes a piece of a body.
    pub(crate) fn bytes(&mut self, id: HandleId, bytes: &[u8], effects: &mut Effects) {
        if let Err(text) = self.calls.bytes(id, bytes) {
            self.calls.abort(id, effects);
            self.give_up(Outcome::failed("too_large", text), effects);
        }
    }

    /// Takes events of a stream.
    pub(crate) fn events(&mut self, id: HandleId, events: Vec<ServerEvent>, effects: &mut Effects) {
        for event in events {
            // An event may have ended the run, or the stream's use.
            if effects.is_finished() || self.calls.get_mut(id).is_none() {
                return;
            }
            self.event(id, &event, effects);
        }
        if !effects.is_finished() && self.calls.get_mut(id).is_some() {
            self.settle(effects);
        }
    }

    /// Takes the end of a response.
    pub(crate) fn ended(&mut self, id: HandleId, effects: &mut Effects) {
        let Some(call) = self.calls.end(id) else { return };
        match call.purpose {
            Purpose::Card => self.card(&call, effects),
            Purpose::Send | Purpose::Subscribe if call.streams && call.body_is_empty() => {
                self.stream_is_over(&call, None, effects);
            }
            Purpose::Send => self.answered(&call, effects),
            Purpose::Subscribe => self.not_subscribed(&call, effects),
            Purpose::Poll => self.polled(&call, effects),
            Purpose::Cancel => self.cancel_answered(&call, effects),
        }
    }

    /// Takes a request that came to nothing.
    pub(crate) fn failed(&mut self, failed: FailedRequest, effects: &mut Effects) {
        let Some(call) = self.calls.end(failed.id) else { return };
        self.came_to_nothing(&call, failed.fault, &failed.text, effects);
    }

    fn came_to_nothing(&mut self, call: &Call, fault: RequestFault, text: &str, effects: &mut Effects) {
        match call.purpose {
            Purpose::Card => self.no_card(fault, text, effects),
            Purpose::Send | Purpose::Subscribe => self.stream_is_over(call, Some((fault, text)), effects),
            Purpose::Poll => self.not_polled(&Fault { code: 0, message: text.to_owned() }, effects),
            Purpose::Cancel => self.cancel_failed(text, effects),
        }
    }

    /// Takes a timer's ring.
    pub(crate) fn rang(&mut self, id: HandleId, effects: &mut Effects) {
        match id {
            timer::POLL => self.time_to_look(effects),
            timer::RETRY => self.again(effects),
            timer::LINGER => self.lingered(effects),
            timer::CANCEL => self.cancel_unanswered(effects),
            _ => {}
        }
    }

    /// Takes what the host did not do.
    pub(crate) fn refused(&mut self, refused: Refused, effects: &mut Effects) {
        match (refused.effect.as_str(), refused.id) {
            ("send-request", Some(id)) => {
                let Some(call) = self.calls.end(id) else { return };
                let to = match call.purpose {
                    Purpose::Card => "the agent's card cannot be fetched".to_owned(),
                    _ => format!("{} cannot be sent to {}", call.name, self.endpoint()),
                };
                let outcome = Outcome::failed("not_granted", format!("{to}: {}", refused.reason));
                // Nothing else would be allowed to reach it either.
                self.finish(outcome, effects);
            }
            // Whoever has no timers can still wait for streams and answers.
            ("set-timer", Some(timer::CANCEL)) => self.cancel_unanswered(effects),
            ("set-timer", Some(timer::LINGER)) => self.lingered(effects),
            ("set-timer", Some(id)) if self.stream.is_none() => {
                let text =
                    format!("timer {id} is needed to follow a task without a stream: {}", refused.reason);
                self.give_up(Outcome::failed("not_granted", text), effects);
            }
            ("set-timer", _) => {}
            (effect, _) => effects.emit(
                Draft::new("x_remote_a2a_refused")
                    .field("effect", effect)
                    .field("reason", refused.reason.as_str()),
            ),
        }
    }

    /// Takes a further message of the user's.
    pub(crate) fn say(&mut self, message: Message, effects: &mut Effects) {
        if !matches!(self.phase, Phase::Asked) {
            effects.emit(
                Draft::new("x_remote_a2a_undelivered").field("text", prompt::flatten(&message)).field(
                    "reason",
                    "the agent did not ask for anything; continue the run when it has ended",
                ),
            );
            return;
        }
        self.reply(message.parts, message.metadata.as_deref(), effects);
    }

    /// Answers the agent's question.
    fn reply(&mut self, parts: Vec<Part>, metadata: Option<&str>, effects: &mut Effects) {
        self.stop_looking(effects);
        // The answer has a stream of its own.
        self.leave_stream(effects);
        self.phase = Phase::Talking;
        self.book.resume();
        self.adopted = false;
        let run = self.run_id();
        self.outgoing = Some(self.message(parts, metadata, &run));
        self.attempts = 0;
        self.send(effects);
    }

    fn run_id(&self) -> String {
        let run = self.metadata.get("nanobot_orchestrator").and_then(|about| about.get("run_id")?.as_str());
        run.unwrap_or_default().to_owned()
    }

    fn endpoint(&self) -> String {
        self.agent.as_ref().map_or_else(|| self.base.url(), |agent| agent.endpoint.url())
    }

    /// Has the host keep what the next run of the session needs, if that has changed.
    fn remember(&mut self, effects: &mut Effects) {
        let memory = Memory {
            agent_url: self.base.url(),
            context_id: self.book.context.clone(),
            task_id: self.book.task.clone(),
            state: self.book.state.map(|state| state.as_str().to_owned()),
            messages: self.messages,
        };
        if memory.context_id.is_some() && self.remembered.as_ref() != Some(&memory) {
            effects.remember(&json!(memory));
            self.remembered = Some(memory);
        }
    }

    /// Ends the run here and now.
    fn finish(&mut self, outcome: Outcome, effects: &mut Effects) {
        self.book.tell_artifacts(effects);
        self.remember(effects);
        effects.finish(outcome);
    }
}
