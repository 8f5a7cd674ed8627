//! Backend `codex`: drives the Codex CLI, one `codex exec --json` for each run.
//!
//! The prompt goes to standard input, which is then closed, for codex waits for ever on an open one. Each line of
//! its output becomes an event; what this adapter does not know becomes an event of its own kind (`x_codex_…`), so that
//! nothing a newer codex says is lost. The run ends when the process has ended, once, whatever was said before.
//!
//! | codex | event |
//! | --- | --- |
//! | before the process starts | `run_started`, `status_changed` |
//! | `thread.started` | `status_changed` with `thread_id` |
//! | item `agent_message`, `reasoning`, `todo_list` | `agent_message`, `reasoning`, `todo_updated` |
//! | item `command_execution` | `command_started`, `command_updated`, `command_finished` |
//! | item `file_change` | `file_changed` |
//! | item `mcp_tool_call`, `web_search` | `tool_started`, `tool_finished` |
//! | item `error`, a retry, an error that was got over | `reasoning` |
//! | `turn.completed`, `turn.failed`, exit | the run's outcome |
//! | an action refused, on standard error | `x_codex_action_refused` |
//! | any other item, line or text | `x_codex_<item>_<phase>`, `x_codex_<line>`, `x_codex_output` |
//!
//! **Deliberately missing:** approvals. `codex exec` refuses what its sandbox does not allow and asks nobody; asking is
//! what its app server is for. Images are named in the prompt and not handed over.

mod config;
mod failure;
mod item;
mod launch;
mod turn;
mod usage;

use pointsman_sdk::backend::{
    About, Adapter, Effects, Features, GentleStop, Input, OutputStream, Task, TestedProgram, Timestamp,
};
use pointsman_sdk::types::{CapabilityRequest, Description};
use pointsman_sdk::{Draft, kind};
use turn::Turn;

/// The one process of a run.
pub const PROCESS: u32 = 1;
/// Rings when codex has not ended as asked.
pub const STOP_TIMER: u32 = 1;

/// The adapter.
#[derive(Debug)]
pub struct Codex {
    turn: Turn,
    /// Why the run is to end.
    cancelled: Option<String>,
    /// By an interrupt first, at which codex ends its commands as well.
    stop: GentleStop,
}

impl Adapter for Codex {
    fn describe() -> About {
        About {
            common: Description {
                name: "codex".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Drives the Codex CLI, one `codex exec` for each run.".to_owned(),
                config_schema: config::SCHEMA.to_owned(),
                requests: vec![
                    CapabilityRequest::new(
                        "process/spawn@1",
                        "*",
                        "Runs the Codex CLI: program `codex`, or the one that its configuration names.",
                    ),
                    CapabilityRequest::new(
                        "timer/set@1",
                        "*",
                        "Ends a cancelled codex that does not end as asked.",
                    ),
                ],
            },
            features: Features::RESUME | Features::STRUCTURED_OUTPUT,
            tested: vec![TestedProgram {
                program: "codex".to_owned(),
                oldest: "0.145.0".to_owned(),
                newest: "0.169.0".to_owned(),
                install: "npm install --global @openai/codex".to_owned(),
            }],
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: config::Config = pointsman_sdk::config::read(&task.config)?;
        let resumed = task.resume.as_deref().map(launch::Resume::read).transpose()?;
        let process = launch::process(&task, &config, resumed.as_ref())?;

        let thread_id = resumed.as_ref().map(|resumed| resumed.thread_id.as_str());
        effects.emit(Draft::new(kind::RUN_STARTED).field("thread_id", thread_id));
        effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
        effects.start_process(process);
        effects.write(PROCESS, launch::prompt(&task));
        effects.close_input(PROCESS);
        Ok(Self {
            turn: Turn::new(task.output_schema.is_some(), resumed),
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
                            self.turn.line(line, output.clipped.contains(&index), effects);
                        }
                        OutputStream::StandardError => turn::error_line(line, effects),
                    }
                }
            }
            Input::ProcessExited(exited) => {
                self.turn.end(&exited, self.cancelled.take(), effects);
            }
            Input::ProcessFailed((_, why)) => {
                self.turn.never_began("start_failed", &why, self.cancelled.take(), effects);
            }
            Input::Cancel(why) => {
                self.cancelled.get_or_insert(why);
                self.stop.begin(effects);
            }
            Input::Timer(STOP_TIMER) => self.stop.harder(effects),
            Input::Refused(refused) => match refused.effect.as_str() {
                "start-process" => self.turn.never_began("not_granted", &refused.reason, None, effects),
                // Without a timer there is nothing to wait for.
                "set-timer" => self.stop.harder(effects),
                // The process ended before it was asked something: its exit says all there is to say.
                "write-process" | "close-input" | "stop-process" => {}
                other => effects.emit(
                    Draft::new("x_codex_refused").field("effect", other).field("reason", refused.reason),
                ),
            },
            Input::Message(message) => effects.emit(
                Draft::new("x_codex_undelivered")
                    .field("text", pointsman_sdk::prompt::flatten(&message))
                    .field(
                        "reason",
                        "codex exec takes no further message while it runs; continue the run instead",
                    ),
            ),
            _ => {}
        }
        Ok(())
    }
}

pointsman_sdk::export_backend!(Codex);
