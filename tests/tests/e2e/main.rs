//! End to end: the real program over real pipes, with clients and agents that others wrote.
//!
//! One binary, so that it is linked once.

mod clients;
mod codex;
mod lifetime;
mod stdio;
