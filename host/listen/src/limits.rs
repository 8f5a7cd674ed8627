//! What one client may take of a server that serves others, too.

use std::time::Duration;

/// Bounds of connections and requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; the rest wait in the kernel's queue.
    pub connections: usize,
    /// How long the first request's head may take to come, and the head of each further one from its first byte.
    pub head: Duration,
    /// How long a connection may be silent between requests, and how long its client may take in nothing of what is
    /// written to it.
    pub idle: Duration,
    /// How large a request's body may be.
    pub body: usize,
    /// How long a request's body may take to come.
    pub body_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            head: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            body: 8 * 1024 * 1024,
            body_time: Duration::from_secs(30),
        }
    }
}
