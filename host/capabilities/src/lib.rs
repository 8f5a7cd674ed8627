//! What a plugin may ask its host to do: start programs, send requests, be woken later, use
//! secrets it never sees.
//!
//! Each capability is a *leaf* with three moments: it parses its grant, authorizes one request against what the
//! plugin asks for and its operator gives ([`Asker`]), and performs it. A missing grant is a [`Refusal`] that carries
//! the line of configuration which would give it.
//!
//! **Knows nothing about** runs, journals and which plugin asks, beyond its name in the configuration.

mod grant;
pub mod handed_out;
pub mod process;
pub mod request;
pub mod secret;
pub mod timer;

pub use grant::{Asker, Refusal};
