//! Serving HTTP to strangers: how many connections, how slow, how large.
//!
//! [`serve`] answers at a listener until it is told to end; [`read`] reads a request's body. Both by the same [`Limits`],
//! so that no client keeps others out by saying, or taking in, nothing.
//!
//! **Knows nothing about** what is asked and who may ask it.

mod body;
mod connection;
mod limits;
mod serve;

pub use body::{Unread, read};
pub use limits::Limits;
pub use serve::serve;
