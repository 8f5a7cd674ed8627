//! The program as a person meets it: its words, its exit statuses, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod approvals;
mod asking;
mod client;
mod configuration;
mod origins;
mod program;
mod questions;
mod running;
mod serving;
#[path = "../../../../tests/src/terminal.rs"] // A crate above this one.
mod terminal;
mod words;
