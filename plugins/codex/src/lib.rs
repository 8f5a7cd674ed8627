//! Backend `codex`: drives the Codex CLI.
//!
//! By its **app server**, a dialogue in JSON-RPC: a thread is opened, a turn begun, and while codex works it asks before
//! it acts, takes further messages, and can be interrupted. Where a program does not answer as one, by **`codex exec`**,
//! which asks nobody and hears nothing: a message that comes meanwhile becomes the next turn of the same run.
//!
//! Each thing that codex tells becomes an event of the same kind with both protocols; what this adapter does not know
//! becomes one of its own kind (`x_codex_…`), so that nothing a newer codex says is lost. The run ends when the process
//! has ended, once, whatever was said before.
//!
//! | app server | `codex exec` | event |
//! | --- | --- | --- |
//! | before the process starts | the same | `run_started`, `status_changed` |
//! | `thread/start`, `thread/resume` | `thread.started` | `status_changed` with `thread_id` |
//! | `agentMessage`, `reasoning` | `agent_message`, `reasoning` | `agent_message`, `reasoning` |
//! | `turn/plan/updated` | `todo_list` | `todo_updated` |
//! | `commandExecution` | `command_execution` | `command_started`, `command_updated`, `command_finished` |
//! | `fileChange` | `file_change` | `file_changed`; with the app server `tool_started`, `tool_finished` as well |
//! | `mcpToolCall`, `webSearch`, `dynamicToolCall`, … | `mcp_tool_call`, `web_search` | `tool_started`, `tool_finished` |
//! | a further message that codex has heard | | `message_added` |
//! | `warning`, `error` that is retried | item `error`, a retry, an error that was got over | `reasoning` |
//! | `thread/tokenUsage/updated`, after each call of the model | | `usage_updated` |
//! | `turn/completed`, exit | `turn.completed`, `turn.failed`, exit | the run's outcome |
//! | an action refused, on standard error | the same | `x_codex_action_refused` |
//! | any other item, notification, request or text | any other item, line or text | `x_codex_…` |
//!
//! **Approvals.** Codex is told to ask about every command and edit (`approval_policy`), so that policies see them all.
//! What it asks becomes `ask-permission`; its no carries no words, so feedback is said to the running turn. Whether codex's
//! sandbox really confines what was allowed is told with care: see `app_server/confined.rs`.
//!
//! **Usage** is told while a turn runs by the app server; `codex exec` tells it at the turn's end alone. Neither knows a price.
//!
//! **Not told**: how texts and output grow (unless `deltas` is on), thoughts without words, the first message of a turn,
//! and notices that say nothing of a run (`app_server/launch.rs` lists them).

mod adapter;
mod app_server;
mod arguments;
mod config;
mod exec;
mod failure;
mod images;
mod kinds;
mod open;
mod outcome;
mod resume;
mod usage;

pub use adapter::{Codex, GREETING_TIMER, INTERRUPT_TIMER, LINGER_TIMER, PROCESS, STOP_TIMER};

pointsman_sdk::export_backend!(Codex);
