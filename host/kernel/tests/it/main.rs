//! What the state machine of a run and of its approvals holds, whatever is tried.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod approvals;
mod budget;
mod common;
mod effects;
mod properties;
