//! Adding to a run: one batch, all of it or nothing.

use pointsman_model::{
    Approval, ApprovalState, Digest, Event, EventKind, HostId, RunId, RunRecord, SpilledValue, Status,
};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::originals::{OriginalRow, insert_originals};
use super::standing::use_standing;
use super::{Commit, Durability};
use crate::at_rest::{Codec, Column, Stored};
use crate::schema::key;
use crate::{Store, StoreError};

impl Store {
    /// Stores a run's next batch: events, entries and the run's new state become visible together.
    ///
    /// With [`Durability::Batched`] it returns as soon as every reader can see the batch, and the batch survives the
    /// death of this process; with [`Durability::Flushed`] it returns when the batch and everything before it would
    /// survive a loss of power as well. If the caller stops waiting, the batch may be stored all the same.
    ///
    /// # Errors
    ///
    /// If the run is another host's or is over, the batch does not go on from where the run is or breaks a rule of
    /// [`Commit`], or the state cannot be written. Nothing of the batch is stored then.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let durability = commit.durability;
        let batch = Batch::prepare(self, commit)?;
        self.write(durability, batch.bytes, move |connection| batch.store(connection)).await
    }

    /// Takes over a run of a dead host. False if somebody else was faster, or the run is over.
    ///
    /// # Errors
    ///
    /// If the host is alive, or the state cannot be written.
    pub async fn adopt(&self, run: RunId, from: HostId, to: HostId) -> Result<bool, StoreError> {
        // A dead host stays dead, so this cannot become wrong before the write.
        if self.is_alive(from)? {
            return Err(StoreError::HostAlive { host: from });
        }
        self.write(Durability::Flushed, 0, move |connection| {
            let taken = connection
                .prepare_cached("UPDATE runs SET host = ?3 WHERE uuid = ?1 AND host = ?2 AND ended = 0")?
                .execute([run.to_string(), from.to_string(), to.to_string()])?;
            Ok(taken == 1)
        })
        .await
    }
}

/// Says whether an event is one that only ends a run.
fn is_ending(event: &Event) -> bool {
    [EventKind::RUN_COMPLETED, EventKind::RUN_FAILED, EventKind::REJECTED].contains(&event.kind)
}

/// Says whether a run may end with an event: also by a status that is one of an end.
fn may_end(event: &Event) -> bool {
    let status = event.data.get("status").and_then(serde_json::Value::as_str).and_then(Status::from_word);
    is_ending(event) || (event.kind == EventKind::STATUS_CHANGED && status.is_some_and(Status::is_terminal))
}

/// Holds a batch's events to the rules that need no knowledge of the run.
fn check_events(run: RunId, events: &[Event], status: Status) -> Result<(), StoreError> {
    let Some((last, before)) = events.split_last() else { return Ok(()) };
    if before.iter().any(is_ending) || (is_ending(last) && !status.is_terminal()) {
        let rule = "an event that ends the run is its last, stored with the terminal status";
        return Err(StoreError::Rule { run, rule });
    }
    let first = last.seq.saturating_sub(before.len() as u64);
    if events.iter().zip(first..).any(|(event, seq)| event.seq != seq) {
        return Err(StoreError::Rule { run, rule: "events are numbered without gaps" });
    }
    Ok(())
}

/// Holds a batch to it that a run which was not over ends with an event that says so.
fn check_end(run: RunId, events: &[Event], status: Status) -> Result<(), StoreError> {
    if status.is_terminal() && !events.last().is_some_and(may_end) {
        return Err(StoreError::Rule {
            run,
            rule: "a terminal status comes with the event that ends the run",
        });
    }
    Ok(())
}

/// Holds a new run, which may be over at once, to the same rules.
pub(super) fn check_new(record: &RunRecord, events: &[Event]) -> Result<(), StoreError> {
    let run = record.run_id;
    check_events(run, events, record.status)?;
    check_end(run, events, record.status)?;
    if record.last_seq != events.len() as u64 || events.first().is_some_and(|first| first.seq != 1) {
        return Err(StoreError::Stale { run, last_seq: 0, asked: record.last_seq });
    }
    Ok(())
}

