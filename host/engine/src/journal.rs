//! One run's journal: what a command leads to is written first and true only then.

use std::sync::Arc;

use pointsman_audit::AuditError;
use pointsman_kernel::{Command, Entry, Refused, Run};
use pointsman_model::{Event, EventKind, HostId, SpilledValue};
use pointsman_store::{Commit, Durability, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::audit::Recorder;
use crate::projection::Projection;
use crate::sanitize::{Aside, CleanDraft, Sanitizers, refer};
use crate::{Clock, last_stage};

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The command means nothing now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be recorded, and must not happen then.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

/// An entry with its place among the run's events, as it is stored.
#[derive(Serialize, Deserialize)]
struct Placed<E> {
    after_seq: u64,
    entry: E,
}

/// What writing a journal takes.
pub(crate) struct Pen {
    pub(crate) host: HostId,
    pub(crate) store: Store,
    pub(crate) sanitizers: Arc<Sanitizers>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) recorder: Arc<Recorder>,
}

/// One run's journal and the state that follows from it.
pub(crate) struct Journal {
    run: Run,
    pen: Pen,
    projection: Projection,
    /// What stood in the run's outcome before the sanitizers changed it, if that is to be kept.
    outcome_was: Option<Map<String, Value>>,
}

impl Journal {
    /// Opens the journal of a run whose state is known.
    pub(crate) fn new(run: Run, pen: Pen, projection: Projection) -> Self {
        Self { run, pen, projection, outcome_was: None }
    }

    /// Gives the state.
    pub(crate) fn run(&self) -> &Run {
        &self.run
    }

    /// Tries a command and writes what it leads to.
    pub(crate) async fn write(
        &mut self,
        command: Command,
        durability: Durability,
    ) -> Result<(), JournalError> {
        self.write_clean(command, Vec::new(), durability).await
    }

    /// Writes sanitized events.
    pub(crate) async fn emit(&mut self, drafts: Vec<CleanDraft>) -> Result<(), JournalError> {
        let (drafts, aside) = drafts.into_iter().map(|clean| (clean.draft, clean.aside)).unzip();
        self.write_clean(Command::Emit(drafts), aside, Durability::Batched).await
    }

    /// Keeps what stood in the run's outcome before it was sanitized, until the event that ends the run is written.
    pub(crate) fn keep_outcome(&mut self, was: Option<Map<String, Value>>) {
        self.outcome_was = was;
    }

