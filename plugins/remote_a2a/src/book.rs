//! What is known of the task, and what of it has been told.

use std::collections::{BTreeSet, VecDeque};

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value, json};

use crate::artifact::{Artifacts, Taken};
use crate::json::{LARGEST, weight};
use crate::reply::{Chunk, Said, Snapshot, Status, Update, text_of};
use crate::state::State;

/// Messages whose ids are kept, so that none is told twice.
const REMEMBERED: usize = 20_000;
/// Things that nobody knows, before it is called another protocol.
const UNKNOWN: usize = 1_000;

/// What is known of the task.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Who the agent is, for every event: `agent_url`, `agent_name`.
    agent: Map<String, Value>,
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) state: Option<State>,
    /// The message of the newest status.
    pub(crate) last_word: Option<Said>,
    timestamp: Option<String>,
    /// A message and no task.
    pub(crate) direct: Option<Said>,
    /// The last text that the agent said.
    pub(crate) last_text: Option<String>,
    pub(crate) artifacts: Artifacts,
    seen: Seen,
    /// Ids of the messages that were sent from here.
    own: Vec<String>,
    /// A stream may have said something twice, or not at all: a snapshot has to tell.
    pub(crate) in_doubt: bool,
    /// The question that was asked last, so that an old snapshot does not ask it again.
    asked: Option<(Option<String>, Option<String>)>,
    /// Grows with everything that is news.
    pub(crate) news: u64,
    unknown: usize,
}

/// Keys of messages that were told.
#[derive(Debug, Default)]
struct Seen {
    keys: BTreeSet<String>,
    order: VecDeque<String>,
    /// The newest one without an id, by its content.
    nameless: Option<String>,
}

/// Something that cannot go on.
pub(crate) type Limit = String;

impl Book {
    /// Learns who the agent is.
    pub(crate) fn set_agent(&mut self, url: &str, name: Option<&str>) {
        self.agent.insert("agent_url".to_owned(), url.into());
        if let Some(name) = name {
            self.agent.insert("agent_name".to_owned(), name.into());
        }
    }

    /// Notes a message that goes out.
    pub(crate) fn note_own(&mut self, id: &str) {
        self.own.push(id.to_owned());
    }

    /// Gives what identifies task, context and agent, for an event.
    pub(crate) fn ids(&self) -> Map<String, Value> {
        let mut ids = Map::new();
        ids.insert("task_id".to_owned(), json!(self.task));
        ids.insert("context_id".to_owned(), json!(self.context));
        ids
    }

    /// Gives the same as one object, with the agent.
    pub(crate) fn remote_ref(&self) -> Map<String, Value> {
        let mut reference = self.agent.clone();
        reference.insert("provider".to_owned(), "remote_a2a".into());
        if let Some(context) = &self.context {
            reference.insert("context_id".to_owned(), context.as_str().into());
            reference.insert("conversation_id".to_owned(), context.as_str().into());
        }
        if let Some(task) = &self.task {
            reference.insert("task_id".to_owned(), task.as_str().into());
        }
        reference
    }

    /// Tells a status that is the run's, too.
    pub(crate) fn status_event(&self, status: &str) -> Draft {
        Draft::new(kind::STATUS_CHANGED)
            .field("status", status)
            .fields(self.ids())
            .field("remote_ref", self.remote_ref())
            .fields(self.agent.clone())
    }

    /// Forgets the task, but not the conversation: the next message begins another one.
    pub(crate) fn forget_task(&mut self) {
        self.task = None;
        self.state = None;
        self.timestamp = None;
        self.last_word = None;
        self.artifacts.clear();
    }

    /// Says whether something is about another task than this one; learns which it is, if it is the first.
    fn is_foreign(&mut self, task: Option<&str>, context: Option<&str>) -> bool {
        match (task, &self.task) {
            (Some(said), Some(known)) if said != known => return true,
            (Some(said), None) => self.task = Some(said.to_owned()),
            _ => {}
        }
        if let Some(context) = context {
            self.context = Some(context.to_owned());
        }
        false
    }