/// A batch in the form in which it is stored, made before it is queued: the one thread that writes has better things
/// to do than to write JSON, to digest and to encrypt.
struct Batch {
    commit: Commit,
    codec: Codec,
    record: Stored<'static>,
    events: Vec<EventRow>,
    spilled: Vec<SpilledRow>,
    originals: Vec<OriginalRow>,
    bytes: usize,
}

/// An event as it is stored.
pub(crate) struct EventRow {
    seq: u64,
    ts: u64,
    kind: EventKind,
    data: Stored<'static>,
}

impl EventRow {
    fn of(codec: &Codec, run: RunId, event: &Event) -> Result<Self, StoreError> {
        let row = format_args!("{run}/{}", event.seq);
        Ok(Self {
            seq: event.seq,
            ts: event.ts.as_millis(),
            kind: event.kind.clone(),
            data: codec.put_json(Column::Event, row, &event.data)?,
        })
    }

    /// Makes rows of a run's events.
    pub(crate) fn all(codec: &Codec, run: RunId, events: &[Event]) -> Result<Vec<Self>, StoreError> {
        events.iter().map(|event| Self::of(codec, run, event)).collect()
    }
}

/// A spilled value as it is stored.
pub(crate) struct SpilledRow {
    seq: u64,
    relpath: String,
    digest: Digest,
    value: SpilledValue,
}

impl SpilledRow {
    pub(crate) fn of(seq: u64, relpath: String, value: SpilledValue) -> Self {
        Self { seq, relpath, digest: Digest::of(value.content.as_bytes()), value }
    }
}

impl Batch {
    fn prepare(store: &Store, mut commit: Commit) -> Result<Self, StoreError> {
        let codec = store.codec();
        let run = commit.run_id();
        let mut spilled = Vec::with_capacity(commit.spilled.len());
        for (seq, value) in std::mem::take(&mut commit.spilled) {
            let Some(event) = commit.events.iter().find(|event| event.seq == seq) else {
                return Err(StoreError::Rule {
                    run,
                    rule: "a spilled value belongs to an event of its batch",
                });
            };
            let relpath = relpath(seq, event.kind.as_str());
            spilled.push(SpilledRow::of(seq, relpath, value));
        }
        let mut originals = Vec::with_capacity(commit.originals.len());
        for (seq, original) in std::mem::take(&mut commit.originals) {
            if commit.events.iter().all(|event| event.seq != seq) {
                return Err(StoreError::Rule { run, rule: "an original belongs to an event of its batch" });
            }
            originals.push(store.seal_original(run, seq, &original)?);
        }
        check_events(run, &commit.events, commit.record.status)?;
        let record = codec.put_json(Column::Run, run, &commit.record)?;
        let events = EventRow::all(codec, run, &commit.events)?;
        let bytes = record.len()
            + events.iter().map(|event| event.data.len() + 64).sum::<usize>()
            + commit.entries.iter().map(String::len).sum::<usize>()
            + spilled.iter().map(|row| row.value.content.len()).sum::<usize>()
            + originals.iter().map(OriginalRow::stored_bytes).sum::<usize>();
        Ok(Self { commit, codec: codec.clone(), record, events, spilled, originals, bytes })
    }

