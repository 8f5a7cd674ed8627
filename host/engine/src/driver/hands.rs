//! What a run sets in motion: processes, requests and timers.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pointsman_capabilities::process::{self, AuthorizedProcess, Child};
use pointsman_capabilities::request::{self, AuthorizedRequest, Client, LiveRequest};
use pointsman_capabilities::timer::{Ring, Timers};
use pointsman_capabilities::{Asker, Refusal};
use pointsman_model::plugin::{Effect, HandleId, Input};
use pointsman_model::{CapabilityRequest, Grant, Leaf};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::parts::Parts;
use crate::token::Token;

/// Inputs that wait for the plugin at most. Behind them the processes' pipes and the servers' sockets are not read.
const WAITING: usize = 4;

/// An input under way to the plugin.
#[derive(Debug)]
pub(super) struct Arrival {
    input: Input,
    /// The request that it belongs to. A handle is free again as soon as its request is aborted, so it does not tell.
    request: Option<(HandleId, u64)>,
}

/// What a plugin's grants allow: a process that may be started, or a request that may be sent.
#[derive(Debug)]
pub(super) enum Wanted {
    Process(AuthorizedProcess),
    Request(AuthorizedRequest),
}

impl Wanted {
    /// Gives the word that policies know it by.
    pub(super) fn action(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Request(_) => "request",
        }
    }
}

/// Who asks, and in which surroundings.
pub(super) struct Asking {
    /// The backend's table in the configuration.
    pub(super) table: String,
    pub(super) requests: Vec<CapabilityRequest>,
    pub(super) grants: Vec<Grant>,
    pub(super) cwd: PathBuf,
    /// The host's own variables of this run.
    pub(super) environment: Vec<(String, String)>,
    /// Good while the run is live.
    pub(super) _token: Token,
}

