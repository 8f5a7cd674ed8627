//! What is asked of the store, and what it answers.

mod approvals;
mod artifacts;
mod events;
mod kin;
mod originals;
mod published;
mod runs;
mod sessions;

use pointsman_model::{AgentStatus, Approval, Event, RunId, RunRecord, Status};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::de::DeserializeOwned;

pub(crate) use kin::tree_of;
pub use kin::{TreeRun, Whose};
pub use originals::Original;
pub use published::{PublishedFilter, PublishedPage};
pub(crate) use runs::run_by_row;
pub(crate) use sessions::session_by_id;

use crate::StoreError;
use crate::at_rest::{Codec, Column};
use crate::schema::key;

/// Which runs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only runs with this status.
    pub status: Option<Status>,
    /// Only runs of this backend.
    pub backend: Option<String>,
    /// Only runs in this working directory; however many slashes end it.
    pub cwd: Option<String>,
    /// Only runs of one owner.
    pub whose: Whose,
}

/// One page of runs, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunRecord>,
    /// How many there are in all pages.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
}

/// Which agents are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Only agents in this working directory.
    pub cwd: Option<String>,
    /// Only agents of this backend.
    pub backend: Option<String>,
    /// Only agents with this status.
    pub status: Option<AgentStatus>,
}

/// What an agent's name means.
#[derive(Debug, Clone, PartialEq)]
pub enum Resolution {
    /// Its newest run that works or waits, else its newest queued one, else its newest.
    One(Box<RunRecord>),
    /// Nobody has this name.
    None,
    /// An agent has this name, and no run.
    NoRuns,
    /// Agents in several working directories have this name.
    Ambiguous {
        /// Those directories, in order, at most 20.
        cwds: Vec<String>,
    },
}

/// Consecutive events of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSlice {
    /// The events.
    pub events: Vec<Event>,
    /// True if there are more already.
    pub more: bool,
    /// The run's status, seen at the same moment.
    pub status: Status,
    /// The number of the run's newest event, seen at the same moment.
    pub last_seq: u64,
}

/// What is known of a spilled value without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactHandle {
    /// JSON Pointer into the event's data.
    pub pointer: String,
    /// `text/plain` or `application/json`.
    pub mime: String,
    /// The whole value's size.
    pub total_bytes: u64,
    /// The manifest's path in the run folder, whether or not that folder is written.
    pub relpath: String,
}

/// Gives a working directory without the slashes that end it: the form in which directories are compared.
pub(crate) fn normalised(cwd: &str) -> &str {
    match cwd.trim_end_matches('/') {
        "" if cwd.starts_with('/') => "/",
        trimmed => trimmed,
    }
}

/// Reads a run out of its id and its record, the first two columns of a row from `first` on.
fn read_run(codec: &Codec, row: &Row<'_>, first: usize) -> Result<RunRecord, StoreError> {
    codec.json(Column::Run, id_in(row, first)?, row.get_ref(first + 1)?)
}

/// Reads a question out of its id and itself, the first two columns of a row.
pub(crate) fn read_approval(codec: &Codec, row: &Row<'_>) -> Result<Approval, StoreError> {
    codec.json(Column::Approval, id_in(row, 0)?, row.get_ref(1)?)
}

/// Gives the id in a column, as it stands there: what names the row.
fn id_in<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    row.get_ref(column)?
        .as_str()
        .map_err(|error| StoreError::Damaged { what: format!("an id is no text: {error}") })
}

/// Reads JSON that this store wrote.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Damaged { what: format!("{what} cannot be read: {error}") })
}

/// Gives a run's row.
fn row_of(connection: &Connection, run: RunId) -> Result<i64, StoreError> {
    connection
        .prepare_cached("SELECT id FROM runs WHERE uuid = ?1")?
        .query_row([run.to_string()], |row| row.get(0))
        .optional()?
        .ok_or(StoreError::UnknownRun { run })
}

/// Gives the first and the last key that rows of a run may have.
pub(crate) fn keys_of(connection: &Connection, run: RunId) -> Result<(i64, i64), StoreError> {
    let row = row_of(connection, run)?;
    Ok((key(row, 1), key(row, u64::MAX)))
}
