//! The newest record's number and digest, in a file of its own beside the log.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use pointsman_model::Digest;
use serde::{Deserialize, Serialize};

use crate::AuditError;
use crate::error::failed;

/// The file has this length, whatever stands in it: one write replaces all of it.
const LENGTH: usize = 160;

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the newest record; 0 before the first.
    pub seq: u64,
    /// Its digest.
    pub hash: Digest,
}

/// Reads the head; `None` if there is none, or one that nobody can read.
pub(crate) fn read(path: &Path) -> Result<Option<Head>, AuditError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(serde_json::from_str(text.trim()).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Writes the head over the one before.
///
/// It is not flushed: after a loss of power it may lag behind the log, which was flushed before, and never runs ahead
/// of it.
pub(crate) fn write(path: &Path, head: Head) -> Result<(), AuditError> {
    let text =
        serde_json::to_string(&head).map_err(|error| AuditError::Unwritable { why: error.to_string() })?;
    let write = || -> io::Result<()> {
        let file: File =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.write_all_at(format!("{text:<width$}\n", width = LENGTH - 1).as_bytes(), 0)?;
        file.set_len(LENGTH as u64)
    };
    write().map_err(failed("write", path))
}
