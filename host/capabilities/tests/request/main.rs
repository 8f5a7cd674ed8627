//! The request capability against real sockets on loopback.

mod conversation;
mod support;
