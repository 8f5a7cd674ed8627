//! Taking in run folders that the server before this one wrote.
//!
//! Such a folder lies where agents work, may be torn by a crash, and may be made up. So it is read within bounds,
//! links are not followed, ids must be ids, no path in it is believed, and whatever cannot be used is passed over and
//! told. What is taken in obeys the rules of this store: events are numbered anew from 1, and every run is over, with
//! the event that ends it last. A run that is known already is left as it is, so importing again changes nothing.

mod artifacts;
mod events;
mod records;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use pointsman_model::{HostId, RunId};
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;

use crate::at_rest::Codec;
use crate::run_folder::{FOLDER, FolderError, open_dir, read_file};
use crate::write::{
    EventRow, free_name, insert_events, insert_run, insert_session, insert_spec, insert_spilled,
    name_is_taken,
};
use crate::{Durability, Store, StoreError};
use events::read_events;
use records::{FoundRun, read_run, read_session};

/// Runs that are looked at, at most.
const RUNS: usize = 100_000;
/// Notes on one run, at most.
const NOTES: usize = 50;
/// Bytes of a JSON file, at most.
const JSON_BYTES: u64 = 32 << 20;
/// Bytes of a run's events, at most.
const EVENTS_BYTES: u64 = 512 << 20;

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// Runs that were taken in.
    pub imported: Vec<RunId>,
    /// How many were known already.
    pub known: u64,
    /// Folders that are not runs, or not to be saved, each with the reason.
    pub skipped: Vec<(String, String)>,
    /// What is not as it was in runs that were taken in.
    pub notes: Vec<(RunId, String)>,
}

/// A folder that could not be imported from at all.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// There is no run folder, or it cannot be read.
    #[error("no run folder in {}: {source}", path.display())]
    NoFolder {
        /// The working directory.
        path: PathBuf,
        /// Why.
        source: Arc<std::io::Error>,
    },
    /// The run folder, or its `runs`, is not a plain folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The state could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes in the runs of `<cwd>/.nanobot-orchestrator/`.
