//! Writing a state out in readable form, whether or not it is encrypted.

use std::io::{self, Write};

use pointsman_model::{Approval, Event, HostId, Mail, RunId, RunRecord, RunSpec, SessionId, SessionRecord};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::schema::number_of;
use crate::{Original, Store, StoreError};

/// Events that are read at once.
const PAGE: u32 = 500;
/// Bytes of a spilled value in one line.
const PIECE: u32 = 1 << 20;
/// Mail that is read at once.
const LETTERS: u32 = 500;

/// One line of an export: an object with one key, which says what it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Session(Box<SessionRecord>),
    Mail(Box<Mail>),
    Run(Box<RunLine>),
    Entry { run_id: RunId, entry: Value },
    Event(Box<Event>),
    Artifact { run_id: RunId, seq: u64, pointer: String, mime: String, offset: u64, content: String },
    Original { run_id: RunId, seq: u64, data: Map<String, Value> },
    Approval(Box<Approval>),
}

/// A run, and what was asked of it.
#[derive(Debug, Serialize)]
struct RunLine {
    record: RunRecord,
    spec: RunSpec,
    host: HostId,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend_config: Option<Value>,
}

/// Why nothing more was exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The state could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It could not be written where it was to go.
    #[error("the export could not be written: {source}")]
    Write {
        /// Why.
        #[from]
        source: io::Error,
    },
}

/// What is exported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportScope {
    /// Only this run, with its session.
    pub run: Option<RunId>,
    /// Also what is sealed in any case: the backends' settings, and what stood in events before secrets were taken out.
    pub sealed: bool,
}

impl Store {
    /// Writes everything out as lines of JSON: sessions with their mail, then runs, each followed by its entries, events,
    /// spilled values (in pieces, in order) and questions.
    ///
    /// Runs that are at work go on meanwhile; each is written as it is when its turn comes. Blocks.
    ///
    /// # Errors
    ///
    /// If there is no such run, the state cannot be read, or the lines cannot be written.
    pub fn export(&self, scope: ExportScope, to: &mut dyn Write) -> Result<(), ExportError> {
        match scope.run {
            Some(run) => {
                let record = self.run(run)?.ok_or(StoreError::UnknownRun { run })?;
                self.export_session(record.session_id, false, to)?;
                self.export_run(run, scope.sealed, to)
            }
            None => {
                for session in self.ids::<SessionId>("SELECT uuid FROM sessions ORDER BY id")? {
                    self.export_session(session, true, to)?;
                }
                for run in self.ids::<RunId>("SELECT uuid FROM runs ORDER BY id")? {
                    self.export_run(run, scope.sealed, to)?;
                }
                Ok(())
            }
        }
    }

    fn export_session(
        &self,
        session: SessionId,
        with_mail: bool,
        to: &mut dyn Write,
    ) -> Result<(), ExportError> {
        let record = self.session(session)?.ok_or(StoreError::UnknownSession { session })?;
        put(to, &Line::Session(Box::new(record)))?;
        if !with_mail {
            return Ok(());
        }
        let mut after = 0;
        loop {
            let letters = self.fetch_mail(session, after, LETTERS)?;
            let Some(last) = letters.last() else { return Ok(()) };
            after = last.seq;
            for mail in letters {
                put(to, &Line::Mail(Box::new(mail)))?;
            }
        }
    }

    fn export_run(&self, run: RunId, sealed: bool, to: &mut dyn Write) -> Result<(), ExportError> {
        let record = self.run(run)?.ok_or(StoreError::UnknownRun { run })?;
        let last = record.last_seq;
        let backend_config = sealed.then(|| self.sealed_config(run)).transpose()?;
        let (spec, host) = (self.run_spec(run)?, self.owner(run)?);
        put(to, &Line::Run(Box::new(RunLine { record, spec, host, backend_config })))?;
        for entry in self.entries(run)? {
            // The host's own words: JSON, unless somebody else wrote them.
            let entry = serde_json::from_str(&entry).unwrap_or(Value::String(entry));
            put(to, &Line::Entry { run_id: run, entry })?;
        }
        let mut after = 0;
        while after < last {
            let slice = self.events(run, after, PAGE, usize::MAX)?;
            let Some(newest) = slice.events.last() else { break };
            after = newest.seq;
            for event in slice.events {
                put(to, &Line::Event(Box::new(event)))?;
            }
        }
        for seq in self.spilled_of(run)? {
            for handle in self.artifacts(run, seq)? {
                self.export_artifact(run, seq, &handle.pointer, to)?;
            }
        }
        for seq in if sealed { self.originals(run)? } else { Vec::new() } {
            if let Some(Original::Kept(data)) = self.original(run, seq)? {
                put(to, &Line::Original { run_id: run, seq, data })?;
            }
        }
        for approval in self.approvals_of(run)? {
            put(to, &Line::Approval(Box::new(approval)))?;
        }
        Ok(())
    }

    fn export_artifact(
        &self,
        run: RunId,
        seq: u64,
        pointer: &str,
        to: &mut dyn Write,
    ) -> Result<(), ExportError> {
        let mut offset = 0;
        loop {
            let page = self.artifact(run, seq, pointer, offset, PIECE)?;
            let (pointer, mime, content) = (page.field_path, page.mime, page.content);
            put(to, &Line::Artifact { run_id: run, seq, pointer, mime, offset, content })?;
            offset += page.returned_bytes;
            if !page.has_more {
                return Ok(());
            }
        }
    }

    /// Gives the numbers of a run's events that values were moved out of.
    fn spilled_of(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.with_snapshot(|connection| {
            let (first, last) = crate::read::keys_of(connection, run)?;
            let mut events = connection.prepare_cached(
                "SELECT DISTINCT event FROM artifacts WHERE event BETWEEN ?1 AND ?2 ORDER BY event",
            )?;
            let events = events.query_map([first, last], |row| Ok(number_of(row.get(0)?)))?;
            events.map(|seq| Ok(seq?)).collect()
        })
    }

    fn ids<T: std::str::FromStr>(&self, question: &str) -> Result<Vec<T>, StoreError> {
        self.with_reader(|connection| {
            let mut ids = connection.prepare_cached(question)?;
            let ids = ids.query_map([], |row| row.get::<_, String>(0))?;
            ids.map(|id| {
                let id = id?;
                id.parse().map_err(|_| StoreError::Damaged { what: format!("an id is {id:?}") })
            })
            .collect()
        })
    }
}

fn put(to: &mut dyn Write, line: &Line) -> Result<(), ExportError> {
    serde_json::to_writer(&mut *to, line).map_err(io::Error::from)?;
    to.write_all(b"\n")?;
    Ok(())
}