    /// `aside` holds what was left beside each event, in their order; events beyond it are the kernel's own.
    async fn write_clean(
        &mut self,
        command: Command,
        aside: Vec<Aside>,
        durability: Durability,
    ) -> Result<(), JournalError> {
        let mut entries = self.run.decide(self.pen.clock.now(), command)?;
        if entries.is_empty() {
            return Ok(());
        }
        let ends = entries.iter().any(|entry| matches!(entry, Entry::Ended { .. }));
        let last_event = entries.iter().rposition(|entry| matches!(entry, Entry::Event(_)));
        let mut aside = aside.into_iter();
        let mut spilled: Vec<(u64, SpilledValue)> = Vec::new();
        let mut originals: Vec<(u64, Map<String, Value>)> = Vec::new();
        for (at, entry) in entries.iter_mut().enumerate() {
            let Entry::Event(event) = entry else { continue };
            let Aside { spilled: values, original } = match aside.next() {
                Some(aside) => aside,
                None => {
                    let outcome_was = self.outcome_was.as_ref().filter(|_| ends && Some(at) == last_event);
                    clean_own(&self.pen.sanitizers, event, outcome_was).await
                }
            };
            refer(event, &values);
            spilled.extend(values.into_iter().map(|value| (event.seq, value)));
            originals.extend(original.map(|original| (event.seq, original)));
        }

        self.pen.recorder.entries(&self.run, &entries).await?;
        let mut next = self.run.clone();
        let mut lines = Vec::new();
        let mut events = Vec::new();
        let mut claims = Vec::new();
        for entry in entries {
            next.apply(&entry);
            // Those of this run are held to their way by its own state.
            if let Entry::Claimed { at, approval_id, .. } = &entry
                && next.approvals().all(|own| own.approval_id != *approval_id)
            {
                claims.push((*approval_id, *at));
            }
            match entry {
                Entry::Event(event) => events.push(event),
                entry => lines.push(written(next.record().last_seq, &entry)),
            }
        }
        let settled =
            next.approvals().filter(|new| self.run.approvals().all(|old| old != *new)).cloned().collect();
        let remembered = next.remembered().filter(|new| self.run.remembered() != Some(new)).cloned();
        let remote_ref =
            next.record().remote_ref.clone().filter(|new| self.run.record().remote_ref.as_ref() != Some(new));
        let foreign = !claims.is_empty();
        let commit = Commit {
            entries: lines,
            events,
            spilled,
            originals,
            remembered,
            remote_ref,
            approvals: settled,
            claims,
            durability,
            ..Commit::new(self.pen.host, next.record().clone())
        };
        let shown = self.projection.wants().then(|| (commit.events.clone(), commit.spilled.clone()));
        match self.pen.store.commit(commit).await {
            Ok(()) => {}
            // Somebody took back what was to be used, between the look and the use.
            Err(StoreError::ApprovalSettled { approval, .. }) if foreign => {
                return Err(Refused::NoSuchQuestion(approval).into());
            }
            Err(error) => return Err(error.into()),
        }
        self.run = next;
        if let Some((events, spilled)) = shown {
            self.projection.show(self.run.record(), self.run.spec(), events, spilled).await;
        }
        Ok(())
    }

    /// Waits until the run folder shows everything.
    pub(crate) async fn close(self) {
        self.projection.close().await;
    }
}

/// Events of the host's own pass the sanitizers too: a final answer is an agent's text like any other. They cannot be
/// dropped.
async fn clean_own(
    sanitizers: &Arc<Sanitizers>,
    event: &mut Event,
    outcome_was: Option<&Map<String, Value>>,
) -> Aside {
    // These are the host's own words, long before any agent spoke.
    if event.kind == EventKind::STATUS_CHANGED
        && outcome_was.is_none()
        && last_stage::written(&event.data) < 1_000
    {
        return Aside::default();
    }
    let data = std::mem::take(&mut event.data);
    // What an outcome says was sanitized before it became an event.
    let was = outcome_was.map(|outcome| data.clone().into_iter().chain(outcome.clone()).collect());
    let (data, aside) = sanitizers.clean_one(event.kind.as_str(), data, event.ts).await;
    event.data = data;
    Aside { original: was.or(aside.original), ..aside }
}

fn written(after_seq: u64, entry: &Entry) -> String {
    // An entry is made of strings, numbers and JSON values: it always has a written form.
    serde_json::to_string(&Placed { after_seq, entry }).unwrap_or_default()
}

/// Gives the entries of a journal, without the events that lie between them.
pub(crate) fn entries_of(lines: &[String]) -> Result<Vec<Entry>, serde_json::Error> {
    lines.iter().map(|line| serde_json::from_str::<Placed<Entry>>(line).map(|placed| placed.entry)).collect()
}

/// Puts a run's state together from what is stored: entries and events in the order in which they were written.
///
/// `created` is the run's first entry, which the store keeps as columns.
pub(crate) fn replay(created: Entry, lines: &[String], events: Vec<Event>) -> Result<Run, serde_json::Error> {
    let mut entries = vec![created];
    let mut events = events.into_iter().peekable();
    for line in lines {
        let placed: Placed<Entry> = serde_json::from_str(line)?;
        while let Some(event) = events.next_if(|event| event.seq <= placed.after_seq) {
            entries.push(Entry::Event(event));
        }
        entries.push(placed.entry);
    }
    entries.extend(events.map(Entry::Event));
    Run::replay(&entries).ok_or_else(|| serde::de::Error::custom("a journal begins with the run's creation"))
}
