//! Backend `command`: makes an agent of any program that the operator lists.
//!
//! The operator says how the prompt reaches the program and how its output is read; see `README.md` beside this
//! crate. Arguments go to the program as they are: no shell stands between.
//!
//! **Deliberately missing:** confinement. This adapter cannot hold a program to an access, so it takes the operator's
//! word for what the program can do (`access`), and refuses tasks that want less.

mod config;
mod conversation;
mod dialect;
mod ending;
mod launch;
mod patience;
mod template;

use config::{Config, OutputMode};
use conversation::Conversation;
use dialect::Dialect;
use ending::Ended;
use patience::Patience;
use pointsman_sdk::backend::{
    About, Adapter, Effects, Features, GentleStop, Input, Output, OutputStream, Task, Timestamp,
};
use pointsman_sdk::types::{CapabilityRequest, Description};
use pointsman_sdk::{Draft, config as configuration, kind};

/// The one process of a run.
pub const PROCESS: u32 = 1;
/// Rings when the program has not ended as asked.
pub const STOP_TIMER: u32 = 1;
/// Rings when the program has taken too long.
pub const TIMEOUT: u32 = 2;

/// The adapter.
#[derive(Debug)]
pub struct Command {
    config: Config,
    dialect: Dialect,
    conversation: Conversation,
    /// How long it may still take, if that is bounded.
    patience: Option<Patience>,
    /// The final answer is to be JSON.
    structured: bool,
    /// Why the program is being ended, if it is.
    ended: Ended,
    stop: GentleStop,
}

impl Adapter for Command {
    fn describe() -> About {
        About {
            common: Description {
                name: "command".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Makes an agent of any program that the operator lists.".to_owned(),
                config_schema: config::SCHEMA.to_owned(),
                requests: vec![
                    CapabilityRequest::new(
                        "process/spawn@1",
                        "*",
                        "Runs the program that its configuration names.",
                    ),
                    CapabilityRequest::new(
                        "timer/set@1",
                        "*",
                        "Ends a program that takes too long, or does not end as asked.",
                    ),
                ],
            },
            // Each only where the program is told or asks: `start` refuses a task that needs what is not configured.
            features: Features::RESUME | Features::STRUCTURED_OUTPUT | Features::PERMISSIONS,
            tested: Vec::new(),
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: Config = configuration::read(&task.config)?;
        config.check(&task)?;
        let process = launch::process(&config, &task)?;

        effects.emit(Draft::new(kind::RUN_STARTED).field("program", config.program.as_str()));
        effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
        effects.start_process(process);
        if let Some(bytes) = launch::input(&config, &task)? {
            effects.write(PROCESS, bytes);
        }
        if !config.interactive {
            effects.close_input(PROCESS);
        }
        let patience =
            config.timeout_ms.map(|milliseconds| Patience::begin(milliseconds, config.interactive, effects));
        Ok(Self {
            conversation: Conversation::new(config.interactive),
            patience,
            dialect: Dialect::new(config.output),
            structured: task.output_schema.is_some(),
            ended: Ended::ByItself,
            stop: GentleStop::new(PROCESS, STOP_TIMER),
            config,
        })
    }

    fn handle(&mut self, input: Input, at: Timestamp, effects: &mut Effects) -> Result<(), String> {
        self.take(input, at, effects);
        if !effects.is_finished()
            && let Some(patience) = &mut self.patience
        {
            patience.waits(self.conversation.waits(), at, effects);
        }
        Ok(())
    }
}

impl Command {
    fn take(&mut self, input: Input, at: Timestamp, effects: &mut Effects) {
        match input {
            Input::ProcessOutput(output) => self.output(output, effects),
            Input::ProcessExited(exited) => {
                let ended = std::mem::replace(&mut self.ended, Ended::ByItself);
                effects.finish(ended.outcome(&self.config, &mut self.dialect, self.structured, &exited));
            }
            Input::ProcessFailed((_, why)) => effects.finish(self.ended.never_began("start_failed", &why)),
            Input::Cancel(why) => {
                self.ended.cancel(why);
                self.end(effects);
            }
            Input::Timer(TIMEOUT) => self.time_up(at, effects),
            Input::Permission((id, answer)) => {
                self.conversation.answer(&id, &answer, &mut self.dialect.items, effects);
            }
            Input::Timer(STOP_TIMER) => self.stop.harder(effects),
            Input::Refused(refused) => match (refused.effect.as_str(), refused.id) {
                ("start-process", _) => {
                    effects.finish(self.ended.never_began("not_granted", &refused.reason));
                }
                ("set-timer", Some(STOP_TIMER)) if self.stop.has_begun() => self.stop.harder(effects),
                ("ask-permission", _) => {
                    self.conversation.refused(refused.reason, &mut self.dialect.items, effects);
                }
                // The process ended before it was asked something: its exit says all there is to say.
                ("write-process" | "close-input" | "stop-process", _) => {}
                (effect, _) => effects.emit(
                    Draft::new("x_command_refused").field("effect", effect).field("reason", refused.reason),
                ),
            },
            Input::Message(message) => {
                if let Err(why) = self.conversation.message(&message, effects) {
                    let text = pointsman_sdk::prompt::flatten(&message);
                    effects
                        .emit(Draft::new("x_command_undelivered").field("text", text).field("reason", why));
                }
            }
            _ => {}
        }
    }

    fn time_up(&mut self, at: Timestamp, effects: &mut Effects) {
        if self.patience.as_mut().is_none_or(|patience| patience.rings(at, effects)) {
            self.ended.time_out();
            self.end(effects);
        }
    }

    /// Lets the program know that nobody waits for it, and ends it.
    fn end(&mut self, effects: &mut Effects) {
        self.conversation.close(&mut self.dialect.items, effects);
        self.stop.begin(effects);
    }

    fn output(&mut self, output: Output, effects: &mut Effects) {
        match (output.stream, self.config.output) {
            (OutputStream::StandardError, _) => {
                effects.emit(Draft::new("x_command_stderr").field("text", output.lines.join("\n")));
            }
            (OutputStream::StandardOutput, OutputMode::Text) => self.dialect.text(&output.lines, effects),
            (OutputStream::StandardOutput, OutputMode::Jsonl) => {
                for line in &output.lines {
                    if let Some(asked) = self.dialect.line(line, effects) {
                        self.conversation.line(asked, &mut self.dialect.items, effects);
                    }
                }
            }
        }
    }
}

pointsman_sdk::export_backend!(Command);
