//! What is written: new runs, batches of running ones, mail.

mod append;
mod create;
mod mail;
mod originals;
mod standing;

pub(crate) use append::{EventRow, SpilledRow, insert_events, insert_spilled};
pub(crate) use create::{
    free_name, insert_run, insert_session, insert_spec, json_text, name_is_taken, request_row,
};
pub(crate) use originals::LARGEST as LARGEST_ORIGINAL;

use pointsman_model::{
    Approval, ApprovalId, Event, HostId, Message, MessageId, RemoteRef, RunId, RunRecord, RunSpec, SessionId,
    SpilledValue, Timestamp,
};
use serde_json::{Map, Value};

/// What a caller is promised when a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// The operating system has it: it survives the death of this process, and is seen by every reader. It may be
    /// lost if the machine loses power; then everything written after it is lost too, never something from the midst.
    #[default]
    Batched,
    /// The disk has it, with everything written before: it survives loss of power.
    Flushed,
}

/// Which session a new run belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChoice {
    /// A new one.
    New {
        /// Its id.
        session_id: SessionId,
        /// Its name; without one, it gets the lowest `agentN` that its working directory never saw.
        nickname: Option<String>,
    },
    /// An earlier one, which must exist, work in the same directory and be bound to the same backend.
    Resume {
        /// Its id.
        session_id: SessionId,
        /// A name that it must have, if the caller gave one.
        nickname: Option<String>,
    },
}

/// A run to be created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// The host that owns it.
    pub host: HostId,
    /// Its session.
    pub session: SessionChoice,
    /// What was asked. Its idempotency key, if any, is looked up first: a known key of the same working directory, from
    /// the same run's agent or from clients, gives the first run back.
    pub spec: RunSpec,
    /// The backend's own settings for the run, secrets perhaps among them: stored sealed, never shown.
    pub backend_config: Value,
    /// What is known of the run at first. The store fills in `session_id` and `agent_name`.
    pub record: RunRecord,
    /// Its first journal entries.
    pub entries: Vec<String>,
    /// Its first events, from 1; `session_id` is filled in by the store.
    pub events: Vec<Event>,
    /// Questions that it asks at once.
    pub approvals: Vec<Approval>,
}

/// What became of a [`NewRun`].
#[derive(Debug, Clone, PartialEq)]
pub enum Creation {
    /// It is on disk.
    Created(RunRecord),
    /// Its idempotency key was known: this is the first run, as it is now. Nothing was written.
    Existing(RunRecord),
}

impl Creation {
    /// Gives the run, new or not.
    #[must_use]
    pub fn record(&self) -> &RunRecord {
        match self {
            Self::Created(record) | Self::Existing(record) => record,
        }
    }
}

/// One run's next batch: all of it is stored at once, or nothing.
///
/// Two rules are checked. Events go on from the run's last number without a gap, and `record.last_seq` is the number
/// of the last one: a batch made from stale knowledge is refused. And the event that ends a run comes last, in the
/// same batch as the terminal status; afterwards the run takes no more events.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// The host that owns the run; any other is refused.
    pub host: HostId,
    /// What is known of the run after this batch. Names the run.
    pub record: RunRecord,
    /// Journal entries, opaque to the store.
    pub entries: Vec<String>,
    /// Events, numbered.
    pub events: Vec<Event>,
    /// Values moved out of these events, each with its event's number.
    pub spilled: Vec<(u64, SpilledValue)>,
    /// What stood in these events before secrets were taken out of them, each with its event's number: stored sealed,
    /// and shown by [`Store::original`](crate::Store::original) alone.
    pub originals: Vec<(u64, Map<String, Value>)>,
    /// What the session is to remember from now on; `None` leaves it as it is.
    pub remembered: Option<Value>,
    /// What identifies the session at its provider from now on; `None` leaves it as it is.
    pub remote_ref: Option<RemoteRef>,
    /// Questions asked or settled. A settled question stays settled, and is used once.
    pub approvals: Vec<Approval>,
    /// Approvals of other runs that this one uses, and when. Each must stand at that moment.
    pub claims: Vec<(ApprovalId, Timestamp)>,
    /// How durable it must be before the write returns.
    pub durability: Durability,
}

impl Commit {
    /// Makes a batch that only replaces what is known of the run; the caller adds the rest.
    #[must_use]
    pub fn new(host: HostId, record: RunRecord) -> Self {
        Self {
            host,
            record,
            entries: Vec::new(),
            events: Vec::new(),
            spilled: Vec::new(),
            originals: Vec::new(),
            remembered: None,
            remote_ref: None,
            approvals: Vec::new(),
            claims: Vec::new(),
            durability: Durability::Batched,
        }
    }

    /// Names the run.
    #[must_use]
    pub fn run_id(&self) -> RunId {
        self.record.run_id
    }
}

/// A message to be put into an inbox.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMail {
    /// Names it.
    pub message_id: MessageId,
    /// Who says it sent it.
    pub from_agent_name: Option<String>,
    /// That one's session.
    pub from_session_id: Option<SessionId>,
    /// Whose inbox.
    pub to_session_id: SessionId,
    /// When it was sent.
    pub created_at: Timestamp,
    /// What it says.
    pub body: Message,
    /// The sender's own.
    pub metadata: Map<String, Value>,
}
