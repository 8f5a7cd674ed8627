//! Why serving ended other than by the client's leave.

/// Why serving ended other than by the client's leave.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The client and this server share no protocol version, or the client's first request was refused.
    #[error("the client could not be welcomed: {message}")]
    NotWelcome {
        /// What the client was told.
        message: String,
    },
    /// A task that serves the connection panicked.
    #[error("serving stopped by a defect of this program: {message}")]
    Defect {
        /// What is known of it.
        message: String,
    },
}
