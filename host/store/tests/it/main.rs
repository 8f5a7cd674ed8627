//! Tests of the store through its face.

mod support;

mod agents;
mod approvals;
mod artifacts;
mod crash;
mod folder;
mod hosts;
mod import;
mod runs;
mod sharing;
mod state;
