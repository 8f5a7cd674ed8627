//! A host that performs nothing, and an agent that says what a test wants.

use std::collections::BTreeMap;

use pointsman_remote_a2a::RemoteA2a;
use pointsman_sdk::backend::{
    Effect, FailedRequest, Input, Outcome, Request, RequestFault, ResponseHead, ServerEvent, Task,
};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Message, Speaker};
use serde_json::{Value, json};

/// The adapter on its stage.
pub(crate) struct Stage {
    pub(crate) run: Rehearsal<RemoteA2a>,
    looked: usize,
    /// Requests that nobody has answered.
    pub(crate) open: Vec<Request>,
    /// Timers that were set, with their milliseconds.
    pub(crate) timers: BTreeMap<u32, u32>,
}

pub(crate) const POLL: u32 = 1;
pub(crate) const RETRY: u32 = 2;
pub(crate) const LINGER: u32 = 3;
pub(crate) const CANCEL: u32 = 4;

/// A card of 1.0, or one of 0.3.
pub(crate) fn card(version: &str) -> Value {
    let url = "http://agent.example/a2a";
    match version {
        "0.3" => {
            json!({"name": "Agent", "url": url, "protocolVersion": "0.3.0", "capabilities": {"streaming": true}})
        }
        _ => json!({"name": "Agent", "capabilities": {"streaming": true}, "supportedInterfaces": [
            {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]}),
    }
}

pub(crate) fn config(more: Value) -> String {
    let mut config = json!({"agent_url": "http://agent.example"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config.to_string()
}

/// A message of the agent's.
pub(crate) fn said(id: &str, text: &str) -> Value {
    json!({"messageId": id, "role": "ROLE_AGENT", "parts": [{"text": text}]})
}

/// A task as it stands.
pub(crate) fn task(state: &str, artifacts: Value, history: Value) -> Value {
    json!({"id": "t", "contextId": "c", "kind": "task", "status": {"state": state}, "artifacts": artifacts,
        "history": history})
}

/// An event that says what the task is doing.
pub(crate) fn status(state: &str, message: Option<Value>) -> Value {
    let mut status = json!({"state": state});
    if let Some(message) = message {
        status["message"] = message;
    }
    json!({"taskId": "t", "contextId": "c", "kind": "status-update", "status": status})
}

/// An event with a piece of the artifact `a`.
pub(crate) fn chunk(text: &str, append: bool, last: bool) -> Value {
    json!({"taskId": "t", "contextId": "c", "kind": "artifact-update", "append": append, "lastChunk": last,
        "artifact": {"artifactId": "a", "parts": [{"text": text}]}})
}

impl Stage {
    /// Starts a run whose agent has this version, up to the message that it sends.
    pub(crate) fn set(version: &str) -> Self {
        Self::with(version, json!({}), a_task("do it"))
    }

    pub(crate) fn with(version: &str, more: Value, task: Task) -> Self {
        let mut stage = Self::begin(Task { config: config(more), ..task });
        let request = stage.take("GET");
        stage.answer(request.id, 200, &card(version));
        stage
    }

    /// Starts a run, up to the request for the card.
    pub(crate) fn begin(task: Task) -> Self {
        let run = Rehearsal::start(task).unwrap();
        let mut stage = Self { run, looked: 0, open: Vec::new(), timers: BTreeMap::new() };
        stage.look();
        stage
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.run.input(input).unwrap();
        self.look();
    }

    fn look(&mut self) {
        let effects: Vec<Effect> = self.run.effects()[self.looked..].to_vec();
        self.looked += effects.len();
        for effect in effects {
            match effect {
                Effect::SendRequest(request) => self.open.push(request),
                Effect::AbortRequest(id) => self.open.retain(|request| request.id != id),
                Effect::SetTimer((id, after)) => drop(self.timers.insert(id, after)),
                Effect::ClearTimer(id) => drop(self.timers.remove(&id)),
                _ => {}
            }
        }
    }

    /// Takes the one open request of this method, of HTTP or of the protocol.
    pub(crate) fn take(&mut self, method: &str) -> Request {
        let at = self.open.iter().position(|request| request.method == method || name(request) == method);
        self.open.remove(at.unwrap_or_else(|| panic!("no {method} among {:?}", self.names())))
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.open.iter().map(name).collect()
    }

    /// Answers with a body.
    pub(crate) fn answer(&mut self, id: u32, code: u16, body: &Value) {
        self.answer_raw(id, code, body.to_string().as_bytes());
    }

    pub(crate) fn answer_raw(&mut self, id: u32, code: u16, body: &[u8]) {
        self.head(id, code, "application/json");
        self.input(Input::ResponseBytes((id, body.to_vec())));
        if self.outcome().is_none() {
            self.input(Input::ResponseEnded(id));
        }
    }

    /// Answers a request of JSON-RPC.
    pub(crate) fn result(&mut self, method: &str, result: Value) {
        let request = self.take(method);
        self.answer(request.id, 200, &json!({"jsonrpc": "2.0", "id": request.id, "result": result}));
    }

    pub(crate) fn error(&mut self, method: &str, code: i64, message: &str) {
        let request = self.take(method);
        let error = json!({"code": code, "message": message});
        self.answer(request.id, 200, &json!({"jsonrpc": "2.0", "id": request.id, "error": error}));
    }

    pub(crate) fn head(&mut self, id: u32, status: u16, kind: &str) {
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        self.input(Input::ResponseHead(ResponseHead { id, status, headers }));
    }

    /// Begins to stream.
    pub(crate) fn stream(&mut self, method: &str) -> u32 {
        let id = self.take(method).id;
        self.head(id, 200, "text/event-stream");
        id
    }

    /// Says something on a stream.
    pub(crate) fn event(&mut self, id: u32, event: Value) {
        self.events(id, [event]);
    }

    pub(crate) fn events(&mut self, id: u32, events: impl IntoIterator<Item = Value>) {
        let wrapped = |event: Value| {
            // Both versions take either wrapping.
            let data = json!({"jsonrpc": "2.0", "id": id, "result": event}).to_string();
            ServerEvent { name: None, id: None, data }
        };
        self.input(Input::ResponseEvents((id, events.into_iter().map(wrapped).collect())));
    }

    pub(crate) fn end(&mut self, id: u32) {
        self.input(Input::ResponseEnded(id));
    }

    pub(crate) fn fail(&mut self, id: u32, fault: RequestFault) {
        self.open.retain(|request| request.id != id);
        self.input(Input::RequestFailed(FailedRequest { id, fault, text: "it went away".to_owned() }));
    }

    /// Lets a timer ring.
    pub(crate) fn ring(&mut self, timer: u32) {
        assert!(self.timers.remove(&timer).is_some(), "timer {timer} is not set, only {:?}", self.timers);
        self.input(Input::Timer(timer));
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.input(Input::Message(Message::text(Speaker::User, text)));
    }

    pub(crate) fn cancel(&mut self) {
        self.input(Input::Cancel("nobody wants it".to_owned()));
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.run.outcome()
    }

    /// Gives the reason and the error of a run that ended badly.
    pub(crate) fn failure(&self) -> (String, String) {
        let outcome = self.outcome().expect("the run has ended");
        (outcome.reason.clone().unwrap_or_default(), outcome.error.clone().unwrap_or_default())
    }

    /// Gives what the run ended with.
    pub(crate) fn response(&self) -> &str {
        self.outcome().expect("the run has ended").final_response.as_deref().unwrap_or_default()
    }

    /// Gives a field of all events of a kind.
    pub(crate) fn told(&self, kind: &str, field: &str) -> Vec<Value> {
        let events = self.run.events().into_iter().filter(|event| event["kind"] == kind);
        events.map(|event| event["data"][field].clone()).collect()
    }

    /// Gives the questions to the user.
    pub(crate) fn questions(&self) -> Vec<String> {
        let asked = self.run.effects().iter().filter_map(|effect| match effect {
            Effect::AwaitInput(interruption) => Some(interruption.text.clone()),
            _ => None,
        });
        asked.collect()
    }
}

/// Gives the protocol's name of a request.
pub(crate) fn name(request: &Request) -> String {
    let method = body(request)["method"].as_str().map(str::to_owned);
    method.unwrap_or_else(|| format!("{} {}", request.method, request.url))
}

pub(crate) fn body(request: &Request) -> Value {
    request.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default()
}
