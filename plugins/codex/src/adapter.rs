//! The adapter: which of codex's protocols is spoken, and what is the same with both.

use pointsman_sdk::backend::{
    About, Adapter, Effects, Exited, Features, GentleStop, Input, OutputStream, Refused, Task, TestedProgram,
    Timestamp,
};
use pointsman_sdk::types::{CapabilityRequest, Description, Message};
use pointsman_sdk::{Draft, kind};

use crate::app_server::{Left, Session};
use crate::config::{self, Config};
use crate::exec::{self, Turn};
use crate::outcome;
use crate::resume::Resume;

/// The one process of a run.
pub const PROCESS: u32 = 1;
/// Rings when codex has not ended as asked.
pub const STOP_TIMER: u32 = 1;
/// Rings when a program has not answered as an app server does.
pub const GREETING_TIMER: u32 = 2;
/// Rings when codex has not ended its turn as asked.
pub const INTERRUPT_TIMER: u32 = 3;
/// Rings when codex has not ended although nothing more will be said to it.
pub const LINGER_TIMER: u32 = 4;

/// The adapter.
#[derive(Debug)]
pub struct Codex {
    task: Task,
    config: Config,
    resumed: Option<Resume>,
    talk: Talk,
    /// Why the run is to end.
    cancelled: Option<String>,
    /// By an interrupt first, at which codex ends its commands as well.
    stop: GentleStop,
}

/// The protocol that is spoken.
#[derive(Debug)]
enum Talk {
    AppServer(Box<Session>),
    /// With messages that wait for the turn to end.
    Exec(Box<Turn>, Vec<Message>),
}

impl Adapter for Codex {
    fn describe() -> About {
        About {
            common: Description {
                name: "codex".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Drives the Codex CLI by its app server, or by `codex exec` where it has none."
                    .to_owned(),
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
                        "Ends a codex that does not end as asked, and notices one without an app server.",
                    ),
                ],
            },
            features: Features::RESUME
                | Features::LIVE_INPUT
                | Features::PERMISSIONS
                | Features::STRUCTURED_OUTPUT
                | Features::IMAGES,
            tested: vec![TestedProgram {
                program: "codex".to_owned(),
                oldest: "0.145.0".to_owned(),
                newest: "0.169.0".to_owned(),
                install: "npm install --global @openai/codex".to_owned(),
            }],
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: Config = pointsman_sdk::config::read(&task.config)?;
        let resumed = task.resume.as_deref().map(Resume::read).transpose()?;
        let thread_id = resumed.as_ref().map(|resumed| resumed.thread_id.as_str());
        let started = Draft::new(kind::RUN_STARTED).field("thread_id", thread_id);
        let mut first = Effects::new();
        let talk = if config.tries_app_server() {
            let (mut session, process) = Session::new(&task, &config, resumed.clone())?;
            first.start_process(process);
            session.greet(&mut first);
            Talk::AppServer(Box::new(session))
        } else {
            exec(&task, &config, resumed.clone(), Vec::new(), &mut first)?
        };
        effects.emit(started);
        effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
        first.into_vec().into_iter().for_each(|effect| effects.push(effect));
        let stop = GentleStop::new(PROCESS, STOP_TIMER);
        Ok(Self { task, config, resumed, talk, cancelled: None, stop })
    }

    fn handle(&mut self, input: Input, _at: Timestamp, effects: &mut Effects) -> Result<(), String> {
        match input {
            Input::ProcessOutput(output) => {
                for (index, line) in (0_u32..).zip(&output.lines) {
                    let clipped = output.clipped.contains(&index);
                    match (output.stream, &mut self.talk) {
                        (OutputStream::StandardError, _) => exec::error_line(line, effects),
                        (_, Talk::AppServer(session)) => session.line(line, clipped, effects),
                        (_, Talk::Exec(turn, _)) => turn.line(line, clipped, effects),
                    }
                }
            }
            Input::ProcessExited(exited) => return self.exited(&exited, effects),
            Input::ProcessFailed((_, why)) => {
                effects.finish(outcome::never_began("start_failed", &why, self.cancelled.take()));
            }
            Input::Permission((id, answer)) => {
                if let Talk::AppServer(session) = &mut self.talk {
                    session.permitted(&id, &answer, effects);
                }
            }
            Input::Message(message) => match &mut self.talk {
                Talk::AppServer(session) => session.message(&message, effects),
                Talk::Exec(_, queue) => queue.push(message),
            },
            Input::Cancel(why) if self.cancelled.is_none() => {
                self.cancelled = Some(why);
                let asked = match &mut self.talk {
                    Talk::AppServer(session) => session.cancel(effects),
                    Talk::Exec(..) => false,
                };
                if !asked {
                    self.stop.begin(effects);
                }
            }
            Input::Timer(STOP_TIMER) => self.stop.harder(effects),
            Input::Timer(timer) => {
                if let Talk::AppServer(session) = &mut self.talk
                    && session.rang(timer, effects)
                {
                    self.stop.begin(effects);
                }
            }
            Input::Refused(refused) => self.refused(refused, effects),
            _ => {}
        }
        Ok(())
    }
}

