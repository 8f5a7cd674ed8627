//! Several clients at one host: MCP over a local socket.
//!
//! `<state>/hosts/<host_id>.mcp.sock` lies beside the control socket, as closed to others as that one, but agents are
//! let in: this is where they belong. A client that can only start a program starts `pointsman serve --attach`, which
//! says hello in one line, hears one line back, and from then on hands bytes on, whatever they mean.
//!
//! Who calls decides what it may see. The host looks at the processes above the caller, which no agent can leave, and at
//! the token that each run's processes have; see [`admit`].

mod admit;
mod choose;
mod hello;
mod relay;
mod server;

pub(crate) use relay::attach;
pub(crate) use server::{Door, Server};
