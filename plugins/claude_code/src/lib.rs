//! Backend `claude_code`: drives the Claude Code CLI over its stdio control protocol, one process for each run.
//!
//! Lines of JSON go both ways. The first tells Claude Code to call back before every tool call (`PreToolUse`, matcher
//! `*`); the prompt follows once it has agreed, so that no tool is used unseen. What it says becomes events; what this
//! adapter does not know becomes an event of its own kind (`x_claude_code_…`), so that nothing a newer Claude Code says
//! is lost. When a turn has ended and nothing more is to come, standard input is closed and Claude Code exits.
//!
//! | Claude Code | event or effect |
//! | --- | --- |
//! | before the process starts | `run_started`, `status_changed` |
//! | `system/init` | `status_changed` with `backend_session_id`, `model`, `tools` |
//! | `assistant`: text, thinking | `agent_message`, `reasoning` |
//! | `assistant`: tool call, or a question about one | `command_started` (`Bash`), `tool_started` |
//! | `user`: tool result | `command_finished`, `tool_finished`; of an edit `file_changed`, of a list `todo_updated` |
//! | `user`: anything else | `message_added` |
//! | hook `PreToolUse`, `can_use_tool` | `ask-permission`, answered to whichever asked |
//! | `can_use_tool` for `AskUserQuestion`, `ExitPlanMode` | `await-input` |
//! | `control_cancel_request` | `withdraw-permission` |
//! | retries, hooks, limits and the like | `reasoning` with `notice` |
//! | `result` | `x_claude_code_turn_finished`; with the exit, the run's outcome |
//! | `message.usage` of `assistant`, `result` | `usage_updated` |
//! | any other line or text | `x_claude_code_<line>`, `x_claude_code_output` |
//!
//! Helpers' events carry `parent_tool_use_id`.
//!
//! # Usage
//!
//! What each call of the model read is known with the first line that comes of it. What the model wrote is known when the
//! turn ends, or at once with `include_partial_messages`; the price when the turn ends.
//!
//! # Access
//!
//! Claude Code confines nothing by itself, so what an agent may do is what policies and people allow, call by call.
//! With `read-only` access it has no tools that write files, and runs only commands of which Claude Code knows that they
//! change nothing. A permission mode that asks less than the default (`bypassPermissions`) needs `full` access; policies
//! are asked in any mode.
//!
//! # Keys
//!
//! Commands run without the variables that hold Claude Code's own credentials (`hidden_env`). A command that looks into
//! its parent's environment finds them all the same: only a sandbox keeps that from it, and Claude Code has one for this
//! where bubblewrap is installed (`CLAUDE_CODE_SUBPROCESS_ENV_SCRUB=1` in its program's `set_env`).
//!
//! What hides them stands before commands and before servers (`CLAUDE_CODE_SHELL_PREFIX`), and servers start only behind a
//! program of one word. If the host hands its own server out, its program is that word; otherwise servers that run as
//! programs (`mcp_servers`, and the user's own) start with `hidden_env = []` alone.

mod config;
mod content;
mod conversation;
mod ending;
mod failure;
mod gate;
mod items;
mod launch;
mod question;
mod read;
mod result;
mod system;
mod todo;
mod tool;
mod usage;
mod wire;

use conversation::Conversation;
use gate::{Gate, Next};
use pointsman_sdk::backend::{
    About, Access, Adapter, Effects, Features, GentleStop, Input, OutputStream, Task, TestedProgram,
    Timestamp,
};
use pointsman_sdk::types::{CapabilityRequest, Description};
use pointsman_sdk::{Draft, kind};

/// The one process of a run.
pub const PROCESS: u32 = 1;
/// Rings when Claude Code has not ended as asked.
pub const STOP_TIMER: u32 = 1;
/// Rings when work in the background has gone on long enough.
pub const BACKGROUND_TIMER: u32 = 2;

/// How long Claude Code has to end a turn that it was asked to end, before signals follow.
const PATIENCE_MS: u32 = 1_000;

/// The adapter.
#[derive(Debug)]
pub struct ClaudeCode {
    talk: Conversation,
    /// The final answer is to be JSON.
    structured: bool,
    /// Why the run is to end.
    cancelled: Option<String>,
    stop: GentleStop,
}

