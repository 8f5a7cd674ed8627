//! A session with an agent, step by step: what is asked of it, and what its answers lead to.

mod login;
mod taken_up;
mod turn;

use std::collections::VecDeque;

use pointsman_sdk::backend::{Effects, Task, Timestamp};
use pointsman_sdk::{Draft, kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::adapter::End;
use crate::agent::{self, Agent, Setting};
use crate::config::Config;
use crate::failure::Failure;
use crate::permission::Questions;
use crate::prompt;
use crate::transcript::{Transcript, own_kind};
use crate::usage::Charge;
use crate::wire::{self, Fault, Wire};

use turn::told;

/// What a run leaves for the one that takes its session up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Resume {
    /// The agent's id of the session.
    session_id: String,
    /// What the session had cost by then: agents count on.
    #[serde(default)]
    cost_micro_usd: u64,
    /// When it was opened last.
    #[serde(default)]
    opened_at: Timestamp,
}

/// What an agent is asked to do, one after the other.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Initialize,
    Authenticate { then: Box<Step> },
    New,
    Resume,
    Load,
    Set(Setting),
    Prompt,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    task: Task,
    config: Config,
    resume: Option<Resume>,
    remembered: Option<Resume>,
    wire: Wire,
    /// The request whose answer leads on.
    pending: Option<(u64, Step)>,
    /// What is to be done again once the user has logged in.
    locked: Option<Step>,
    /// What is to be done a while from now.
    delayed: Option<Step>,
    /// When the session was opened.
    opened_at: Timestamp,
    /// What the agent answered when it had loaded its session: its history may still be on the way.
    loaded: Option<Value>,
    /// The operator's way to log in was tried, and nobody has spoken since.
    authenticated: bool,
    agent: Agent,
    id: Option<String>,
    settings: VecDeque<Setting>,
    /// What is said in the turn.
    blocks: Vec<Value>,
    transcript: Transcript,
    questions: Questions,
    /// What was denied in this turn, and why.
    denials: Vec<(String, String)>,
    /// How often the agent was told so.
    told: u32,
    charge: Charge,
}

impl Session {
    /// Prepares a session for a task.
    pub(crate) fn new(task: Task, config: Config) -> Result<Self, String> {
        let resume: Option<Resume> =
            match &task.resume {
                Some(json) => Some(serde_json::from_str(json).map_err(|error| {
                    format!("what the session remembers is no session of an agent: {error}")
                })?),
                None => None,
            };
        let charge = Charge::new(resume.as_ref().map_or(0, |resume| resume.cost_micro_usd));
        Ok(Self {
            task,
            config,
            resume,
            remembered: None,
            wire: Wire::default(),
            pending: None,
            locked: None,
            delayed: None,
            opened_at: 0,
            loaded: None,
            authenticated: false,
            agent: Agent::default(),
            id: None,
            settings: VecDeque::new(),
            blocks: Vec::new(),
            transcript: Transcript::default(),
            questions: Questions::default(),
            denials: Vec::new(),
            told: 0,
            charge,
        })
    }

    /// Gives the session that is taken up, if one is.
    pub(crate) fn resumed(&self) -> Option<&str> {
        self.resume.as_ref().map(|resume| resume.session_id.as_str())
    }

    /// Says the first word.
    pub(crate) fn begin(&mut self, effects: &mut Effects) {
        self.go(Step::Initialize, effects);
    }

    /// Asks the agent to take a step.
    fn go(&mut self, step: Step, effects: &mut Effects) {
        let id = self.id.as_deref().unwrap_or_default();
        let place = |id: Option<&str>| {
            let mut servers = self.config.mcp_servers.clone();
            // An agent hands its own environment on; of the variables, only the names are known here.
            servers.extend(self.task.mcp_servers.iter().map(|server| {
                json!({ "name": server.name, "command": server.command, "args": server.args, "env": [] })
            }));
            let mut place = json!({ "cwd": self.task.cwd, "mcpServers": servers });
            if let Some(id) = id {
                place["sessionId"] = id.into();
            }
            place
        };
        let (method, params) = match &step {
            Step::Initialize => ("initialize", agent::introduction()),
            Step::Authenticate { .. } => ("authenticate", json!({ "methodId": self.config.auth_method })),
            Step::New => ("session/new", place(None)),
            Step::Resume => ("session/resume", place(self.resumed())),
            Step::Load => {
                self.transcript.begin_replay();
                ("session/load", place(self.resumed()))
            }
            Step::Set(setting) => {
                let mut params = setting.params.clone();
                params.insert("sessionId".to_owned(), id.into());
                (setting.method, Value::Object(params))
            }
            Step::Prompt => {
                self.transcript.begin_turn();
                ("session/prompt", json!({ "sessionId": id, "prompt": self.blocks }))
            }
        };
        let request = self.wire.request(method, &params, effects);
        self.pending = Some((request, step));
    }

