//! Playing a recording: the adapter's requests are answered with what was recorded.

use std::collections::BTreeSet;

use pointsman_remote_a2a::RemoteA2a;
use pointsman_sdk::backend::{Effect, FailedRequest, Input, Request, RequestFault, ResponseHead, Task};
use pointsman_sdk::rehearsal::{Rehearsal, a_task};
use pointsman_sdk::types::{Message, Speaker};
use serde_json::{Value, json};

use crate::http::{self, Exchange, Kind};

/// One run of the adapter, with all that it was answered.
pub(crate) struct Play {
    pub(crate) run: Rehearsal<RemoteA2a>,
    /// Indexes of the exchanges that were used.
    pub(crate) used: Vec<usize>,
    /// How many effects were looked at.
    looked: usize,
    open: Vec<Request>,
    timers: BTreeSet<u32>,
    asked: bool,
    task: Option<String>,
    /// Ids of the recorder's messages, and of ours in their place.
    ids: Vec<(String, String)>,
}

/// How a folder is spoken to.
fn dialect(folder: &str) -> (&'static str, &'static str) {
    match folder {
        folder if folder.starts_with("v1.0-rest") => ("HTTP+JSON", "1.0"),
        folder if folder.starts_with("v1.0") => ("JSONRPC", "1.0"),
        _ => ("JSONRPC", "0.3"),
    }
}

impl Play {
    /// Starts a run as the exchange at `first` was started.
    pub(crate) fn begin(folder: &str, card: &Exchange, first: &Exchange) -> Self {
        let (transport, version) = dialect(folder);
        let blocking = !first.body.contains("\"blocking\": false")
            && !first.body.contains("\"returnImmediately\": true");
        let config = json!({
            "agent_url": "http://agent.invalid", "transport": transport, "protocol_version": version,
            "streaming": first.wants_stream(), "blocking": blocking,
        });
        let resume = first.task().filter(|_| first.kind() == Kind::Send).map(|task| {
            let memory = json!({"agent_url": "http://agent.invalid", "context_id": "c", "task_id": task,
                "state": "input-required", "messages": 4});
            memory.to_string()
        });
        let prompt = first.said().unwrap_or_else(|| "hello".to_owned());
        let run = Rehearsal::start(Task { config: config.to_string(), resume, ..a_task(&prompt) }).unwrap();
        let mut play = Self {
            run,
            used: Vec::new(),
            looked: 0,
            open: Vec::new(),
            timers: BTreeSet::new(),
            asked: false,
            task: None,
            ids: Vec::new(),
        };
        play.look();
        let asked = play.open.pop().expect("the card is asked for");
        play.answer(&asked, card);
        play
    }

