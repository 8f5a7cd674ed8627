//! The app server: recorded dialogues, and what no recording shows.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod approvals;
mod behaviour;
mod dialogue;
mod golden;
mod messages;
mod telling;
