//! Runs plugins: WebAssembly components with nothing but fuel, memory and a deadline.
//!
//! A [`Sandbox`] loads a component as a [`BackendPlugin`], a [`SanitizerPlugin`] or a [`PolicyModule`], checks it
//! against the contract of that kind, and keeps its compiled form for the next start. Every call into a guest takes
//! the same way: its [`Limits`] are set anew, it sees the time that the caller gives, and what it returns is bounded
//! and checked before anybody gets to see it. A guest that traps, spins, hoards memory or answers nonsense ends its
//! own instance and nothing else; the [`GuestFailure`] names the plugin, the export and the [`Cause`].
//!
//! Calls are synchronous and run on the caller's thread: from async code, call them where blocking is allowed. They
//! work with a Tokio runtime around them and without.
//!
//! **Deliberately missing:** what a run is, what an effect does, who may do what. Guests act only by returning data.

mod backend;
mod cache;
mod contract;
mod engine;
mod error;
mod face;
mod guest;
mod intake;
mod limits;
mod policy;
mod quota;
mod sandbox;
mod sanitizer;
mod stale;
mod ticker;
mod wasi;

pub use backend::{BackendPlugin, BackendRun};
pub use error::{
    CallError, Cause, GuestFailure, LoadError, PolicyLoadError, SUPPORTED_CONTRACTS, SandboxError,
};
pub use limits::Limits;
pub use policy::{PolicyModule, Rulebook};
pub use sandbox::{Sandbox, SandboxConfig};
pub use sanitizer::{EventRef, SanitizerPlugin};

/// What the random numbers of guests follow from that belong to no run: sanitizers, policies, and whatever only
/// describes itself.
const FIXED_SEED: [u8; 32] = *b"pointsman: no run, no randomness";
