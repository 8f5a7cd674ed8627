//! Why there is no key.

use crate::KeySource;

/// Why there is no key. Shows where it was looked for, never what was found there.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The source gives nothing, or nothing that is a key.
    #[error("no key of the state from {from}: {why}")]
    Unusable {
        /// Where it was looked for.
        from: KeySource,
        /// What was wrong there.
        why: String,
    },
    /// A new key could not be stored.
    #[error("no key was stored in {to}: {why}")]
    NotStored {
        /// Where it was to go.
        to: KeySource,
        /// What was wrong there.
        why: String,
    },
    /// A command reads a key and stores none.
    #[error(
        "{from} only reads a key; make one with the program that keeps your secrets, 32 random bytes in base64"
    )]
    ReadOnly {
        /// The command.
        from: KeySource,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes: {why}")]
    NoRandomness {
        /// Why.
        why: String,
    },
}
