//! Why an answer does not count.

use std::io;
use std::path::{Path, PathBuf};

/// Why an answer does not count, or a secret is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApproverError {
    /// None came, and one is needed.
    #[error("the approver's secret is needed, and none was given")]
    Missing,
    /// It is another one.
    #[error("the approver's secret is wrong; {left} more may be tried in the next {minutes} minutes")]
    Wrong {
        /// So many more may be tried.
        left: usize,
        /// In this time.
        minutes: u64,
    },
    /// Too many wrong ones came.
    #[error("too many wrong secrets of the approver were tried: the next is looked at in {seconds} s")]
    Locked {
        /// How long nothing is looked at.
        seconds: u64,
    },
    /// The stored hash is not the one that this process knows, or not the one that was set.
    #[error(
        "the approver's secret on disk was replaced or removed since it was set, or since this host started, so no \
         answer is taken: start the host anew if `pointsman approver` did that, and look at `pointsman audit show \
         --kind approver_changed` if it did not"
    )]
    Replaced,
    /// The new one is too short.
    #[error("a secret of the approver has at least {least} characters")]
    TooShort {
        /// So many.
        least: usize,
    },
    /// The stored hash cannot be read. Nothing is taken then.
    #[error("{} is damaged, so no answer is taken: remove it and set the secret anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("could not {doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The secret could not be hashed.
    #[error("the approver's secret cannot be hashed: {0}")]
    Hash(String),
}

/// Says what was being done with which file.
pub(crate) fn failed(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> ApproverError + use<> {
    let path = path.to_owned();
    move |source| ApproverError::File { doing, path: path.clone(), source }
}