impl Adapter for ClaudeCode {
    fn describe() -> About {
        About {
            common: Description {
                name: "claude_code".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Drives the Claude Code CLI over its stdio control protocol.".to_owned(),
                config_schema: config::SCHEMA.to_owned(),
                requests: vec![
                    CapabilityRequest::new(
                        "process/spawn@1",
                        "*",
                        "Starts Claude Code: the program of the configuration key `program`.",
                    ),
                    CapabilityRequest::new(
                        "timer/set@1",
                        "*",
                        "Presses harder when Claude Code does not end as asked, and ends work left in the background.",
                    ),
                ],
            },
            features: Features::RESUME
                | Features::LIVE_INPUT
                | Features::PERMISSIONS
                | Features::STRUCTURED_OUTPUT
                | Features::IMAGES,
            tested: vec![TestedProgram {
                program: "claude".to_owned(),
                oldest: "2.1.195".to_owned(),
                newest: "2.1.329".to_owned(),
                install: "npm install --global @anthropic-ai/claude-code".to_owned(),
            }],
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: config::Config = pointsman_sdk::config::read(&task.config)?;
        let resumed = task.resume.as_deref().map(launch::Resume::read).transpose()?;
        let process = launch::process(&task, &config, resumed.as_ref())?;
        let schema = task.output_schema.as_deref().map(serde_json::from_str).transpose();
        let schema = schema.map_err(|error| format!("the output schema is no JSON: {error}"))?;

        let session_id = resumed.as_ref().map(|resumed| resumed.session_id.as_str());
        let sources: Vec<&str> = config.setting_sources.iter().map(|source| source.as_str()).collect();
        effects.emit(
            Draft::new(kind::RUN_STARTED)
                .maybe("requested_model", config.model.as_deref())
                .field("requested_setting_sources", sources)
                .maybe("backend_session_id", session_id),
        );
        effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
        effects.start_process(process);
        let structured = schema.is_some();
        wire::line(&wire::initialize(task.instructions.as_deref(), schema), effects);
        let gate = Gate::new(config.permission_mode, task.access == Access::ReadOnly, &task.cwd);
        let wait_ms = config.background_wait_seconds.saturating_mul(1_000);
        Ok(Self {
            talk: Conversation::new(&task.run_id, task.message, gate, resumed, wait_ms),
            structured,
            cancelled: None,
            stop: GentleStop::new(PROCESS, STOP_TIMER),
        })
    }

    fn handle(&mut self, input: Input, _at: Timestamp, effects: &mut Effects) -> Result<(), String> {
        match input {
            Input::ProcessOutput(output) => {
                for (index, line) in (0_u32..).zip(&output.lines) {
                    match output.stream {
                        OutputStream::StandardOutput => {
                            self.talk.line(line, output.clipped.contains(&index), effects);
                        }
                        OutputStream::StandardError if line.trim().is_empty() => {}
                        OutputStream::StandardError => {
                            effects.emit(Draft::new("x_claude_code_stderr").field("text", line.as_str()));
                        }
                    }
                }
            }
            Input::ProcessExited(exited) => {
                ending::end(&mut self.talk, self.structured, &exited, self.cancelled.take(), effects);
            }
            Input::ProcessFailed((_, why)) => {
                ending::never_began("start_failed", &why, self.cancelled.take(), effects);
            }
            Input::Permission((id, answer)) => match self.talk.settle(&id, answer, effects) {
                Next::GoOn => {}
                Next::End => self.cancel("nobody answers what the agent asks".to_owned(), effects),
            },
            Input::Message(message) => self.talk.message(message, effects),
            Input::Cancel(why) => self.cancel(why, effects),
            Input::Timer(STOP_TIMER) => self.stop.harder(effects),
            // A new turn may have begun meanwhile; its end sets the timer again.
            Input::Timer(BACKGROUND_TIMER) if self.talk.only_background_is_left() => {
                self.talk.leave(effects);
                self.stop.begin(effects);
            }
            Input::Refused(refused) => match refused.effect.as_str() {
                "start-process" => ending::never_began("not_granted", &refused.reason, None, effects),
                // Without a timer there is nothing to wait for.
                "set-timer" if self.cancelled.is_some() => self.stop.harder(effects),
                "set-timer" => self.talk.leave(effects),
                "ask-permission" => self.talk.deny_all(&refused.reason, effects),
                // The process ended before it was asked something: its exit says all there is to say.
                "write-process" | "close-input" | "stop-process" => {}
                other => effects.emit(
                    Draft::new("x_claude_code_refused")
                        .field("effect", other)
                        .field("reason", refused.reason),
                ),
            },
            _ => {}
        }
        Ok(())
    }
}

impl ClaudeCode {
    /// Ends the run: by the protocol first, which ends commands as well, then by signals.
    fn cancel(&mut self, why: String, effects: &mut Effects) {
        if self.cancelled.is_some() {
            return;
        }
        if self.talk.interrupt(&why, effects) {
            effects.set_timer(STOP_TIMER, PATIENCE_MS);
        } else {
            self.stop.begin(effects);
        }
        self.cancelled = Some(why);
    }
}

pointsman_sdk::export_backend!(ClaudeCode);
