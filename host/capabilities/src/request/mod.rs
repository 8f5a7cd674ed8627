//! HTTP requests to origins of the operator's table (`request/send@1`).
//!
//! A plugin gives a method and a URL; [`authorize`] says whether it may, [`Client::send`] sends it, and a
//! [`LiveRequest`] with its [`ResponseEvent`]s is what the engine then deals with.
//!
//! # What is tested, and when
//!
//! Before anything is sent: the grant, the origin in the operator's table, method and path there, the headers. When a
//! connection is made: the addresses that the name leads to, each time anew, so that a name that changes its mind does
//! not lead into the operator's own network. When the server sends elsewhere: the origin, which must be the same, and
//! method and path once more.
//!
//! Behind a proxy of the host's environment the proxy looks names up, and its addresses cannot be tested here.

mod address;
mod authorize;
mod client;
mod exchange;
mod fault;
mod header;
mod network;
mod origin;
mod path;
mod proxy;
mod resolver;
mod sse;
mod tls;

pub use address::AddressClass;
pub use authorize::{AuthorizedRequest, authorize};
pub use client::{Client, LiveRequest, ResponseEvent};
pub use network::{Limits, Network};
pub use origin::{InvalidEntry, InvalidOrigin, Origin, OriginEntry, OriginRules, Origins};
pub use path::{InvalidPath, PathPrefix};
pub use proxy::Proxies;
pub use sse::{EventTooLarge, SseFramer};
