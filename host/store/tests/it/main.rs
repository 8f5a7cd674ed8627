//! Tests of the store through its face.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests, and what helps them")]

mod support;

mod agents;
mod approvals;
mod artifacts;
mod at_rest;
mod crash;
mod figures;
mod folder;
mod hosts;
mod import;
mod originals;
mod published;
mod runs;
mod sharing;
mod state;