    /// Takes the answer to a request; gives the end that it leads to, if it does.
    pub(crate) fn answer(
        &mut self,
        id: &Value,
        result: Result<Value, Fault>,
        at: Timestamp,
        effects: &mut Effects,
    ) -> Option<End> {
        let step = match self.pending.take() {
            Some((pending, step)) if id.as_u64() == Some(pending) => step,
            other => {
                self.pending = other;
                let (key, said) = match result {
                    Ok(result) => ("result", result),
                    Err(fault) => {
                        ("error", json!({ "code": fault.code, "message": fault.message, "data": fault.data }))
                    }
                };
                effects.emit(Draft::new(own_kind("answer")).field("id", id.clone()).field(key, said));
                return None;
            }
        };
        if step == Step::Load && result.is_err() {
            self.transcript.end_replay();
        }
        let led = match result {
            Ok(result) => self.done(step, result, at, effects),
            Err(fault) => self.refused(step, &fault, effects),
        };
        led.err()
    }

    /// Goes on after a step.
    fn done(&mut self, step: Step, result: Value, at: Timestamp, effects: &mut Effects) -> Result<(), End> {
        match step {
            Step::Initialize => {
                self.agent = Agent::read(&result).map_err(End::Failed)?;
                effects.emit(told("initialized", result));
                let first = match (&self.resume, self.agent.resumes, self.agent.loads) {
                    (None, _, _) => Step::New,
                    (Some(_), true, _) => Step::Resume,
                    (Some(_), false, true) => Step::Load,
                    (Some(_), false, false) => {
                        return Err(End::Failed(Failure {
                            reason: "resume_unsupported",
                            message: "this agent can take up no earlier session; launch a new run".to_owned(),
                        }));
                    }
                };
                if first == Step::Load && self.must_not_load_yet(at) {
                    self.delayed = Some(first);
                } else {
                    self.go(first, effects);
                }
            }
            Step::Authenticate { then } => self.go(*then, effects),
            // The protocol has the history come first; some agents are not done with it when they answer.
            Step::Load => {
                self.opened_at = at;
                self.loaded = Some(result);
            }
            Step::New | Step::Resume => {
                self.opened_at = at;
                self.opened(result, effects)?;
            }
            Step::Set(_) => self.next_setting(effects),
            Step::Prompt => return self.turned(&result, effects),
        }
        Ok(())
    }

    /// Takes up a session that stands.
    fn opened(&mut self, result: Value, effects: &mut Effects) -> Result<(), End> {
        let given = result["sessionId"].as_str().map(str::to_owned);
        let Some(id) = given.or_else(|| self.resumed().map(str::to_owned)) else {
            return Err(End::Failed(Failure {
                reason: "turn_failed",
                message: "the agent opened a session without naming it".to_owned(),
            }));
        };
        effects.emit(
            Draft::new(kind::STATUS_CHANGED)
                .field("status", "running")
                .field("backend_session_id", id.as_str())
                .field("agent", self.agent.info.clone()),
        );
        let settings = agent::settings(&result, &self.config, self.task.access);
        effects.emit(told("session_opened", result));
        self.id = Some(id);
        self.remember(effects);
        self.settings = settings.map_err(End::Failed)?.into();
        self.blocks = prompt::of_task(&self.task, &self.agent);
        self.next_setting(effects);
        Ok(())
    }

    fn next_setting(&mut self, effects: &mut Effects) {
        let step = self.settings.pop_front().map_or(Step::Prompt, Step::Set);
        self.go(step, effects);
    }

