//! What a plugin may ask the host to do.

pub mod process;
