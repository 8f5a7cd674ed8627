//! wip
mod link;
mod secret;
pub use secret::{InvalidSecret, Secret};
