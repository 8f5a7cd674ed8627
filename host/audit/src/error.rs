//! Why a record could not be written or the log not be read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why a record could not be written or the log not be read.
///
/// Cheap to clone: one failed write is reported to everybody whose records were in it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The disk is full.
    #[error("the audit log cannot be written: no space is left for {}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("the audit log: could not {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// A record has no written form, or one that is too long.
    #[error("the audit log: a record cannot be written: {why}")]
    Unwritable {
        /// Why.
        why: String,
    },
    /// The task that writes has ended.
    #[error("the audit log is closed")]
    Closed,
}

/// Says what was being done with which file.
pub(crate) fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> AuditError + use<> {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => AuditError::Full { path: path.clone() },
        _ => AuditError::File { doing, path: path.clone(), source: Arc::new(source) },
    }
}
