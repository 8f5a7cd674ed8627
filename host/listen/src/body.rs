//! A request's body, within bounds of size and time.

use axum::body::{Body, Bytes, HttpBody as _};

use crate::Limits;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It has too many bytes, or broke off.
    #[error("the body could not be read, or has more than {most} bytes")]
    TooLarge {
        /// How many it may have.
        most: usize,
    },
    /// It did not come in time.
    #[error("the body took too long to come")]
    TooSlow,
}

/// Reads a request's body.
///
/// # Errors
///
/// If it is too large, or does not come in time.
pub async fn read(body: Body, limits: &Limits) -> Result<Bytes, Unread> {
    let too_large = Unread::TooLarge { most: limits.body };
    // Of one that says so itself, nothing needs to come.
    if body.size_hint().lower() > limits.body as u64 {
        return Err(too_large);
    }
    match tokio::time::timeout(limits.body_time, axum::body::to_bytes(body, limits.body)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large),
        Err(_) => Err(Unread::TooSlow),
    }
}
