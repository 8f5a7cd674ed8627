//! End to end: the real program over real pipes, with clients and agents that others wrote.
//!
//! One binary, so that it is linked once.

#![cfg(target_os = "linux")] // Processes are looked for in /proc.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod a2a_card;
mod a2a_serve;
mod acp;
mod acp_stage;
mod acp_trouble;
mod approver;
mod approver_agent;
mod asked;
mod attach;
mod audit;
mod budgets;
mod claude_code;
mod claude_code_questions;
mod claude_code_stage;
mod clients;
mod codex;
mod codex_approvals;
mod codex_exec;
mod codex_live;
mod codex_stage;
mod command;
mod conformance;
mod delegation;
mod handed_out;
mod interactive;
mod lifetime;
mod originals;
mod pointsman_drives_pointsman;
mod profiles;
mod redact;
mod remote_a2a;
mod remote_a2a_hostile;
mod stdio;
mod structured;
mod terminal;
mod told;
mod webhook;
