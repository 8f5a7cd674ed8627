//! Payloads at rest: as they are, or encrypted with a key of the operator's.
//!
//! What agents were told and what they did is payload ([`Column`] lists the columns that hold it). In an encrypted state
//! each such value is sealed by itself with a random *data key*, bound to its column, its row and its state, so that no
//! value can be put in another's place. The data key lies in the state, wrapped with the operator's key ([`StateKey`]):
//! that one can be changed without touching the payload. What the database searches by stays readable: ids, status,
//! times, names of agents, backends and directories; digests that it searches by are keyed.
//!
//! All of a state is encrypted or nothing is. In between there is only a migration (`migrate`), which nobody else may
//! look at and which goes on where it was interrupted.

mod cipher;
mod codec;
mod column;
mod inspect;
mod key;
mod migrate;
mod steps;
mod vault;

pub(crate) use codec::{Codec, Stored};
pub(crate) use column::Column;
pub use inspect::Stands;
pub use key::StateKey;
pub use migrate::{Migrated, Progress, decrypt, encrypt, rekey};
pub(crate) use vault::{Phase, found, open};
