//! The adapter: inputs of the host, and how a run ends.

use pointsman_sdk::backend::{
    About, Adapter, Effects, Exited, Features, GentleStop, Input, Outcome, Output, OutputStream, Process,
    Task, TestedProgram, Timestamp,
};
use pointsman_sdk::types::{CapabilityRequest, Description};
use pointsman_sdk::{Draft, Line, config as configuration, kind};
use serde_json::{Map, Value, json};

use crate::config::{self, Config};
use crate::failure::Failure;
use crate::prompt;
use crate::retry;
use crate::session::Session;
use crate::transcript::own_kind;
use crate::wire::{self, Incoming};

/// The one process of a run.
pub const PROCESS: u32 = 1;
/// Rings when the agent has not ended as asked.
pub const STOP_TIMER: u32 = 1;
/// Rings when the agent may have been silent for too long.
pub const IDLE_TIMER: u32 = 2;
/// Rings when the next step towards the end is due.
pub const PACE_TIMER: u32 = 3;

/// News may come behind the answer to a prompt: so long they are waited for.
const GRACE_MS: u32 = 250;
/// How long an agent may take to end when its input has ended. Some do not.
const EXIT_MS: u32 = 2_000;
/// How long an agent may take to end a turn that was cancelled.
const CANCEL_MS: u32 = 1_500;

/// The adapter.
#[derive(Debug)]
pub struct Acp {
    pub(crate) session: Session,
    /// Where the run stands on the way to its end.
    stage: Stage,
    /// Why somebody no longer wants it.
    cancelled: Option<String>,
    /// How it came to its end.
    end: Option<End>,
    stop: GentleStop,
    /// When the agent was last heard, or had no need to speak.
    heard: Timestamp,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// On its way.
    Going,
    /// The agent was asked to end its turn.
    Cancelling,
    /// The turn is over; news may still come.
    Settling,
    /// The agent's input has ended.
    Leaving,
}

/// How a run came to its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// The agent stopped for this reason.
    Stopped(String),
    /// It could not go on.
    Failed(Failure),
    /// It said nothing for too long; what it was waited for, for people.
    Silent(String),
}