///
/// Blocks; must not be called on a reactor thread. A run that was not over is taken for one whose server died: do
/// not import from a folder that a server is still writing.
///
/// # Errors
///
/// If there is no such folder, or the state cannot be read or written. Runs taken in before that stay.
pub fn import_run_folder(store: &Store, cwd: &Path) -> Result<ImportReport, ImportError> {
    let no_folder = |source| ImportError::NoFolder { path: cwd.to_owned(), source: Arc::new(source) };
    let cwd_path = cwd.canonicalize().map_err(no_folder)?;
    let cwd_dir = Dir::open_ambient_dir(&cwd_path, ambient_authority()).map_err(no_folder)?;
    cwd_dir.symlink_metadata(FOLDER).map_err(no_folder)?;
    let folder = open_dir(&cwd_dir, FOLDER)?;
    let runs = open_dir(&folder, "runs")?;
    let mut names: Vec<String> = Vec::new();
    for entry in runs.entries().map_err(no_folder)?.take(RUNS) {
        names.push(entry.map_err(no_folder)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();

    let place = Place { cwd: cwd_path.to_string_lossy().into_owned(), folder, runs };
    let mut report = ImportReport::default();
    for name in names {
        let Ok(run_id) = name.parse::<RunId>() else {
            report.skip(&name, "its name is no run_id");
            continue;
        };
        // Only in the one form that ids are written in, so that no two names mean the same run.
        if run_id.to_string() != name {
            report.skip(&name, "its name is not a run_id in lower case");
            continue;
        }
        if store.run(run_id)?.is_some() {
            report.known += 1;
            continue;
        }
        match place.read(run_id) {
            Ok((found, notes)) => {
                let renamed = store.take_in(found)?;
                report.imported.push(run_id);
                report.notes.extend(notes.into_iter().chain(renamed).map(|note| (run_id, note)));
            }
            Err(reason) => report.skip(&name, &reason),
        }
    }
    Ok(report)
}

impl ImportReport {
    fn skip(&mut self, name: &str, reason: &str) {
        self.skipped.push((name.chars().take(80).collect(), reason.to_owned()));
    }
}

/// Where runs are imported from.
struct Place {
    cwd: String,
    folder: Dir,
    runs: Dir,
}

impl Place {
    /// Reads one run, or says why it cannot be.
    fn read(&self, run_id: RunId) -> Result<(FoundRun, Vec<String>), String> {
        let dir = open_dir(&self.runs, &run_id.to_string()).map_err(|error| error.to_string())?;
        let mut notes = Vec::new();
        let mut found = read_run(&dir, run_id, &self.cwd, &mut notes)?;
        read_session(&self.folder, &mut found, &mut notes);
        read_events(&dir, &mut found, &mut notes)?;
        artifacts::read_artifacts(&dir, &mut found, &mut notes);
        records::settle(&mut found, &mut notes);
        if notes.len() > NOTES {
            let more = notes.len() - NOTES;
            notes.truncate(NOTES);
            notes.push(format!("and {more} things more"));
        }
        Ok((found, notes))
    }
}

/// Reads the JSON value at the beginning of a file; a tail of garbage, as an interrupted rewrite leaves it, is noted.
fn read_json(dir: &Dir, name: &str, notes: &mut Vec<String>) -> Result<Value, String> {
    let content = read_file(dir, name, JSON_BYTES)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("{name} is larger than {JSON_BYTES} bytes"))?;
    let mut values = serde_json::Deserializer::from_slice(&content).into_iter::<Value>();
    let first = values.next().ok_or_else(|| format!("{name} is empty"))?;
    let first = first.map_err(|error| format!("{name} is not JSON: {error}"))?;
    if content[values.byte_offset()..].iter().any(|byte| !byte.is_ascii_whitespace()) {
        notes.push(format!("{name} had a tail that is not JSON; it is left out"));
    }
    Ok(first)
}

/// The owner of imported runs: no host ever has this id, as hosts draw theirs at random.
fn nobody() -> HostId {
    HostId::from_random([0; 16])
}

impl Store {
    /// Says whether a run was taken over from an older server, so that no host of this state ever drove it.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn was_imported(&self, run: RunId) -> Result<bool, StoreError> {
        Ok(self.owner(run)? == nobody())
    }

    /// Stores a run from elsewhere, at once or not at all; gives a note if its session got another name.
    fn take_in(&self, found: FoundRun) -> Result<Option<String>, StoreError> {
        let run_id = found.record.run_id;
        let sealed = self.seal_settings(run_id, &Value::Null)?;
        let bytes = found.bytes;
        let codec = self.codec().clone();
        self.write_blocking(Durability::Flushed, bytes, move |connection| {
            insert(connection, &codec, found, &sealed)
        })
    }
}

fn insert(
    connection: &Connection,
    codec: &Codec,
    found: FoundRun,
    sealed: &[u8],
) -> Result<Option<String>, StoreError> {
    let FoundRun { mut record, spec, mut session, events, spilled, .. } = found;
    let cwd = session.cwd.clone();
    let mut note = None;
    let session_row = match crate::read::session_by_id(connection, codec, session.session_id)? {
        Some((row, known)) => {
            record.agent_name = known.agent_name;
            row
        }
        None => {
            if session.agent_name.is_empty() || name_is_taken(connection, &cwd, &session.agent_name)? {
                let name = free_name(connection, &cwd)?;
                note = Some(format!("its agent was {:?} and is {name} here", session.agent_name));
                session.agent_name = name;
            }
            record.agent_name.clone_from(&session.agent_name);
            insert_session(connection, codec, &session)?
        }
    };
    let row = insert_run(connection, codec, &record, nobody(), session_row, &cwd, 0)?;
    insert_spec(connection, row, &codec.put_spec(record.run_id, &spec)?, sealed)?;
    insert_events(connection, row, &EventRow::all(codec, record.run_id, &events)?)?;
    insert_spilled(connection, codec, row, &spilled)?;
    Ok(note)
}
