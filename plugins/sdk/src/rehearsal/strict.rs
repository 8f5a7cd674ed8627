//! What a host would not let an adapter do.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::backend::{Effect, HandleId, Input};
use crate::kind;
use crate::types::Event;

/// Who is alive, as far as a host can know.
#[derive(Debug)]
pub(super) struct Stage {
    /// Kinds of the plugin's own begin with this.
    own: String,
    processes: BTreeSet<HandleId>,
    requests: BTreeSet<HandleId>,
    ended: bool,
}

impl Stage {
    pub(super) fn new(plugin: &str) -> Self {
        Self {
            own: format!("x_{plugin}_"),
            processes: BTreeSet::new(),
            requests: BTreeSet::new(),
            ended: false,
        }
    }

    /// Learns who has died.
    pub(super) fn note_input(&mut self, input: &Input) {
        match input {
            Input::ProcessExited(exited) => {
                self.processes.remove(&exited.id);
            }
            Input::ProcessFailed((id, _)) => {
                self.processes.remove(id);
            }
            Input::ResponseEnded(id) => {
                self.requests.remove(id);
            }
            Input::RequestFailed(failed) => {
                self.requests.remove(&failed.id);
            }
            _ => {}
        }
    }

    /// Judges an effect.
    pub(super) fn check(&mut self, effect: &Effect) -> Result<(), String> {
        if self.ended {
            return Err(format!("an effect behind the end of the run: {effect:?}"));
        }
        match effect {
            Effect::Emit(event) => self.check_event(event),
            Effect::StartProcess(process) => fresh(&mut self.processes, process.id, "process"),
            Effect::SendRequest(request) => fresh(&mut self.requests, request.id, "request"),
            // A stop may cross an exit; a write may not, for whoever writes waits for an answer.
            Effect::WriteProcess((id, _)) | Effect::CloseInput(id) if !self.processes.contains(id) => {
                Err(format!("process {id} is not alive"))
            }
            Effect::Remember(json) => is_json(json, "what is remembered"),
            Effect::AskPermission(permission) => is_json(&permission.detail, "a permission's detail"),
            Effect::Finish(outcome) => {
                self.ended = true;
                outcome.structured_output.as_deref().map_or(Ok(()), |json| is_json(json, "structured output"))
            }
            _ => Ok(()),
        }
    }

    fn check_event(&self, event: &Event) -> Result<(), String> {
        let kind = event.kind.as_str();
        let own = kind.strip_prefix(self.own.as_str()).is_some_and(|name| !name.is_empty())
            && kind.len() <= 64
            && kind.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !own && !kind::ALL.contains(&kind) {
            return Err(format!("a plugin may not emit an event of kind {kind:?}"));
        }
        serde_json::from_str::<Map<String, Value>>(&event.data)
            .map(|_| ())
            .map_err(|error| format!("data of event {kind} is no JSON object: {error}"))
    }
}

fn fresh(living: &mut BTreeSet<HandleId>, id: HandleId, what: &str) -> Result<(), String> {
    if living.insert(id) { Ok(()) } else { Err(format!("{what} {id} is alive already")) }
}

fn is_json(text: &str, what: &str) -> Result<(), String> {
    serde_json::from_str::<Value>(text).map(|_| ()).map_err(|error| format!("{what} is no JSON: {error}"))
}
