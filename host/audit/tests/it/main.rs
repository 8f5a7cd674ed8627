//! The log against everything that may happen to its files.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod crowd;
mod hands;
mod life;
mod support;
