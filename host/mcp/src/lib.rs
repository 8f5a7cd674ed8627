//! The MCP face: twelve tools over stdio, for clients of both protocol eras.
//!
//! A client of the legacy era opens with `initialize`; one of the modern era (2026-07-28) sends every request complete
//! in itself. Both meet the same tools, the same bounds and the same answers.
//!
//! What a client may rely on:
//!
//! - An answer is one JSON object, sent as compact text and as `structuredContent`, each complete by itself, and no
//!   larger than 8 KB unless the caller asked for more. What was left out is said in `truncated` and can be had.
//! - A failure is a result with `isError` and a text that begins with `Error: `; bad arguments are one that begins
//!   with `MCP error -32602: ` and lists every issue found.
//! - A wait is bounded, ends at once on any change, and ends with the request, the connection or the input, never
//!   ending the run.
//!
//! **Knows nothing about** how a thing is done: that is the engine's. **Deliberately missing:** resources, prompts,
//! sampling, and any tool that answers an approval; whoever asks must not be able to answer. Where the operator says that a
//! client speaks for a person, that person is asked by elicitation ([`Elicitation`]), past the model.

mod answer;
mod arguments;
mod call;
mod calls;
mod elicit;
mod error;
mod face;
mod schema;
mod serve;
mod tool;
mod wait;
mod wire;

#[cfg(test)]
mod tests;

pub use elicit::Elicitation;
pub use error::ServeError;
pub use serve::{ServeOptions, serve, serve_stdio};
pub use tool::tool_names;
