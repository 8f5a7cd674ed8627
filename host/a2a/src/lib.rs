//! The A2A face: backends published as agents over HTTP, for clients of versions 1.0 and 0.3.
//!
//! A task is a run, so everything that holds for runs holds for tasks: they are on disk before they are told, policies
//! judge them, a person may be asked, and they survive a restart of whoever asked for them. A client sees the runs that
//! were begun with its token, of the agent that it talks to, and no others.
//!
//! The README beside this crate says how the protocol's words map, and defines the extension by which permissions are
//! asked and answered over A2A.
//!
//! **Knows nothing about** how a thing is done: that is the engine's. **Deliberately missing:** push notifications
//! (they would have this host call whatever address a client names), extended cards, gRPC, and HTTP+JSON of 0.3.

mod calls;
mod card;
mod error;
mod http;
mod settings;
mod sign;
mod story;
mod tasks;
#[cfg(test)]
mod tests;
mod view;
mod wire;

pub use error::ServeError;
pub use http::{Bound, bind};
pub use settings::{Admission, AgentSettings, Settings, Token};
pub use sign::{CardSigner, InvalidKey};