impl Adapter for Acp {
    fn describe() -> About {
        let tested = |program: &str, version: &str, package: &str| TestedProgram {
            program: program.to_owned(),
            oldest: version.to_owned(),
            newest: version.to_owned(),
            install: format!("npm install --global {package}"),
        };
        About {
            common: Description {
                name: "acp".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Drives any agent that speaks the Agent Client Protocol.".to_owned(),
                config_schema: config::SCHEMA.to_owned(),
                requests: vec![
                    CapabilityRequest::new(
                        "process/spawn@1",
                        "*",
                        "Runs the agent that its configuration names.",
                    ),
                    CapabilityRequest::new(
                        "timer/set@1",
                        "*",
                        "Ends an agent that is silent for too long, or does not end as asked.",
                    ),
                ],
            },
            features: Features::RESUME
                | Features::PERMISSIONS
                | Features::STRUCTURED_OUTPUT
                | Features::IMAGES,
            tested: vec![
                tested("gemini", "0.61.0", "@google/gemini-cli"),
                tested("opencode", "1.18.33", "opencode-ai"),
                tested("codex-acp", "2.6.0", "@agentclientprotocol/codex-acp"),
                tested("claude-agent-acp", "0.100.0", "@agentclientprotocol/claude-agent-acp"),
            ],
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        let config: Config = configuration::read(&task.config)?;
        config.check(&task)?;
        let process = Process::new(PROCESS, config.program.as_str()).args(&config.args).error_lines();
        let heard = task.started_at;
        let program = config.program.clone();
        let mut session = Session::new(task, config)?;

        effects.emit(
            Draft::new(kind::RUN_STARTED)
                .field("program", program)
                .maybe("backend_session_id", session.resumed().map(str::to_owned)),
        );
        effects.emit(Draft::new(kind::STATUS_CHANGED).field("status", "running"));
        effects.start_process(process);
        session.begin(effects);
        effects.set_timer(IDLE_TIMER, session.patience_ms());
        let stop = GentleStop::new(PROCESS, STOP_TIMER);
        Ok(Self { session, stage: Stage::Going, cancelled: None, end: None, stop, heard })
    }

    fn handle(&mut self, input: Input, at: Timestamp, effects: &mut Effects) -> Result<(), String> {
        match input {
            Input::ProcessOutput(output) if output.stream == OutputStream::StandardError => {
                // What stands there is no word to the client: it ends no silence. A failure tells its end.
                for draft in output.lines.iter().filter_map(|line| retry::in_line(line)) {
                    self.session.tell_retry(draft, effects);
                }
            }
            Input::ProcessOutput(output) => {
                self.heard = at;
                self.output(&output, at, effects);
                if self.stage == Stage::Going
                    && let Some(pause) = self.session.pause_ms(at)
                {
                    effects.set_timer(PACE_TIMER, pause);
                }
            }
            Input::ProcessExited(exited) => self.exited(&exited, effects),
            Input::ProcessFailed((_, why)) => self.never_began("start_failed", &why, effects),
            Input::Permission((id, answer)) => {
                self.heard = at;
                if self.session.permission(&id, answer, effects) {
                    self.cancel("nobody answered what the agent asked".to_owned(), effects);
                }
            }
            Input::Message(message) => {
                self.heard = at;
                if !self.session.take_message(effects) {
                    let text = pointsman_sdk::prompt::flatten(&message);
                    effects.emit(Draft::new(own_kind("undelivered")).field("text", text).field(
                        "reason",
                        "the protocol takes no further message while a turn runs; continue the run instead",
                    ));
                }
            }
            Input::Cancel(why) => self.cancel(why, effects),
            Input::Timer(STOP_TIMER) => self.stop.harder(effects),
            Input::Timer(IDLE_TIMER) => self.idle(at, effects),
            Input::Timer(PACE_TIMER) => self.step(effects),
            Input::Refused(refused) => match (refused.effect.as_str(), refused.id) {
                ("start-process", _) => self.never_began("not_granted", &refused.reason, effects),
                // Without a timer there is nothing to wait for.
                ("set-timer", Some(STOP_TIMER)) => self.stop.harder(effects),
                ("set-timer", Some(PACE_TIMER)) => self.step(effects),
                // The process ended before it was asked something: its exit says all there is to say.
                ("write-process" | "close-input" | "stop-process", _) => {}
                (effect, _) => effects.emit(
                    Draft::new(own_kind("refused")).field("effect", effect).field("reason", refused.reason),
                ),
            },
            _ => {}
        }
        Ok(())
    }
}

impl Acp {
    fn output(&mut self, output: &Output, at: Timestamp, effects: &mut Effects) {
        for (index, line) in (0_u32..).zip(&output.lines) {
            let clipped = output.clipped.contains(&index);
            match Line::read(line) {
                Line::Blank => {}
                Line::Json(object) => self.message(object, at, effects),
                Line::Text(_) => {
                    let draft = Draft::new(own_kind("output")).field("text", line.as_str());
                    effects.emit(if clipped { draft.field("clipped", true) } else { draft });
                }
            }
        }
    }

    fn message(&mut self, object: Map<String, Value>, at: Timestamp, effects: &mut Effects) {
        match Incoming::read(object) {
            Incoming::Notification { method, params } => self.session.notification(&method, params, effects),
            Incoming::Request { id, method, params } => {
                // Whoever is on the way out is asked nothing any more.
                if method == "session/request_permission" && self.stage == Stage::Going {
                    self.session.ask(id, params, effects);
                } else if method == "session/request_permission" {
                    wire::answer(&id, &json!({ "outcome": { "outcome": "cancelled" } }), effects);
                    effects.emit(Draft::new(own_kind("permission_cancelled")).fields(params));
                } else {
                    wire::refuse(
                        &id,
                        wire::METHOD_NOT_FOUND,
                        &format!("this client has no {method}"),
                        effects,
                    );
                    effects.emit(
                        Draft::new(own_kind("request_declined"))
                            .field("method", method)
                            .field("params", params),
                    );
                }
            }
            Incoming::Answer { id, result } => match self.session.answer(&id, result, at, effects) {
                Some(end) => self.settle(end, effects),
                None if self.stage == Stage::Going => {
                    effects.set_timer(IDLE_TIMER, self.session.patience_ms());
                }
                None => {}
            },
            Incoming::Other(object) => {
                effects.emit(Draft::new(own_kind("output")).field("line", Value::Object(object)));
            }
        }
    }

    /// Begins the end of the run: all there is to do is done, or cannot be done.
    fn settle(&mut self, end: End, effects: &mut Effects) {
        let finished = matches!(end, End::Stopped(_));
        self.end.get_or_insert(end);
        match self.stage {
            Stage::Going if finished => {
                self.stage = Stage::Settling;
                effects.clear_timer(IDLE_TIMER);
                effects.set_timer(PACE_TIMER, GRACE_MS);
            }
            Stage::Going | Stage::Cancelling => self.leave(effects),
            Stage::Settling | Stage::Leaving => {}
        }
    }

