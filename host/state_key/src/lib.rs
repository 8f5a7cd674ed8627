//! Where the operator's key of an encrypted state is read: a file, the system's keyring, or a command.
//!
//! A key is 32 random bytes: as they are, as 64 hexadecimal digits, or in base64. It is read once, when a state is opened,
//! and kept in memory by whoever opened it; it is never logged, and no error shows any of it.
//!
//! **Knows nothing about** what is encrypted with it.

mod command;
mod error;
mod file;
mod keyring;
mod parse;
mod source;

pub use error::KeyError;
pub use source::KeySource;