    /// Goes on, or does not, after an error.
    fn refused(&mut self, step: Step, fault: &Fault, effects: &mut Effects) -> Result<(), End> {
        if fault.code == wire::AUTH_REQUIRED && self.wants_login(&step, fault) {
            self.lock(step, fault, effects);
            return Ok(());
        }
        if fault.code == wire::METHOD_NOT_FOUND && step == Step::Resume && self.agent.loads {
            self.go(Step::Load, effects);
            return Ok(());
        }
        self.transcript.flush(effects);
        self.questions.withdraw_all(effects);
        let mut failure = Failure::of_fault(fault);
        match &step {
            // However an agent says that it does not know the session.
            Step::Resume | Step::Load if matches!(fault.code, -32002 | -32602) => {
                failure.reason = "session_not_found";
            }
            Step::Set(setting) => {
                let Failure { message, .. } = failure;
                let message = format!("the agent could not be set to {}: {message}", setting.what);
                failure = Failure { reason: "bad_configuration", message };
            }
            _ => {}
        }
        Err(End::Failed(failure))
    }

    /// Takes a notification.
    pub(crate) fn notification(
        &mut self,
        method: &str,
        mut params: Map<String, Value>,
        effects: &mut Effects,
    ) {
        match method {
            "session/update" => {
                let theirs = params.get("sessionId").and_then(Value::as_str);
                let ours = self.id.as_deref().or(self.resumed());
                if theirs.is_some() && ours.is_some() && theirs != ours {
                    return effects.emit(Draft::new(own_kind("other_session")).fields(params));
                }
                match params.remove("update") {
                    Some(Value::Object(update)) => {
                        if update.get("sessionUpdate").is_some_and(|name| name == "usage_update") {
                            self.charge.note(&Value::Object(update.clone()), self.is_at_work());
                        }
                        self.transcript.update(update, effects);
                        self.tell_usage(effects);
                    }
                    other => {
                        params.extend(other.map(|other| ("update".to_owned(), other)));
                        effects.emit(Draft::new(own_kind("session_update")).fields(params));
                    }
                }
            }
            "$/cancel_request" => {
                let id = params.get("requestId").cloned().unwrap_or_default();
                if !self.questions.withdraw(&id, effects) {
                    effects.emit(Draft::new(own_kind("cancel_request")).fields(params));
                }
            }
            other => effects.emit(Draft::new(own_kind(other)).field("method", other).fields(params)),
        }
    }

    /// Tells all that is left.
    pub(crate) fn close(&mut self, effects: &mut Effects) {
        self.transcript.end_replay();
        self.transcript.close(effects);
        self.remember(effects);
    }

    fn remember(&mut self, effects: &mut Effects) {
        let Some(id) = &self.id else { return };
        let resume = Resume {
            session_id: id.clone(),
            cost_micro_usd: self.charge.session_cost(),
            opened_at: self.opened_at,
        };
        // Each is a write that the host waits for.
        if self.remembered.as_ref() != Some(&resume) {
            effects.remember(&json!(resume));
            self.remembered = Some(resume);
        }
    }

    /// Gives the agent's last message.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        self.transcript.take_answer()
    }

    /// Says whether the final answer is to be JSON.
    pub(crate) fn is_structured(&self) -> bool {
        self.task.output_schema.is_some()
    }

    /// Says whether it is people that the agent waits for.
    pub(crate) fn is_waiting_for_people(&self) -> bool {
        !self.questions.is_empty() || self.locked.is_some()
    }

    /// Says how long the agent may be silent now.
    pub(crate) fn patience_ms(&self) -> u32 {
        if self.is_at_work() { self.config.idle_timeout_ms } else { self.config.start_timeout_ms }
    }

    /// Names the key by which an operator changes that.
    pub(crate) fn patience_key(&self) -> &'static str {
        if self.is_at_work() { "idle_timeout_ms" } else { "start_timeout_ms" }
    }

    /// Says what was going on, as a part of a sentence.
    pub(crate) fn during(&self) -> &'static str {
        match &self.pending {
            Some((_, Step::Initialize)) => "before it had answered the first request",
            Some((_, Step::Prompt)) => "in the midst of its turn",
            _ => "before its session stood",
        }
    }

    fn is_at_work(&self) -> bool {
        matches!(self.pending, Some((_, Step::Prompt)))
    }
}