    /// Takes a task as it stands. `doubles`: its artifacts may hold chunks twice.
    pub(crate) fn snapshot(
        &mut self,
        snapshot: Snapshot,
        doubles: bool,
        effects: &mut Effects,
    ) -> Result<(), Limit> {
        if self.is_foreign(Some(&snapshot.task), snapshot.context.as_deref()) {
            return self.unknown("foreign_task", json!({ "task": snapshot.task }), effects);
        }
        // What was said before our own first word of this run belongs to the runs before it.
        let ours =
            snapshot.history.iter().position(|said| said.id.as_ref().is_some_and(|id| self.own.contains(id)));
        let this_task = self.task.clone();
        for (at, said) in snapshot.history.into_iter().enumerate() {
            let current = match ours {
                Some(ours) => at > ours,
                None => said.task.is_some() && said.task == this_task,
            };
            if current && said.id.is_some() {
                self.say(said, effects);
            }
        }
        let before = self.artifacts.revisions();
        let taken = self.artifacts.replace(snapshot.artifacts, doubles);
        if self.artifacts.revisions() != before {
            self.news += 1;
        }
        self.in_doubt = false;
        self.status(snapshot.status, snapshot.extra, effects);
        self.within_bounds(taken)
    }

    /// Takes a change of status.
    pub(crate) fn update(&mut self, update: Update, effects: &mut Effects) -> Result<(), Limit> {
        if self.is_foreign(update.task.as_deref(), update.context.as_deref()) {
            return self.unknown(
                "foreign_task",
                json!({ "task": update.task, "state": update.status.word }),
                effects,
            );
        }
        self.status(update.status, update.extra, effects);
        Ok(())
    }

    /// Takes a piece of an artifact.
    pub(crate) fn chunk(&mut self, chunk: Chunk, effects: &mut Effects) -> Result<(), Limit> {
        if self.is_foreign(chunk.task.as_deref(), chunk.context.as_deref()) {
            return self.unknown(
                "foreign_task",
                json!({ "task": chunk.task, "artifact": chunk.id }),
                effects,
            );
        }
        self.news += 1;
        let ids = self.ids();
        let taken = self.artifacts.take(chunk, &ids, effects);
        self.in_doubt |= taken == Taken::Doubtful;
        self.within_bounds(taken)
    }

    /// Takes a message that stands for itself. The task that it names need not be one.
    pub(crate) fn message(&mut self, said: Said, effects: &mut Effects) {
        if let Some(context) = &said.context {
            self.context = Some(context.clone());
        }
        self.say(said.clone(), effects);
        if self.task.is_none() {
            self.direct = Some(said);
        }
    }

    /// Keeps what nobody knows.
    pub(crate) fn unknown(&mut self, what: &str, value: Value, effects: &mut Effects) -> Result<(), Limit> {
        self.unknown += 1;
        effects.emit(Draft::new(format!("x_remote_a2a_{what}")).field("event", value).fields(self.ids()));
        if self.unknown > UNKNOWN {
            return Err(format!(
                "the agent sent more than {UNKNOWN} things that are not of this conversation"
            ));
        }
        Ok(())
    }

    /// Notes that the agent waits, and was understood.
    pub(crate) fn note_asked(&mut self) {
        self.asked = Some(self.question());
    }

    /// Says whether a snapshot only shows the question that was asked already. One that neither a message nor a time
    /// tells from others is the same for as long as it is `waiting` for its answer.
    pub(crate) fn is_asked(&self, status: &Status, waiting: bool) -> bool {
        let id = status.message.as_ref().and_then(|said| said.id.clone());
        let told_apart = id.is_some() || status.timestamp.is_some();
        (told_apart || waiting) && self.asked.as_ref() == Some(&(id, status.timestamp.clone()))
    }

    /// Says whether the agent still asks what it asked last.
    pub(crate) fn asks_the_same(&self) -> bool {
        self.asked.as_ref() == Some(&self.question())
    }

    fn question(&self) -> (Option<String>, Option<String>) {
        (self.last_word.as_ref().and_then(|said| said.id.clone()), self.timestamp.clone())
    }

    /// Notes that our answer is on its way: the question is the agent's no more.
    pub(crate) fn resume(&mut self) {
        self.state = Some(State::Submitted);
        self.last_word = None;
    }

