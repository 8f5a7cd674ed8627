//! The program as a person meets it: its words, its exit statuses, and what it leaves alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod approvals;
mod asking;
mod at_rest;
mod client;
mod configuration;
mod doctor;
mod origins;
mod policy;
mod program;
mod questions;
mod running;
mod serving;
#[path = "../../../../tests/src/terminal.rs"]
#[expect(
    unreachable_pub,
    reason = "the crate of the end-to-end tests, which stands above this one, shares it"
)]
mod terminal;
mod words;
