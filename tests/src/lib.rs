//! What the end-to-end tests stand on: a real host in a place of its own, a client that knows nothing but lines of
//! JSON, a model server that does as it is told, and the tools that come from npm and PyPI.
//!
//! Whatever goes wrong in here ends the test at once, with the reason: there is nobody to hand an error to. Nothing
//! sleeps for a time that was guessed; [`eventually`] looks again until what is waited for is there.

mod a2a;
mod acp;
mod host;
mod mark;
mod model;
mod place;
mod published;
mod search;
mod terminal;
mod tools;
mod wait;
mod webhook;

pub use a2a::{A2aPeer, A2aVersion};
pub use acp::AcpAgent;
pub use host::{Ended, Era, Host};
pub use mark::Mark;
pub use model::MockModel;
pub use place::{Place, program, repository};
pub use published::{Published, http};
pub use search::holds;
pub use terminal::Terminal;
pub use tools::{A2aPython, Npm, a2a_python, claude, codex, node_modules, python};
pub use wait::{PATIENCE, eventually};
pub use webhook::{WebhookReceiver, follow_link};
