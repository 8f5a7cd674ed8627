//! The host's back door for its own user: a local socket by which another terminal answers questions and ends runs.
//!
//! MCP has no call that answers an approval, because whoever may ask must not answer. So the answer comes by another
//! way: `<state>/hosts/<host_id>.sock`, in a folder that only its owner can enter, with mode 0600, taken only from
//! processes of the same user that can be seen and live, and not from those that descend from a host: these are the
//! agents. Their tries are recorded.
//!
//! One line of JSON each way for every call.

mod client;
mod held;
mod peer;
mod protocol;
mod server;
pub(crate) mod socket;

pub(crate) use client::Client;
pub(crate) use held::{Held, held_policies, news};
pub(crate) use protocol::{Reply, Request};
pub(crate) use server::Server;
