//! The approver's secret: what a person types before an answer counts, and an agent of the same user does not know.
//!
//! The state folder holds an Argon2id hash of it (`approver.json`, mode 0600) and when wrong ones were tried
//! (`approver.attempts`): few may be tried in a while, over all processes and restarts. Whoever checks is the process
//! that acts on the answer, never the one that asks for it.
//!
//! **What this does not do:** the files belong to the user, so whoever runs as that user can replace them. A process
//! that knows the hash already notices and takes no answer any more; one that starts afterwards does if whoever opens
//! this has kept a fingerprint of what was set elsewhere ([`Approver::pinned`]).

mod attempts;
mod error;
mod hash;
mod lock;
mod secret;

pub use error::ApproverError;
pub use lock::{Approver, is_set};
pub use secret::Secret;