    fn store(self, connection: &Connection) -> Result<(), StoreError> {
        let Self { commit, codec, record, events, spilled, originals, .. } = self;
        let (run, status) = (commit.run_id(), commit.record.status);
        let known = RunState::of(connection, run)?;
        if known.host != commit.host.to_string() {
            let owner = known.host.parse().map_err(|_| damaged_host(&known.host))?;
            return Err(StoreError::NotOwner { run, owner, asked: commit.host });
        }
        if known.status.is_terminal() && (status != known.status || !events.is_empty()) {
            return Err(StoreError::Ended { run, status: known.status });
        }
        let count = events.len() as u64;
        if commit.record.last_seq != known.last_seq + count
            || events.first().is_some_and(|first| first.seq != known.last_seq + 1)
        {
            let asked = commit.record.last_seq.saturating_sub(count);
            return Err(StoreError::Stale { run, last_seq: known.last_seq, asked });
        }
        let ends = status.is_terminal() && !known.status.is_terminal();
        if ends && !commit.events.last().is_some_and(may_end) {
            return Err(StoreError::Rule {
                run,
                rule: "a terminal status comes with the event that ends the run",
            });
        }
        insert_entries(connection, &codec, known.row, known.last_entry, &commit.entries)?;
        insert_events(connection, known.row, &events)?;
        insert_spilled(connection, &codec, known.row, &spilled)?;
        insert_originals(connection, known.row, &originals)?;
        put_approvals(connection, &codec, known.row, &commit.approvals)?;
        use_standing(connection, &codec, &commit.claims)?;
        remember(connection, &codec, known.session, &commit)?;
        connection
            .prepare_cached(
                "UPDATE runs SET status = ?2, ended = ?3, updated = ?4, last_seq = ?5, last_entry = ?6, record = ?7,
                     change = (SELECT max(change) + 1 FROM runs)
                 WHERE id = ?1",
            )?
            .execute(params![
                known.row,
                status.as_str(),
                status.is_terminal(),
                commit.record.updated_at.as_millis(),
                commit.record.last_seq,
                known.last_entry + commit.entries.len() as u64,
                record,
            ])?;
        Ok(())
    }
}

/// Where a run is, as far as its next batch depends on it.
struct RunState {
    row: i64,
    session: i64,
    host: String,
    status: Status,
    last_seq: u64,
    last_entry: u64,
}

impl RunState {
    fn of(connection: &Connection, run: RunId) -> Result<Self, StoreError> {
        let mut statement = connection.prepare_cached(
            "SELECT id, session, host, status, last_seq, last_entry FROM runs WHERE uuid = ?1",
        )?;
        let known = statement
            .query_row([run.to_string()], |row| {
                let state = Self {
                    row: row.get(0)?,
                    session: row.get(1)?,
                    host: row.get(2)?,
                    status: Status::Queued,
                    last_seq: row.get(4)?,
                    last_entry: row.get(5)?,
                };
                Ok((state, row.get::<_, String>(3)?))
            })
            .optional()?;
        let Some((state, status)) = known else { return Err(StoreError::UnknownRun { run }) };
        let status = Status::from_word(&status)
            .ok_or_else(|| StoreError::Damaged { what: format!("run {run} has status {status:?}") })?;
        Ok(Self { status, ..state })
    }
}

fn damaged_host(host: &str) -> StoreError {
    StoreError::Damaged { what: format!("a run's host is {host:?}") }
}

/// Gives the path of the manifest that lists an event's spilled values in a run folder.
pub(crate) fn relpath(seq: u64, kind: &str) -> String {
    format!("artifacts/{seq:06}-{kind}/manifest.json")
}

pub(crate) fn insert_entries(
    connection: &Connection,
    codec: &Codec,
    row: i64,
    last: u64,
    entries: &[String],
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached("INSERT INTO entries (id, entry) VALUES (?1, ?2)")?;
    for (entry, number) in entries.iter().zip(last + 1..) {
        let id = key(row, number);
        insert.execute(params![id, codec.put(Column::Entry, id, entry.as_str())?])?;
    }
    Ok(())
}

pub(crate) fn insert_events(
    connection: &Connection,
    row: i64,
    events: &[EventRow],
) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT INTO events (id, ts, kind, data) VALUES (?1, ?2, ?3, ?4)")?;
    for event in events {
        insert.execute(params![key(row, event.seq), event.ts, event.kind.as_str(), event.data])?;
    }
    Ok(())
}

