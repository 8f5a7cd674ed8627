//! The words that every part of Pointsman speaks.
//!
//! Ids, statuses, events, messages, outcomes, verdicts, approvals and grants; the calls that a face may make of the
//! host; canonical JSON and digests. The same word stands in WIT, Rust, JSON, the command line and the docs.
//!
//! **Deliberately missing:** I/O, clocks, randomness, tokio, wasmtime. The crate builds for wasm32 as proof. Whoever
//! makes an id or a time brings the bytes.

mod access;
mod approval;
mod artifact;
mod bounds;
mod budget;
pub mod calls;
mod canonical;
mod capability;
mod digest;
mod event;
mod ids;
mod message;
mod outcome;
pub mod plugin;
mod remote;
mod rights;
mod run;
mod session;
mod status;
mod time;
mod verdict;

pub use access::Access;
pub use approval::{Answer, Approval, ApprovalState, Revocation, Standing};
pub use artifact::{ArtifactRef, SpilledValue};
pub use bounds::{Bounds, BoundsError, parse_bounded};
pub use budget::{Limit, Limits, Spent};
pub use canonical::{canonical_json, digest_of};
pub use capability::{CapabilityRequest, Grant, Leaf, UnknownLeaf};
pub use digest::{Digest, InvalidDigest};
pub use event::{Draft, Event, EventKind, InvalidKind};
pub use ids::{ApprovalId, HostId, InvalidId, MessageId, RunId, SessionId};
pub use message::{Message, Part, Speaker};
pub use outcome::{Ending, Failure, Outcome, Usage, reason};
pub use remote::RemoteRef;
pub use rights::{Beyond, Rights, Wish};
pub use run::{Role, RunRecord, RunSpec, SessionMode, Supervision, WaitingFor};
pub use session::{AgentRecord, Mail, SessionRecord};
pub use status::{AgentStatus, Status};
pub use time::{InvalidTimestamp, Timestamp};
pub use verdict::{Matched, Principal, Question, Ruling, Scope, Verdict};