    /// Ends the agent's input, at which most agents end.
    fn leave(&mut self, effects: &mut Effects) {
        self.stage = Stage::Leaving;
        effects.clear_timer(IDLE_TIMER);
        effects.close_input(PROCESS);
        effects.set_timer(PACE_TIMER, EXIT_MS);
    }

    /// Takes the next step towards the end.
    fn step(&mut self, effects: &mut Effects) {
        match self.stage {
            Stage::Going => {
                if let Some(end) = self.session.go_on(effects) {
                    self.settle(end, effects);
                }
            }
            Stage::Settling => self.leave(effects),
            Stage::Cancelling => {
                self.leave(effects);
                self.stop.begin(effects);
            }
            Stage::Leaving => self.stop.begin(effects),
        }
    }

    fn cancel(&mut self, why: String, effects: &mut Effects) {
        if self.cancelled.is_some() {
            return;
        }
        self.cancelled = Some(why);
        match self.stage {
            Stage::Going if self.session.interrupt(effects) => {
                self.stage = Stage::Cancelling;
                effects.clear_timer(IDLE_TIMER);
                effects.set_timer(PACE_TIMER, CANCEL_MS);
            }
            Stage::Going => {
                self.leave(effects);
                self.stop.begin(effects);
            }
            Stage::Settling => self.leave(effects),
            Stage::Cancelling | Stage::Leaving => {}
        }
    }

    /// Judges a silence. The timer is not moved at every line, so it may ring too early.
    fn idle(&mut self, at: Timestamp, effects: &mut Effects) {
        if self.stage != Stage::Going {
            return;
        }
        let patience = self.session.patience_ms();
        if self.session.is_waiting_for_people() {
            self.heard = at;
        }
        let silent = u32::try_from(at.saturating_sub(self.heard)).unwrap_or(u32::MAX);
        if silent < patience {
            return effects.set_timer(IDLE_TIMER, patience - silent);
        }
        let message = format!(
            "the agent said nothing for {} ms {}; `{}` in this backend's config says how long it may be silent",
            silent,
            self.session.during(),
            self.session.patience_key(),
        );
        let end = End::Silent(message);
        if self.session.interrupt(effects) {
            self.end.get_or_insert(end);
            self.stage = Stage::Cancelling;
            effects.set_timer(PACE_TIMER, CANCEL_MS);
        } else {
            self.settle(end, effects);
        }
    }

    /// Ends the run with its process: the only place where a run that began ends.
    fn exited(&mut self, exited: &Exited, effects: &mut Effects) {
        let session = &mut self.session;
        session.close(effects);
        let answer = session.take_answer();
        let end = self.end.take().unwrap_or_else(|| {
            End::Failed(Failure::of_process(&exited.exit.in_words(), session.during(), &exited.stderr_tail))
        });
        let outcome = match (self.cancelled.take(), end) {
            (Some(why), _) => Outcome::cancelled(why),
            (None, End::Failed(failure)) => Outcome::failed(failure.reason, failure.message),
            (None, End::Silent(message)) => {
                let failure = Failure::of_silence(message, &exited.stderr_tail);
                Outcome::failed(failure.reason, failure.message)
            }
            (None, End::Stopped(reason)) => session.judged(&reason, answer.as_deref()),
        };
        // An agent that tells an error as if it were its answer has none.
        let answer = answer.filter(|answer| {
            outcome
                .error
                .as_deref()
                .is_none_or(|error| !error.contains(answer.trim()) || answer.trim().is_empty())
        });
        let mut outcome = outcome.with_usage(session.usage()).with_final_response(answer);
        if outcome.reason.is_none() && session.is_structured() {
            // The host holds it against the schema; here it only has to be JSON.
            let value = outcome.final_response.as_deref().and_then(prompt::parsed);
            outcome.structured_output = value.map(|value| value.to_string());
        }
        effects.finish(outcome);
    }

    /// Ends a run whose process never was.
    fn never_began(&mut self, reason: &str, why: &str, effects: &mut Effects) {
        effects.finish(match self.cancelled.take() {
            Some(why) => Outcome::cancelled(why),
            None => Outcome::failed(reason, format!("the agent could not be started: {why}")),
        });
    }
}