/// What a run sets in motion. Dropping it kills whatever lives.
pub(super) struct Hands {
    parts: Arc<Parts>,
    asking: Asking,
    children: HashMap<HandleId, Child>,
    client: Client,
    /// By handle: which request of this run it is, counted from 1, and the request itself.
    requests: HashMap<HandleId, (u64, LiveRequest)>,
    sent: u64,
    timers: Timers,
    live_timers: HashSet<HandleId>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Hands {
    pub(super) fn new(
        parts: Arc<Parts>,
        asking: Asking,
    ) -> (Self, mpsc::Receiver<Arrival>, mpsc::Receiver<Ring>) {
        let (arrivals, receiver) = mpsc::channel(WAITING);
        let (timers, rings) = Timers::new();
        let client = Client::new(&parts.network);
        let (children, requests, live_timers) = Default::default();
        let this = Self { parts, asking, children, client, requests, sent: 0, timers, live_timers, arrivals };
        (this, receiver, rings)
    }

    /// Says whether anything lives that may bring an input.
    pub(super) fn is_busy(&self) -> bool {
        !self.children.is_empty() || !self.requests.is_empty() || !self.live_timers.is_empty()
    }

    /// Takes what has arrived for the plugin; gives what still counts. A process that has exited and a request that is
    /// over are no longer held, and of a request that was aborted nothing more is said.
    pub(super) fn accept(&mut self, arrivals: Vec<Arrival>) -> Vec<Input> {
        let mut inputs = Vec::with_capacity(arrivals.len());
        for Arrival { input, request } in arrivals {
            if let Some((id, number)) = request
                && self.requests.get(&id).is_none_or(|(live, _)| *live != number)
            {
                continue;
            }
            match &input {
                Input::ProcessExited { id, .. } => drop(self.children.remove(id)),
                Input::ResponseEnded(id) | Input::RequestFailed { id, .. } => drop(self.requests.remove(id)),
                _ => {}
            }
            inputs.push(input);
        }
        inputs
    }

    /// Takes a timer's ring; gives the input that it makes, if the timer still counts.
    pub(super) fn ring(&mut self, ring: Ring) -> Option<Input> {
        let id = self.timers.accept(ring)?;
        self.live_timers.remove(&id);
        Some(Input::Timer(id))
    }

    /// Decides whether the plugin's grants allow a process or a request; else gives the input that says no.
    pub(super) fn authorize(&self, effect: &Effect) -> Result<Wanted, Input> {
        let (settings, asker) = (&self.parts.settings, asker(&self.asking));
        match effect {
            Effect::StartProcess(process) => {
                self.free(Leaf::ProcessSpawn, effect, process.id, self.children.contains_key(&process.id))?;
                process::authorize(process, &asker, &settings.programs, &settings.secrets)
                    .map(Wanted::Process)
                    .map_err(said)
            }
            Effect::SendRequest(request) => {
                self.free(Leaf::RequestSend, effect, request.id, self.requests.contains_key(&request.id))?;
                request::authorize(request, &asker, &settings.origins, &settings.secrets)
                    .map(Wanted::Request)
                    .map_err(said)
            }
            other => Err(refused(other.name(), None, "", "it is neither a process nor a request".to_owned())),
        }
    }

    fn free(&self, leaf: Leaf, effect: &Effect, id: HandleId, taken: bool) -> Result<(), Input> {
        if !taken {
            return Ok(());
        }
        let what = if leaf == Leaf::RequestSend { "request" } else { "process" };
        let reason = format!("handle {id} already names a live {what}");
        Err(refused(effect.name(), Some(id), leaf.as_str(), reason))
    }

    /// Tells exactly what would be done.
    pub(super) fn told(&self, wanted: &Wanted) -> Value {
        match wanted {
            Wanted::Process(process) => {
                let mut told = process.told();
                told["cwd"] = json!(self.asking.cwd);
                told
            }
            Wanted::Request(request) => request.told(),
        }
    }

    /// Does what was authorized and judged; gives the input that it makes at once, if any.
    pub(super) async fn act(&mut self, wanted: Wanted) -> Option<Input> {
        match wanted {
            Wanted::Process(process) => self.start(process).await,
            Wanted::Request(request) => self.send(request).err().map(said),
        }
    }

    /// Performs any other effect; gives the input that it makes at once, if any.
    pub(super) async fn perform(&mut self, effect: Effect) -> Option<Input> {
        let name = effect.name();
        match effect {
            Effect::WriteProcess(id, bytes) => match self.children.get(&id) {
                Some(child) => child
                    .write(bytes)
                    .err()
                    .map(|error| refused(name, Some(id), Leaf::ProcessSpawn.as_str(), error.to_string())),
                None => Some(no_such_process(name, id)),
            },
            Effect::CloseInput(id) => match self.children.get_mut(&id) {
                Some(child) => {
                    child.close_input();
                    None
                }
                None => Some(no_such_process(name, id)),
            },
            // A process that has just ended needs no stop.
            Effect::StopProcess(id, stop) => {
                if let Some(child) = self.children.get(&id) {
                    child.stop(stop);
                }
                None
            }
            Effect::SetTimer(id, after) => {
                let set = {
                    let asker = asker(&self.asking);
                    self.timers.set(&asker, id, Duration::from_millis(after.into()))
                };
                match set {
                    Ok(()) => {
                        self.live_timers.insert(id);
                        None
                    }
                    Err(refusal) => Some(said(refusal)),
                }
            }
            Effect::ClearTimer(id) => {
                self.timers.clear(id);
                self.live_timers.remove(&id);
                None
            }
            // A request that is over needs no abort.
            Effect::AbortRequest(id) => {
                self.requests.remove(&id);
                None
            }
            Effect::Extension(what, _) => {
                Some(refused(name, None, "", format!("this host knows no extension {what:?}")))
            }
            // The run's own task has these; processes and requests pass through its gate, to `act`.
            Effect::Emit(_)
            | Effect::StartProcess(_)
            | Effect::SendRequest(_)
            | Effect::AskPermission(_)
            | Effect::WithdrawPermission(_)
            | Effect::AwaitInput(_)
            | Effect::Remember(_)
            | Effect::Finish(_) => None,
        }
    }

    async fn start(&mut self, process: AuthorizedProcess) -> Option<Input> {
        let (id, program) = (process.id(), process.program().to_owned());
        let spawned = self.parts.processes.spawn(process, &self.asking.cwd, &self.asking.environment).await;
        let (child, mut events) = match spawned {
            Ok(spawned) => spawned,
            Err(error) => return Some(Input::ProcessFailed(id, error.to_string())),
        };
        tracing::info!(program, pid = child.pid(), "process started");
        self.children.insert(id, child);
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                // When nobody takes inputs any more, the output is still read, so that the process can end.
                drop(arrivals.send(Arrival { input: event.into_input(id), request: None }).await);
            }
        });
        None
    }

    fn send(&mut self, request: AuthorizedRequest) -> Result<(), Refusal> {
        let id = request.id();
        let (method, place) = (request.method().to_owned(), request.place());
        let (live, mut events) = self.client.send(request)?;
        tracing::info!(method, place, "request sent");
        self.sent += 1;
        let number = self.sent;
        self.requests.insert(id, (number, live));
        let arrivals = self.arrivals.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let arrival = Arrival { input: event.into_input(id), request: Some((id, number)) };
                if arrivals.send(arrival).await.is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    /// Ends every request at once, and every process: interrupt, terminate, kill, with a grace period after each.
    pub(super) async fn stop_all(&mut self, grace: Duration) {
        self.requests.clear();
        let mut stops = JoinSet::new();
        for (_, child) in self.children.drain() {
            stops.spawn(async move {
                child.stop_gracefully(grace).await;
            });
        }
        while stops.join_next().await.is_some() {}
    }
}

fn asker(asking: &Asking) -> Asker<'_> {
    Asker { table: &asking.table, requests: &asking.requests, grants: &asking.grants }
}

fn said(refusal: Refusal) -> Input {
    tracing::warn!(%refusal, "an effect was refused");
    refusal.into()
}

fn no_such_process(effect: &str, id: HandleId) -> Input {
    refused(effect, Some(id), Leaf::ProcessSpawn.as_str(), format!("no process with handle {id} lives"))
}

/// Makes the input that says no.
pub(super) fn refused(effect: &str, id: Option<u32>, leaf: &str, reason: String) -> Input {
    tracing::warn!(effect, leaf, reason, "an effect was refused");
    Input::Refused { effect: effect.to_owned(), id, leaf: leaf.to_owned(), reason }
}
