//! One conversation with an app server: from the greeting to the end of its process.

use std::collections::{BTreeMap, VecDeque};

use pointsman_sdk::backend::{Effects, Process, Task};
use pointsman_sdk::types::Message;
use pointsman_sdk::{Draft, Line, kind};
use serde_json::{Map, Value, json};

use super::approval::Asked;
use super::confined::{Reach, Sandbox};
use super::late::Results;
use super::launch::{self, Confinement};
use super::question::Question;
use super::wire::{self, Incoming};
use crate::adapter::{GREETING_TIMER, PROCESS};
use crate::config::Config;
use crate::failure::Failure;
use crate::open::OpenItems;
use crate::resume::Resume;
use crate::usage::Tokens;

/// How long a program may take to answer the greeting before it is taken for one without an app server.
const GREETING_MS: u32 = 20_000;

/// What is known of a conversation.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) task: Task,
    pub(super) config: Config,
    pub(super) resumed: Option<Resume>,
    codex_home: Option<String>,
    pub(super) greeted: bool,
    /// Messages that came before it was known whether codex speaks this protocol.
    pub(super) early: Vec<Message>,
    /// Requests of ours that wait for an answer.
    pub(super) waiting: BTreeMap<u64, Call>,
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
    pub(super) queue: Vec<Vec<Value>>,
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
    pub(super) said_text: bool,
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
pub(super) enum Call {
    Greeting,
    Opening(Confinement),
    Turn,
    Steering { input: Vec<Value>, feedback: bool },
    Interruption,
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
    pub(super) fn begin_turn(&mut self, effects: &mut Effects) {
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

    /// Tells what codex did not get to hear.
    pub(super) fn undelivered(&self, input: &[Value], why: &str, effects: &mut Effects) {
        let texts: Vec<&str> =
            input.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
        effects
            .emit(Draft::new("x_codex_undelivered").field("text", texts.join("\n\n")).field("reason", why));
    }

    pub(super) fn call(&mut self, method: &str, params: Value, call: Call, effects: &mut Effects) {
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
