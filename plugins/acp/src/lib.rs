//! Backend `acp`: drives any agent that speaks the Agent Client Protocol, version 1, over standard input and output.
//!
//! The operator says which program that is and how its modes, models and options are to be set; see `README.md` beside
//! this crate. One process per run: `initialize`, a session (new, resumed or loaded), a prompt, and the end.
//!
//! Agents differ where the protocol leaves them room, and sometimes where it does not. What was seen is in the
//! recordings under `tests/transcripts`; the rules drawn from them: options of a question are chosen by their kind, ids
//! are texts or numbers, a question may be the first that is heard of a tool call, an answer to a prompt may be followed
//! by more news, `end_turn` need not mean success, and an agent may survive the end of its input.
//!
//! **Deliberately missing:** files and terminals of the client. An agent then uses its own, inside whatever it is
//! confined by. Confinement itself: an agent that acts without asking is not held back by this adapter, so the operator
//! says what it can do without asking (`access`), and tasks that want less are refused.

mod adapter;
mod agent;
mod call;
mod config;
mod diff;
mod failure;
mod permission;
mod prompt;
mod retry;
mod session;
mod tools;
mod transcript;
mod usage;
mod wire;

pub use adapter::{Acp, IDLE_TIMER, PACE_TIMER, PROCESS, STOP_TIMER};

pointsman_sdk::export_backend!(Acp);
