//! What no recording shows, with an agent that says what a test wants.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conversations;
mod hostile;
mod permissions;
mod stage;
mod streams;
