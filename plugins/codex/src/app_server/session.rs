//! One conversation with an app server: from the greeting to the end of its process.

use std::collections::{BTreeMap, VecDeque};

use pointsman_sdk::backend::{Effects, Exit, Exited, Outcome, Process, Stop, Task};
use pointsman_sdk::types::Message;
use pointsman_sdk::{Draft, Line, kind};
use serde_json::{Map, Value, json};

use super::approval::Asked;
use super::confined::{Reach, Sandbox};
use super::late::Results;
use super::launch::{self, Confinement};
use super::question::Question;
use super::wire::{self, Incoming};
use crate::adapter::{GREETING_TIMER, INTERRUPT_TIMER, LINGER_TIMER, PROCESS};
use crate::config::{Config, Protocol};
use crate::failure::Failure;
use crate::open::OpenItems;
use crate::outcome;
use crate::resume::Resume;
use crate::usage::Tokens;

/// How long a program may take to answer the greeting before it is taken for one without an app server.
const GREETING_MS: u32 = 20_000;
/// How long codex may take to end a turn that is interrupted.
const INTERRUPT_MS: u32 = 1_000;
/// How long codex may take to end once nothing more will be said to it.
const LINGER_MS: u32 = 5_000;
/// How long codex may take to tell the ends of commands after that of their turn.
const LATE_MS: u32 = 500;

/// What is known of a conversation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) task: Task,
    pub(super) config: Config,
    resumed: Option<Resume>,
    codex_home: Option<String>,
    pub(super) greeted: bool,
    /// Messages that came before it was known whether codex speaks this protocol.
    pub(super) early: Vec<Message>,
    /// Requests of ours that wait for an answer.
    waiting: BTreeMap<u64, Call>,
    next_call: u64,
    pub(super) thread: Option<String>,
    pub(super) turn: Option<String>,
    pub(super) sandbox: Sandbox,
    pub(super) open: OpenItems,
    pub(super) results: Results,
    /// Requests of codex's that wait for an answer, by the permission's id.
    pub(super) asked: BTreeMap<String, Asked>,
    /// Questions that wait for the user; the first is the one that was put.
    pub(super) questions: VecDeque<Question>,
    /// What is to be said as soon as codex can hear it.
    queue: Vec<Vec<Value>>,
    /// How many messages of the user's codex will repeat that no turn was steered by.
    pub(super) prompts: usize,
    pub(super) last_message: Option<String>,
    pub(super) used: Option<Tokens>,
    /// What all of the turn's edits together come to.
    pub(super) diff: Option<Value>,
    pub(super) verdict: Option<Verdict>,
    /// Trouble that nothing better explains yet.
    pub(super) trouble: Option<Failure>,
    pub(super) cancelled: bool,
    /// Nothing more can be said to codex.
    pub(super) closed: bool,
    said_text: bool,
}

/// How a turn ended.
#[derive(Debug)]
pub(super) enum Verdict {
    Completed,
    Interrupted,
    Failed(Failure),
}

/// A request of ours.
#[derive(Debug)]
enum Call {
    Greeting,
    Opening(Confinement),
    Turn,
    Steering { input: Vec<Value>, feedback: bool },
    Interruption,
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) enum Left {
    /// The run has ended.
    Nothing,
    /// It never spoke the protocol: another one may do. With what was to be said meanwhile.
    Unspoken(Vec<Message>),
}

impl Session {
    /// Prepares a conversation, and the process that it is held with.
    pub(crate) fn new(
        task: &Task,
        config: &Config,
        resumed: Option<Resume>,
    ) -> Result<(Self, Process), String> {
        let process = launch::process(task, config)?;
        let session = Self {
            task: task.clone(),
            config: config.clone(),
            resumed,
            codex_home: None,
            greeted: false,
            early: Vec::new(),
            waiting: BTreeMap::new(),
            next_call: 1,
            thread: None,
            turn: None,
            sandbox: Sandbox::default(),
            open: OpenItems::default(),
            results: Results::default(),
            asked: BTreeMap::new(),
            questions: VecDeque::new(),
            queue: vec![launch::input(&task.message)],
            prompts: 0,
            last_message: None,
            used: None,
            diff: None,
            verdict: None,
            trouble: None,
            cancelled: false,
            closed: false,
            said_text: false,
        };
        Ok((session, process))
    }

