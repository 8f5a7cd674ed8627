//! The wire, spoken by hand: raw JSON-RPC lines against the whole face, with a scripted host behind it.

mod arguments;
mod asked_legacy;
mod asked_modern;
mod client;
mod definitions;
pub(crate) mod fake;
mod legacy;
mod lifetime;
mod modern;
mod people;
mod sizes;
mod waits;