impl Codex {
    /// Takes the end of the process: of the run, or of one try of several.
    fn exited(&mut self, exited: &Exited, effects: &mut Effects) -> Result<(), String> {
        match &mut self.talk {
            Talk::AppServer(session) => {
                let left = session.exited(exited, self.cancelled.clone(), effects);
                if let Left::Unspoken(queue) = left {
                    effects.emit(Draft::new("x_codex_protocol").field("protocol", "exec").field(
                        "reason",
                        format!("codex {} before it answered as an app server", exited.exit.in_words()),
                    ));
                    self.talk = exec(&self.task, &self.config, self.resumed.clone(), queue, effects)?;
                }
            }
            Talk::Exec(turn, queue) => {
                let message =
                    if self.cancelled.is_none() && !queue.is_empty() { turn.next(exited) } else { None };
                if let Some(resume) = message {
                    let said = Message {
                        parts: queue.drain(..).flat_map(|message| message.parts).collect(),
                        ..self.task.message.clone()
                    };
                    let (prompt, images) = exec::launch::prompt(None, &said);
                    let process = exec::launch::process(&self.task, &self.config, Some(&resume), &images)?;
                    effects.start_process(process);
                    effects.write(PROCESS, prompt);
                    effects.close_input(PROCESS);
                } else {
                    for message in queue.drain(..) {
                        effects.emit(
                            Draft::new("x_codex_undelivered")
                                .field("text", pointsman_sdk::prompt::flatten(&message))
                                .field("reason", "the turn before it did not succeed"),
                        );
                    }
                    turn.end(exited, self.cancelled.take(), effects);
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, refused: Refused, effects: &mut Effects) {
        match refused.effect.as_str() {
            "start-process" => {
                effects.finish(outcome::never_began("not_granted", &refused.reason, None));
            }
            // Without a timer there is nothing to wait for; but a codex that may answer yet is left alone.
            "set-timer" => match refused.id {
                Some(GREETING_TIMER | LINGER_TIMER) => {}
                Some(INTERRUPT_TIMER) => self.stop.begin(effects),
                _ => self.stop.harder(effects),
            },
            // The process ended before it was asked something: its exit says all there is to say.
            "write-process" | "close-input" | "stop-process" | "clear-timer" => {}
            other => effects
                .emit(Draft::new("x_codex_refused").field("effect", other).field("reason", refused.reason)),
        }
    }
}

/// Starts `codex exec` for a task.
fn exec(
    task: &Task,
    config: &Config,
    resumed: Option<Resume>,
    queue: Vec<Message>,
    effects: &mut Effects,
) -> Result<Talk, String> {
    let (prompt, images) = exec::launch::prompt(task.instructions.as_deref(), &task.message);
    effects.start_process(exec::launch::process(task, config, resumed.as_ref(), &images)?);
    effects.write(PROCESS, prompt);
    effects.close_input(PROCESS);
    Ok(Talk::Exec(Box::new(Turn::new(task.output_schema.is_some(), resumed)), queue))
}
