//! The request capability against real sockets on loopback.

mod bounds;
mod conversation;
mod permission;
mod proxy;
mod redirect;
mod secrecy;
mod support;
mod tls;