    /// Plays on until nothing that was recorded fits any more.
    pub(crate) fn play(&mut self, exchanges: &[Exchange], first: usize) {
        let asked =
            self.open.iter().position(|request| kind(request) == Kind::Send).expect("a message is sent");
        let asked = self.open.remove(asked);
        self.task = exchanges[first].answered_task().or_else(|| exchanges[first].task());
        self.used.push(first);
        self.answer(&asked, &exchanges[first]);
        for _ in 0..200 {
            if self.run.outcome().is_some() || !self.step(exchanges, first) {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    fn step(&mut self, exchanges: &[Exchange], first: usize) -> bool {
        let fits = |play: &Self, wanted: Kind| {
            (first + 1..exchanges.len()).find(|at| {
                let exchange = &exchanges[*at];
                !play.used.contains(at) && exchange.kind() == wanted && exchange.task() == play.task
            })
        };
        // What it asks is answered, if it was.
        for at in 0..self.open.len() {
            let wanted = kind(&self.open[at]);
            if let Some(found) = fits(self, wanted).filter(|_| self.task.is_some()) {
                let request = self.open.remove(at);
                // A second stream of 0.3 is not asked for: the task is looked up, and stands where that stream ended.
                if wanted == Kind::Get
                    && let Some(stream) = fits(self, Kind::Subscribe).filter(|stream| *stream < found)
                {
                    self.answer_with_the_whole(&request, exchanges, stream);
                    return true;
                }
                self.used.push(found);
                self.answer(&request, &exchanges[found]);
                return true;
            }
            if wanted == Kind::Get
                && let Some(stream) = fits(self, Kind::Subscribe)
            {
                let request = self.open.remove(at);
                self.answer_with_the_whole(&request, exchanges, stream);
                return true;
            }
        }
        if self.asked
            && let Some(next) = fits(self, Kind::Send)
        {
            self.asked = false;
            self.input(Input::Message(Message::text(Speaker::User, exchanges[next].said().unwrap())));
            return true;
        }
        if fits(self, Kind::Cancel).is_some() && !self.run.effects().iter().any(is_cancel) {
            self.input(Input::Cancel("a person cancelled it".to_owned()));
            return true;
        }
        // Time passes where something was recorded that comes of it.
        let comes = fits(self, Kind::Get).is_some() || fits(self, Kind::Subscribe).is_some();
        match self.timers.pop_first() {
            Some(timer) if comes || timer == 3 => {
                self.input(Input::Timer(timer));
                true
            }
            _ => false,
        }
    }

    /// Gives a request what was recorded.
    fn answer(&mut self, request: &Request, exchange: &Exchange) {
        let id = request.id;
        if let (Some(theirs), Some(ours)) = (exchange.message_id(), message_id(request)) {
            self.ids.push((theirs, ours));
        }
        let exchange = self.ids.iter().fold(exchange.clone(), |exchange, (from, to)| exchange.with(from, to));
        self.input(Input::ResponseHead(ResponseHead {
            id,
            status: exchange.status,
            headers: exchange.answer_headers.clone(),
        }));
        if exchange.streams() {
            // One by one: nothing may depend on how they are batched.
            for event in exchange.events() {
                self.input(Input::ResponseEvents((id, vec![event])));
            }
        } else {
            self.input(Input::ResponseBytes((id, exchange.answer.trim().as_bytes().to_vec())));
        }
        if self.run.outcome().is_some() {
            return;
        }
        if exchange.broken {
            let (fault, text) = (RequestFault::Broken, "the connection was reset".to_owned());
            self.input(Input::RequestFailed(FailedRequest { id, fault, text }));
        } else {
            self.input(Input::ResponseEnded(id));
        }
    }

    /// Answers GetTask with what all events together make of the task.
    fn answer_with_the_whole(&mut self, request: &Request, exchanges: &[Exchange], stream: usize) {
        self.used.push(stream);
        let mut task = json!({ "history": [], "artifacts": [] });
        let events = exchanges[..=stream].iter().flat_map(Exchange::answers).map(tagged);
        for event in events.filter(|event| names(event, self.task.as_deref())) {
            match event["kind"].as_str() {
                Some("status-update") => {
                    let said = std::mem::replace(&mut task["status"], event["status"].clone());
                    if let Some(message) = said.get("message") {
                        task["history"].as_array_mut().unwrap().push(message.clone());
                    }
                }
                Some("artifact-update") => {
                    let artifacts = task["artifacts"].as_array_mut().unwrap();
                    match artifacts
                        .iter_mut()
                        .find(|one| one["artifactId"] == event["artifact"]["artifactId"])
                    {
                        Some(known) if event["append"] == true => {
                            let more = event["artifact"]["parts"].as_array().unwrap().clone();
                            known["parts"].as_array_mut().unwrap().extend(more);
                        }
                        Some(known) => *known = event["artifact"].clone(),
                        None => artifacts.push(event["artifact"].clone()),
                    }
                }
                _ => {
                    for key in ["id", "contextId", "kind", "status"] {
                        task[key] = event[key].clone();
                    }
                    task["history"]
                        .as_array_mut()
                        .unwrap()
                        .extend(event["history"].as_array().cloned().unwrap_or_default());
                }
            }
        }
        let id = request.id;
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        self.input(Input::ResponseHead(ResponseHead { id, status: 200, headers }));
        let body = json!({ "jsonrpc": "2.0", "id": id, "result": task }).to_string().into_bytes();
        self.input(Input::ResponseBytes((id, body)));
        self.input(Input::ResponseEnded(id));
    }

    fn input(&mut self, input: Input) {
        if self.run.outcome().is_none() {
            self.run.input(input).unwrap();
            self.look();
        }
    }

    /// Takes note of what it asks for.
    fn look(&mut self) {
        let effects: Vec<Effect> = self.run.effects()[self.looked..].to_vec();
        self.looked += effects.len();
        for effect in effects {
            match effect {
                Effect::SendRequest(request) => self.open.push(request),
                Effect::AbortRequest(id) => self.open.retain(|request| request.id != id),
                Effect::SetTimer((id, _)) => drop(self.timers.insert(id)),
                Effect::ClearTimer(id) => drop(self.timers.remove(&id)),
                Effect::AwaitInput(_) => self.asked = true,
                _ => {}
            }
        }
    }

    /// All effects, with what requests say.
    pub(crate) fn seen(&self) -> Vec<Value> {
        let mut seen = self.run.seen();
        for (seen, effect) in seen.iter_mut().zip(self.run.effects()) {
            if let Effect::SendRequest(request) = effect
                && let Some(body) = &request.body
            {
                seen["send-request"]["body"] = serde_json::from_slice(body).unwrap();
            }
        }
        seen
    }
}

fn message_id(request: &Request) -> Option<String> {
    let body: Value = serde_json::from_slice(request.body.as_deref()?).ok()?;
    let message = body.pointer("/params/message").or_else(|| body.get("message"))?;
    Some(message.get("messageId")?.as_str()?.to_owned())
}

fn is_cancel(effect: &Effect) -> bool {
    matches!(effect, Effect::SendRequest(request) if kind(request) == Kind::Cancel)
}

fn kind(request: &Request) -> Kind {
    let body = request.body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    http::kind(&request.method, &request.url, &body)
}

/// Gives an event as JSON-RPC of 0.3 has it.
fn tagged(mut event: Value) -> Value {
    for (key, kind) in
        [("task", "task"), ("statusUpdate", "status-update"), ("artifactUpdate", "artifact-update")]
    {
        if event.get(key).is_some() {
            let mut inner = event[key].take();
            inner["kind"] = kind.into();
            return inner;
        }
    }
    event["result"].take()
}

/// Says whether an event is about a task.
fn names(event: &Value, task: Option<&str>) -> bool {
    let is = |key: &str| event[key].as_str().is_some_and(|id| Some(id) == task);
    event.get("kind").is_some() && (is("taskId") || (event["kind"] == "task" && is("id")))
}