    /// Tells all artifacts that were not told as they are.
    pub(crate) fn tell_artifacts(&mut self, effects: &mut Effects) {
        let ids = self.ids();
        self.artifacts.tell(&ids, effects);
    }

    /// Tells those that have stopped changing.
    pub(crate) fn tell_quiet_artifacts(&mut self, effects: &mut Effects) {
        let ids = self.ids();
        self.artifacts.tell_quiet(&ids, effects);
    }

    fn status(&mut self, status: Status, extra: Option<Value>, effects: &mut Effects) {
        let over = self.state.is_some_and(State::is_terminal);
        if over || is_before(status.timestamp.as_deref(), self.timestamp.as_deref()) {
            // What comes too late changes nothing, but what it says was said.
            if let Some(said) = status.message {
                self.say(said, effects);
            }
            return;
        }
        let changed = status.state.is_some() && status.state != self.state;
        if changed {
            self.news += 1;
            self.state = status.state;
        }
        if status.timestamp.is_some() {
            self.timestamp = status.timestamp;
        }
        match status.state.map(State::status) {
            Some(Some(word)) if changed || extra.is_some() => {
                effects.emit(self.status_event(word).field("state", status.word).maybe("extra", extra));
            }
            None => {
                let draft =
                    Draft::new("x_remote_a2a_state").field("state", status.word).maybe("extra", extra);
                effects.emit(draft.fields(self.ids()));
            }
            Some(_) => {
                if let Some(extra) = extra {
                    let draft =
                        Draft::new("x_remote_a2a_state").field("state", status.word).field("extra", extra);
                    effects.emit(draft.fields(self.ids()));
                }
            }
        }
        if changed {
            self.last_word = None;
        }
        if let Some(said) = status.message {
            self.last_word = Some(said.clone());
            self.say(said, effects);
        }
    }

    /// Tells a message, unless that was done.
    fn say(&mut self, said: Said, effects: &mut Effects) {
        let ours = said.id.as_ref().is_some_and(|id| self.own.contains(id));
        if ours || !self.seen.is_new(&said) {
            return;
        }
        self.news += 1;
        let text = text_of(&said.parts, "\n");
        let role = if said.by_agent { "agent" } else { "user" };
        let with_item = |draft: Draft| match &said.id {
            Some(id) => draft.item(id.as_str()),
            None => draft,
        };
        // A long text is in the twin, and in the message as it came.
        let short = (text.len() <= 64 << 10).then(|| text.clone());
        effects.emit(with_item(
            Draft::new(kind::MESSAGE_ADDED)
                .field("message", Value::Object(said.raw.clone()))
                .field("role", role)
                .maybe("text", short)
                .fields(self.ids()),
        ));
        if said.by_agent {
            effects.emit(with_item(
                Draft::new(kind::AGENT_MESSAGE).field("text", text.as_str()).fields(self.ids()),
            ));
            if !text.is_empty() {
                self.last_text = Some(text);
            }
        }
    }

    fn within_bounds(&self, taken: Taken) -> Result<(), Limit> {
        if taken == Taken::TooMany {
            return Err("the agent made more artifacts than are taken".to_owned());
        }
        if self.artifacts.weight() > LARGEST {
            return Err(format!("the agent's artifacts are larger than {LARGEST} bytes together"));
        }
        Ok(())
    }
}

impl Seen {
    fn is_new(&mut self, said: &Said) -> bool {
        let Some(id) = &said.id else {
            // Without an id, only what is said twice in a row is known to be the same.
            let content = Value::from(said.parts.clone());
            let content = if weight(&content) > 4096 { return true } else { content.to_string() };
            return self.nameless.replace(content.clone()) != Some(content);
        };
        if !self.keys.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}

/// Says whether a time is before another, as far as two that are written alike can be compared.
fn is_before(time: Option<&str>, other: Option<&str>) -> bool {
    match (time, other) {
        (Some(time), Some(other)) => {
            let alike = time.len() == other.len() && time.get(19..20) == other.get(19..20);
            alike && time.ends_with('Z') == other.ends_with('Z') && time < other
        }
        _ => false,
    }
}
