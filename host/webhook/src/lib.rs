//! Questions to people by webhook: a signed message goes out, and the links in it bring the answer in.
//!
//! [`Webhook::start`] follows the questions of a host. Each becomes a message to the operator's [`Receiver`], signed as
//! the [Standard Webhooks](https://www.standardwebhooks.com) have it and sent until it is taken. Two links stand in it,
//! one for each answer. A link shows the exact request when it is looked at; it answers when its page's form is sent
//! back. What it says is signed with a key that only the host that made it has, so it is good for this answer to this
//! request, as long as the question is open and its host lives.
//!
//! The README beside this crate says it to whoever writes a receiver.
//!
//! **Knows nothing about** what is asked and who may launch what. **Deliberately missing:** reading answers from what the
//! receiver responds, and any way to a link but the message: not logs, not the state, not MCP.

mod backoff;
mod calls;
mod deliver;
mod follow;
mod http;
mod link;
mod message;
mod post;
mod receiver;
#[cfg(test)]
mod samples;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod webhook;

pub use receiver::{InvalidReceiver, Receiver};
pub use secret::{InvalidSecret, Secret};
pub use settings::{Events, InvalidPlace, Place, Settings};
pub use webhook::Webhook;

/// Draws random bytes from the operating system.
///
/// # Panics
///
/// If the operating system has none to give, in which case no link could be made that nobody guesses.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "without randomness there are no secrets; nothing sensible is left to do"
    )]
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