pub(crate) fn insert_spilled(
    connection: &Connection,
    codec: &Codec,
    row: i64,
    spilled: &[SpilledRow],
) -> Result<(), StoreError> {
    for SpilledRow { seq, relpath, digest, value } in spilled {
        let digest = codec.content(*digest);
        let known: Option<i64> = connection
            .prepare_cached("SELECT id FROM contents WHERE digest = ?1")?
            .query_row([&digest], |row| row.get(0))
            .optional()?;
        let content = match known {
            Some(content) => content,
            None => insert_content(connection, codec, &digest, value)?,
        };
        connection
            .prepare_cached(
                "INSERT INTO artifacts (event, pointer, mime, relpath, content) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![key(row, *seq), value.pointer, value.mime, relpath, content])?;
    }
    Ok(())
}

fn insert_content(
    connection: &Connection,
    codec: &Codec,
    digest: &str,
    value: &SpilledValue,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached("INSERT INTO contents (digest, bytes) VALUES (?1, ?2)")?
        .execute(params![digest, value.content.len() as u64])?;
    let content = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached("INSERT INTO pieces (id, start, text) VALUES (?1, ?2, ?3)")?;
    let mut start = 0_u64;
    for (piece, number) in value.chunks().zip(0_i64..) {
        let id = (content << 24) | number;
        insert.execute(params![id, start, codec.put(Column::Piece, id, piece)?])?;
        start += piece.len() as u64;
    }
    Ok(content)
}

/// Stores questions, new or settled; holds each to the way that a question may go, so that none is used twice.
pub(crate) fn put_approvals(
    connection: &Connection,
    codec: &Codec,
    row: i64,
    approvals: &[Approval],
) -> Result<(), StoreError> {
    for approval in approvals {
        let id = approval.approval_id.to_string();
        let known: Option<(i64, String, String)> = connection
            .prepare_cached("SELECT run, state, digest FROM approvals WHERE uuid = ?1")?
            .query_row([&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let digest = approval.digest.to_string();
        if let Some((run, state, known_digest)) = known {
            let same = run == row && known_digest == digest;
            let may = ApprovalState::from_word(&state).is_some_and(|state| state.may_become(approval.state));
            if !same || !may {
                return Err(StoreError::ApprovalSettled {
                    approval: approval.approval_id,
                    from: if same { state } else { "another question".to_owned() },
                    to: approval.state.as_str().to_owned(),
                });
            }
        }
        connection
            .prepare_cached(
                "INSERT INTO approvals (uuid, run, state, asked, digest, approval) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (uuid) DO UPDATE SET state = excluded.state, approval = excluded.approval",
            )?
            .execute(params![
                id,
                row,
                approval.state.as_str(),
                approval.asked_at.as_millis(),
                digest,
                codec.put_json(Column::Approval, approval.approval_id, approval)?
            ])?;
    }
    Ok(())
}

fn remember(connection: &Connection, codec: &Codec, session: i64, commit: &Commit) -> Result<(), StoreError> {
    if commit.remembered.is_some() || commit.remote_ref.is_some() {
        let id: String = connection
            .prepare_cached("SELECT uuid FROM sessions WHERE id = ?1")?
            .query_row([session], |row| row.get(0))?;
        let remembered = commit.remembered.as_ref();
        let remembered = remembered.map(|it| codec.put_json(Column::Remembered, &id, it)).transpose()?;
        let remote_ref = commit.remote_ref.as_ref();
        let remote_ref = remote_ref.map(|it| codec.put_json(Column::RemoteRef, &id, it)).transpose()?;
        connection
            .prepare_cached(
                "UPDATE sessions SET remembered = coalesce(?2, remembered), remote_ref = coalesce(?3, remote_ref),
                     updated = max(updated, ?4)
                 WHERE id = ?1",
            )?
            .execute(params![
                session,
                remembered,
                remote_ref,
                commit.record.updated_at.as_millis(),
            ])?;
    }
    Ok(())
}
