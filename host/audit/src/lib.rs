//! The audit log: what was decided, by whom, and what came of it.
//!
//! One line of canonical JSON (RFC 8785) for every record, each with the digest of the one before, so that a line that
//! was changed, removed, inserted or moved is found ([`verify`]). Records hold names, ids, verdicts and digests, never
//! what was asked or answered. All hosts of a state write one chain: a lock puts them in one order ([`Log`]). The
//! newest digest stands in a file of its own beside the log, so that a log whose end was cut is found as well.
//!
//! **What this does not do:** nothing that lies on one machine holds against whoever can write all of it. Somebody who
//! rewrites the log, its chain and its head leaves no trace, unless a digest was noted elsewhere: [`verify`] takes one.
//!
//! **Knows nothing about** runs beyond their ids, and nobody above it.

mod error;
mod fact;
mod files;
mod head;
mod lines;
mod log;
mod read;
mod record;
mod verify;
mod writer;

pub use error::AuditError;
pub use fact::{Attempt, Fact, Member};
pub use head::Head;
pub use log::{Keep, Log, Options};
pub use read::{Filter, Reader};
pub use record::{Draft, Record};
pub use verify::{Fault, Note, Report, verify};
pub use writer::Audit;