    /// Says the first words.
    pub(crate) fn greet(&mut self, effects: &mut Effects) {
        let greeting = launch::greeting(&self.config);
        self.call("initialize", greeting, Call::Greeting, effects);
        effects.set_timer(GREETING_TIMER, GREETING_MS);
    }

    /// Takes a line of standard output.
    pub(crate) fn line(&mut self, line: &str, clipped: bool, effects: &mut Effects) {
        match Line::read(line) {
            Line::Blank => {}
            Line::Text(text) => {
                self.said_text = true;
                let draft = Draft::new("x_codex_output").field("text", text);
                effects.emit(if clipped { draft.field("clipped", true) } else { draft });
            }
            Line::Json(message) => match Incoming::read(message) {
                Incoming::Answer { id, result } => self.answered(id, result, effects),
                Incoming::Request { id, method, params } => self.requested(id, &method, params, effects),
                Incoming::Notice { method, params } => self.noticed(&method, params, effects),
                Incoming::Unknown(message) => {
                    self.said_text = true;
                    effects.emit(Draft::new("x_codex_output").field("line", Value::Object(message)));
                }
            },
        }
    }

    /// Takes the answer to a request of ours.
    fn answered(&mut self, id: u64, result: Result<Value, Value>, effects: &mut Effects) {
        match (self.waiting.remove(&id), result) {
            (Some(Call::Greeting), Ok(answer)) => {
                self.greeted = true;
                effects.clear_timer(GREETING_TIMER);
                self.codex_home = answer.get("codexHome").and_then(Value::as_str).map(str::to_owned);
                self.queue.extend(self.early.drain(..).map(|message| launch::input(&message)));
                effects.write(PROCESS, wire::notice("initialized"));
                self.open_conversation(launch::confinement(&self.task, self.codex_home.as_deref()), effects);
            }
            // It has no app server as we know it.
            (Some(Call::Greeting), Err(_)) => self.give_up(effects),
            (Some(Call::Opening(how)), Ok(opened)) => self.opened(how, &opened, effects),
            // An older codex may know nothing of permission profiles.
            (Some(Call::Opening(Confinement::Profile)), Err(_)) => {
                self.open_conversation(Confinement::Mode, effects);
            }
            (Some(Call::Opening(Confinement::Mode) | Call::Turn), Err(error)) => {
                self.fail(Failure::of_error(&error), effects);
            }
            (Some(Call::Turn), Ok(answer)) => {
                if let Some(turn) = answer.pointer("/turn/id").and_then(Value::as_str) {
                    self.begun(turn.to_owned(), effects);
                }
            }
            (Some(Call::Steering { .. } | Call::Interruption), Ok(_)) => self.settle(effects),
            (Some(Call::Steering { input, feedback }), Err(error)) => {
                if feedback {
                    self.undelivered(&input, &Failure::of_error(&error).message, effects);
                } else {
                    // The turn has ended, or is of a kind that hears nothing: the next one will.
                    self.queue.push(input);
                }
                self.settle(effects);
            }
            // It ended of itself.
            (Some(Call::Interruption), Err(_)) => {}
            (None, result) => {
                let draft = Draft::new("x_codex_answer").field("id", id);
                effects.emit(match result {
                    Ok(result) => draft.field("result", result),
                    Err(error) => draft.field("error", error),
                });
            }
        }
    }

    fn open_conversation(&mut self, how: Confinement, effects: &mut Effects) {
        let (method, params) =
            launch::opening(&self.task, &self.config, self.resumed.as_ref(), how, self.codex_home.as_deref());
        self.call(method, params, Call::Opening(how), effects);
    }

    fn opened(&mut self, how: Confinement, answer: &Value, effects: &mut Effects) {
        match self.sandbox.open(answer, self.task.access, &self.task.cwd) {
            Reach::Within => {}
            Reach::Beyond(_) if how == Confinement::Profile => {
                return self.open_conversation(Confinement::Mode, effects);
            }
            Reach::Beyond(reach) => {
                let message = format!(
                    "codex would work with {reach}, but this run may have no more than {}; look for what says so in \
                     codex's own configuration",
                    self.task.access.as_str()
                );
                return self.fail(Failure { reason: "sandbox_failed", message }, effects);
            }
        }
        self.thread = answer.pointer("/thread/id").and_then(Value::as_str).map(str::to_owned);
        effects.emit(
            Draft::new(kind::STATUS_CHANGED)
                .field("status", "running")
                .maybe("thread_id", self.thread.as_deref())
                .maybe("model", answer.get("model").and_then(Value::as_str)),
        );
        self.remember(effects);
        if self.thread.is_none() {
            let message = "codex opened a conversation, but did not name it".to_owned();
            return self.fail(Failure { reason: "no_outcome", message }, effects);
        }
        self.begin_turn(effects);
    }

