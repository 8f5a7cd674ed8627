//! The journal and index of all runs, and the folders in which people may read them.
//!
//! One SQLite database in write-ahead mode is the truth: runs, their journal entries, events, spilled values, sessions,
//! approvals and mail. [`Store`] has one writer thread, which puts whatever is queued into one transaction, and a
//! pool of connections for reading. Several processes may open the same state: a run is written by the host that
//! owns it and read by all.
//!
//! The readable run folder below a run's working directory ([`RunFolder`]) is a projection of it and is never read
//! back, except by [`import`](mod@import).
//!
//! **Knows nothing about** MCP, plugins, or what stands in a journal entry.

mod at_rest;
mod error;
mod export;
mod folder;
mod host;
pub mod import;
mod pin;
mod random;
mod read;
pub mod run_folder;
mod schema;
mod seal;
mod store;
mod write;
mod writer;

pub use at_rest::{Migrated, Progress, Stands, StateKey, decrypt, encrypt, rekey};
pub use error::StoreError;
pub use export::{ExportError, ExportScope};
pub use host::HostLease;
pub use read::{
    AgentFilter, ArtifactHandle, EventSlice, Original, PublishedFilter, PublishedPage, Resolution, RunFilter,
    RunPage, TreeRun, Whose,
};
pub use run_folder::{FolderError, RunFolder};
pub use store::Store;
pub use write::{Commit, Creation, Durability, NewMail, NewRun, SessionChoice};
