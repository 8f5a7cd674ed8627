//! Why there is no server.

use std::io;
use std::net::SocketAddr;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be had.
    #[error("cannot listen at {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Everybody would be let in who reaches this machine.
    #[error(
        "{address} is no loopback address, and without tokens anybody who reaches it would be let in: give tokens"
    )]
    OpenToAll {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody knows what cards should say.
    #[error("{address} stands for every address of this machine: say by public_url what cards should say")]
    NoName {
        /// The address.
        address: SocketAddr,
    },
    /// The listener failed for good.
    #[error("listening failed: {source}")]
    Listen {
        /// Why.
        source: io::Error,
    },
}