    /// Begins a turn with what is to be said.
    fn begin_turn(&mut self, effects: &mut Effects) {
        let input: Vec<Value> = self.queue.drain(..).flatten().collect();
        let mut params = json!({ "threadId": self.thread, "input": input });
        let schema = self.task.output_schema.as_deref().and_then(|schema| serde_json::from_str(schema).ok());
        if let (Some(params), Some(schema)) = (params.as_object_mut(), schema) {
            params.insert("outputSchema".to_owned(), schema);
        }
        self.turn = None;
        self.verdict = None;
        self.prompts += 1;
        self.call("turn/start", params, Call::Turn, effects);
    }

    /// Learns a turn's name; from then on it can be spoken to.
    pub(super) fn begun(&mut self, turn: String, effects: &mut Effects) {
        if self.turn.is_none() && self.verdict.is_none() {
            self.turn = Some(turn);
            if self.cancelled {
                self.interrupt(effects);
            } else {
                for input in std::mem::take(&mut self.queue) {
                    self.say(input, false, effects);
                }
            }
        }
    }

    /// Says something to codex, now or as soon as it can hear it.
    pub(super) fn say(&mut self, input: Vec<Value>, feedback: bool, effects: &mut Effects) {
        if self.closed || self.cancelled {
            return self.undelivered(&input, "the run is ending", effects);
        }
        match &self.turn {
            Some(turn) if self.verdict.is_none() => {
                let params = json!({ "threadId": self.thread, "expectedTurnId": turn, "input": input });
                self.call("turn/steer", params, Call::Steering { input, feedback }, effects);
            }
            _ => self.queue.push(input),
        }
    }

    /// Goes on after a turn has ended: with what is left to be said, or to the end.
    pub(super) fn settle(&mut self, effects: &mut Effects) {
        let Some(verdict) = &self.verdict else { return };
        if self.waiting.values().any(|call| matches!(call, Call::Steering { .. })) && !self.cancelled {
            // Whether codex heard it is about to be known.
            return effects.set_timer(LINGER_TIMER, LINGER_MS);
        }
        if matches!(verdict, Verdict::Completed) && !self.queue.is_empty() && !self.cancelled {
            return self.begin_turn(effects);
        }
        if matches!(verdict, Verdict::Completed) && self.has_open_items() && !self.cancelled {
            return effects.set_timer(LINGER_TIMER, LATE_MS);
        }
        self.close(effects);
    }

    /// Says whether something of this conversation has begun and not ended.
    fn has_open_items(&self) -> bool {
        self.open.find(|_, data| !data.contains_key("thread_id")).is_some()
    }

    /// Lets codex end: it does once its input has.
    fn close(&mut self, effects: &mut Effects) {
        if self.closed {
            return;
        }
        for input in std::mem::take(&mut self.queue) {
            self.undelivered(&input, "the turn before it did not succeed", effects);
        }
        self.closed = true;
        self.remember(effects);
        effects.close_input(PROCESS);
        effects.set_timer(LINGER_TIMER, LINGER_MS);
    }

    /// Ends a conversation that cannot go on.
    pub(super) fn fail(&mut self, failure: Failure, effects: &mut Effects) {
        self.verdict.get_or_insert(Verdict::Failed(failure));
        self.settle(effects);
    }

    /// Ends a program that does not speak the protocol.
    fn give_up(&mut self, effects: &mut Effects) {
        self.trouble.get_or_insert(Failure {
            reason: "no_outcome",
            message: "the program does not answer as an app server of codex; is it another one, or too old?"
                .to_owned(),
        });
        self.closed = true;
        effects.clear_timer(GREETING_TIMER);
        effects.stop(PROCESS, Stop::Kill);
    }

