//! The readable run folder, `<cwd>/.nanobot-orchestrator/`: what people, and clients of the server before this one,
//! look into.
//!
//! ```text
//! runs/<run_id>/run.json  events.jsonl  result.json
//! runs/<run_id>/artifacts/<seq, 6 digits>-<event type>/manifest.json  <field>.<nnnn>.txt|json
//! sessions/<session_id>.json  <session_id>.inbox.jsonl
//! ```
//!
//! It is a projection: the journal is the truth, nothing here is ever read back but by an import, and a failure to
//! write it fails no run. The folder lies where agents work, so what is found there is not trusted: every file is
//! reached through a handle on the working directory that does not let paths out of it, links are not followed, and
//! no name in a path comes from anybody but this crate. Files are replaced as a whole, so a reader never sees half of
//! one; `events.jsonl` only grows.

mod place;
mod shape;

use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use pointsman_model::{Event, Mail, RunId, RunRecord, RunSpec, SessionRecord, SpilledValue};
use serde_json::json;

use crate::write::json_text;
use shape::{ResultFile, RunFile, SessionFile, chunk_stem, extension};

pub(crate) use place::{child, open_dir, read_file};

/// The folder's name in a working directory.
pub const FOLDER: &str = ".nanobot-orchestrator";

/// A run folder that could not be written.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Something stands where a folder or a file of ours should be.
    #[error("{path} is {found}, where {expected} is expected; remove it, or switch run folders off")]
    InTheWay {
        /// What, relative to the working directory.
        path: String,
        /// What it is.
        found: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The operating system refused.
    #[error("could not write {path}: {source}")]
    Io {
        /// What, relative to the working directory.
        path: String,
        /// Why.
        source: Arc<std::io::Error>,
    },
}

/// The run folder of one working directory.
///
/// Everything blocks; call it off the reactor and after the journal has what it writes. One writer per run.
#[derive(Debug)]
pub struct RunFolder {
    dir: Dir,
}

impl RunFolder {
    /// Opens the run folder of a working directory; makes it, with a `.gitignore` of its own, if it is not there.
    ///
    /// # Errors
    ///
    /// If it cannot be made, or is a link.
    pub fn open(cwd: &Path) -> Result<Self, FolderError> {
        let failed = |source| place::io_error(&cwd.display().to_string(), source);
        let cwd = Dir::open_ambient_dir(cwd, ambient_authority()).map_err(failed)?;
        let dir = child(&cwd, FOLDER)?;
        if !dir.exists(".gitignore") {
            place::replace(&dir, ".gitignore", b"*\n")?;
        }
        Ok(Self { dir })
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_run(&self, record: &RunRecord, spec: &RunSpec) -> Result<(), FolderError> {
        let content = json_text(&RunFile::of(record, spec));
        place::replace(&self.run(record.run_id)?, "run.json", content.as_bytes())
    }

    /// Adds events to `events.jsonl`, each once: the caller hands them over in order.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write_events(&self, run: RunId, events: &[Event]) -> Result<(), FolderError> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&json_text(event));
            lines.push('\n');
        }
        place::append(&self.run(run)?, "events.jsonl", lines.as_bytes())
    }

    /// Writes the values that were moved out of one event, with their manifest.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub fn write_artifacts(
        &self,
        run: RunId,
        seq: u64,
        kind: &str,
        values: &[SpilledValue],
    ) -> Result<(), FolderError> {
        let folder = child(&self.run(run)?, "artifacts")?;
        // A kind is a word of letters, digits and underscores (`EventKind`); held to it here, as it becomes a name.
        let kind: String =
            kind.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
        let folder = child(&folder, &format!("{seq:06}-{kind}"))?;
        let mut fields = serde_json::Map::new();
        let mut stems = std::collections::BTreeSet::new();
        for value in values {
            let mut stem = chunk_stem(&value.pointer);
            while !stems.insert(stem.clone()) {
                // Two pointers may look alike once they are names.
                stem.push('_');
            }
            let mut chunks = Vec::new();
            for (chunk, number) in value.chunks().zip(0_u32..) {
                let file = format!("{stem}.{number:04}.{}", extension(&value.mime));
                place::replace(&folder, &file, chunk.as_bytes())?;
                chunks.push(json!({"file": file, "bytes": chunk.len()}));
            }
            let mut field = json!(value.reference(seq, &kind));
            field["chunks"] = chunks.into();
            fields.insert(value.pointer.clone(), field);
        }
        // Last, so that a manifest never names a file that is not there.
        let manifest = json!({"seq": seq, "event_type": kind, "fields": fields});
        place::replace(&folder, "manifest.json", json_text(&manifest).as_bytes())
    }

    /// Writes `result.json` of a run that is over: `null` if it left no result.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_result(&self, record: &RunRecord) -> Result<(), FolderError> {
        let content = json_text(&ResultFile::of(record));
        place::replace(&self.run(record.run_id)?, "result.json", content.as_bytes())
    }

    /// Writes `sessions/<session_id>.json`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_session(&self, session: &SessionRecord) -> Result<(), FolderError> {
        let content = json_text(&SessionFile::of(session));
        place::replace(
            &child(&self.dir, "sessions")?,
            &format!("{}.json", session.session_id),
            content.as_bytes(),
        )
    }

    /// Adds a message to `sessions/<session_id>.inbox.jsonl`.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_mail(&self, mail: &Mail) -> Result<(), FolderError> {
        let line = json_text(mail) + "\n";
        place::append(
            &child(&self.dir, "sessions")?,
            &format!("{}.inbox.jsonl", mail.to_session_id),
            line.as_bytes(),
        )
    }

    fn run(&self, run: RunId) -> Result<Dir, FolderError> {
        child(&child(&self.dir, "runs")?, &run.to_string())
    }
}