    /// Takes a timer that has rung; says whether codex is to be ended now.
    pub(crate) fn rang(&mut self, timer: u32, effects: &mut Effects) -> bool {
        match timer {
            GREETING_TIMER if !self.greeted => self.give_up(effects),
            INTERRUPT_TIMER => return true,
            LINGER_TIMER if self.closed => return true,
            LINGER_TIMER => self.close(effects),
            _ => {}
        }
        false
    }

    /// Asks codex to end its turn; says whether it could be asked.
    pub(crate) fn cancel(&mut self, effects: &mut Effects) -> bool {
        self.cancelled = true;
        self.answer_all_cancelled(effects);
        self.interrupt(effects)
    }

    fn interrupt(&mut self, effects: &mut Effects) -> bool {
        let Some(turn) = self.turn.clone().filter(|_| self.verdict.is_none() && !self.closed) else {
            return false;
        };
        let params = json!({ "threadId": self.thread, "turnId": turn });
        self.call("turn/interrupt", params, Call::Interruption, effects);
        effects.set_timer(INTERRUPT_TIMER, INTERRUPT_MS);
        true
    }

    /// Takes the end of the process.
    pub(crate) fn exited(
        &mut self,
        exited: &Exited,
        cancelled: Option<String>,
        effects: &mut Effects,
    ) -> Left {
        if !self.greeted {
            effects.clear_timer(GREETING_TIMER);
        }
        if !self.greeted && cancelled.is_none() && self.config.protocol == Protocol::Auto {
            return Left::Unspoken(std::mem::take(&mut self.early));
        }
        self.results.close(&mut self.open, effects);
        self.open.close(effects);
        let outcome = match (cancelled, self.verdict.take()) {
            (Some(why), _) => Outcome::cancelled(why),
            (None, Some(Verdict::Completed)) => {
                outcome::completed(self.last_message.as_deref(), self.task.output_schema.is_some())
            }
            (None, Some(Verdict::Failed(failure))) => outcome::failed(failure),
            (None, Some(Verdict::Interrupted)) => outcome::failed(Failure {
                reason: "interrupted",
                message: "codex's turn was interrupted".to_owned(),
            }),
            (None, None) => outcome::failed(self.without_verdict(exited)),
        };
        let before = self.resumed.as_ref().and_then(|resumed| resumed.usage).unwrap_or_default();
        let usage = self.used.map(|used| used.since(before));
        effects.finish(outcome.with_usage(usage).with_final_response(self.last_message.take()));
        Left::Nothing
    }

    /// Finds words for a process that ended without saying how its turn did.
    fn without_verdict(&mut self, exited: &Exited) -> Failure {
        if let Some(trouble) = self.trouble.take() {
            return trouble;
        }
        match exited.exit {
            Exit::Code(0) if !self.greeted && self.said_text => Failure {
                reason: "no_outcome",
                message:
                    "codex exited with status 0, but what it printed is not what an app server says; is the \
                          program another one, or too old?"
                        .to_owned(),
            },
            Exit::Code(0) => Failure {
                reason: "no_outcome",
                message: "codex exited with status 0 without saying that its turn was completed".to_owned(),
            },
            exit => Failure::of_process(&exit.in_words(), &exited.stderr_tail),
        }
    }

    /// Asks the host to keep what a later run needs to go on from here.
    pub(super) fn remember(&self, effects: &mut Effects) {
        let Some(thread_id) = self.thread.clone() else { return };
        let usage = self.used.or_else(|| self.resumed.as_ref().and_then(|resumed| resumed.usage));
        effects.remember(&json!(Resume { thread_id, usage: Some(usage.unwrap_or_default()) }));
    }

    /// Tells what codex did not get to hear.
    fn undelivered(&self, input: &[Value], why: &str, effects: &mut Effects) {
        let texts: Vec<&str> =
            input.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
        effects
            .emit(Draft::new("x_codex_undelivered").field("text", texts.join("\n\n")).field("reason", why));
    }

    fn call(&mut self, method: &str, params: Value, call: Call, effects: &mut Effects) {
        let id = self.next_call;
        self.next_call += 1;
        self.waiting.insert(id, call);
        effects.write(PROCESS, wire::request(id, method, params));
    }

    /// Says whether something belongs to this conversation, and not to one that codex began beside it.
    pub(super) fn is_ours(&self, params: &Map<String, Value>) -> bool {
        match (wire::text(params, "threadId"), self.thread.as_deref()) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        }
    }
}
