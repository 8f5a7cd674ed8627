//! A run's events, told as a task.

use pointsman_model::{Approval, Event, EventKind, Message as ModelMessage, RunId, Timestamp};
use serde_json::{Map, Value};

use crate::view::{Artifact, Content, Message, Part, Role, Standing, State, Task, Update};
use crate::wire::lenient;

/// Messages that a task's history keeps at most. Older ones of the agent's are forgotten; what began the task is not.
const HISTORY: usize = 500;

/// The artifact with the agent's last word.
pub(crate) const FINAL_RESPONSE: &str = "final-response";

/// A run's events up to one of them, told as a task.
///
/// Ids are made of the run's and the event's number, so that whoever reads the events again tells the same story.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    run_id: RunId,
    context_id: String,
    /// The number of the last event that is told.
    pub(crate) seq: u64,
    pub(crate) standing: Standing,
    history: Vec<Message>,
    artifacts: Vec<Artifact>,
}

impl Story {
    /// Begins with what the run was asked, before anything happened.
    pub(crate) fn begin(run_id: RunId, context_id: String, first: &ModelMessage, at: Timestamp) -> Self {
        Self {
            run_id,
            context_id,
            seq: 0,
            standing: Standing {
                state: State::Submitted,
                message: None,
                at,
                asked: Vec::new(),
                asked_id: String::new(),
            },
            history: vec![said(first, || format!("{run_id}-0"))],
            artifacts: Vec::new(),
        }
    }

    pub(crate) fn task_id(&self) -> String {
        self.run_id.to_string()
    }

    pub(crate) fn context_id(&self) -> &str {
        &self.context_id
    }

    /// Gives the task as it stands.
    pub(crate) fn task(&self, answers: bool, history: Option<usize>, artifacts: bool) -> Task {
        let keep = history.unwrap_or(usize::MAX).min(self.history.len());
        Task {
            id: self.task_id(),
            context_id: self.context_id.clone(),
            status: self.standing.seen_by(answers),
            artifacts: artifacts.then(|| self.artifacts.clone()),
            history: self.history.iter().skip(self.history.len() - keep).cloned().collect(),
        }
    }

    /// Tells one more event. `approval` is the question of an event that asks one.
    pub(crate) fn take(&mut self, event: &Event, approval: Option<Approval>) -> Vec<Update> {
        if event.seq <= self.seq {
            return Vec::new();
        }
        self.seq = event.seq;
        let data = &event.data;
        let text = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let kind = &event.kind;
        match () {
            () if *kind == EventKind::RUN_STARTED => self.works(event, None),
            () if *kind == EventKind::STATUS_CHANGED => match text("status") {
                Some("running") => self.works(event, None),
                Some("cancelled") => self.stand(event, State::Canceled, Vec::new()),
                _ => Vec::new(),
            },
            () if *kind == EventKind::AGENT_MESSAGE => match text("text") {
                Some(text) => self.works(event, Some(vec![Part::text(text)])),
                None => Vec::new(),
            },
            () if *kind == EventKind::MESSAGE_ADDED => self.message_added(event),
            () if *kind == EventKind::ARTIFACT_ADDED => self.artifact_added(event),
            () if *kind == EventKind::INPUT_REQUIRED => self.stand(event, State::InputRequired, asked(data)),
            () if *kind == EventKind::AUTH_REQUIRED => self.stand(event, State::AuthRequired, asked(data)),
            () if *kind == EventKind::APPROVAL_REQUIRED => self.approval_required(event, approval),
            () if *kind == EventKind::APPROVAL_RESOLVED => self.approval_resolved(event),
            () if *kind == EventKind::RUN_COMPLETED => self.completed(event),
            () if *kind == EventKind::RUN_FAILED => self.stand(event, State::Failed, why(data)),
            () if *kind == EventKind::REJECTED => self.stand(event, State::Rejected, why(data)),
            () => Vec::new(),
        }
    }

    fn id_of(&self, event: &Event) -> String {
        format!("{}-{}", self.run_id, event.seq)
    }

    /// The agent works, and perhaps says something.
    fn works(&mut self, event: &Event, parts: Option<Vec<Part>>) -> Vec<Update> {
        // What is told while a question is open changes nothing about what the task waits for.
        let waits = !self.standing.asked.is_empty() || self.standing.state.is_interrupted();
        match parts {
            None if self.standing.state == State::Working => Vec::new(),
            None if !self.standing.asked.is_empty() => {
                self.standing.state = State::Working;
                Vec::new()
            }
            Some(parts) if waits => {
                self.remember(Message::agent(self.id_of(event), parts));
                Vec::new()
            }
            parts => self.stand(event, State::Working, parts.unwrap_or_default()),
        }
    }

    /// Moves to a state; what was said with the one before becomes history.
    fn stand(&mut self, event: &Event, state: State, parts: Vec<Part>) -> Vec<Update> {
        self.forget_message();
        self.standing.state = state;
        self.standing.at = event.ts;
        if state.is_terminal() {
            self.standing.asked.clear();
        }
        if !parts.is_empty() {
            self.standing.message = Some(Message::agent(self.id_of(event), parts));
        }
        vec![Update::Status(self.standing.clone())]
    }

    fn forget_message(&mut self) {
        let asked = self.standing.asked_message();
        if let Some(message) = self.standing.message.take() {
            self.remember(message);
        }
        if let Some(message) = asked {
            self.remember(message);
        }
    }

    fn remember(&mut self, message: Message) {
        if self.history.iter().rev().take(2).any(|known| known.id == message.id) {
            return;
        }
        self.history.push(message);
        if self.history.len() > HISTORY {
            self.history.remove(1);
        }
    }

    /// What the user said to a live agent. What an agent that speaks A2A itself says comes as `agent_message` as well.
    fn message_added(&mut self, event: &Event) -> Vec<Update> {
        let ours = event.data.get("reason").and_then(Value::as_str) == Some("continue_run");
        let message = event.data.get("message").cloned().unwrap_or_default();
        if let (true, Ok(message)) = (ours, serde_json::from_value::<ModelMessage>(message)) {
            self.forget_message();
            let id = self.id_of(event);
            self.remember(said(&message, || id));
        }
        Vec::new()
    }

    /// An artifact of an agent that speaks A2A itself.
    fn artifact_added(&mut self, event: &Event) -> Vec<Update> {
        let data = &event.data;
        let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
        let parts = data.get("parts").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut parts: Vec<Part> = parts.iter().filter_map(lenient::part).collect();
        if parts.is_empty() {
            match text("text") {
                Some(text) => parts.push(Part::text(text)),
                None => return Vec::new(),
            }
        }
        let id = text("artifact_id").unwrap_or_else(|| self.id_of(event));
        self.artifact(Artifact { id, name: text("name"), description: text("description"), parts })
    }

    fn artifact(&mut self, artifact: Artifact) -> Vec<Update> {
        match self.artifacts.iter_mut().find(|known| known.id == artifact.id) {
            Some(known) => known.clone_from(&artifact),
            None => self.artifacts.push(artifact.clone()),
        }
        vec![Update::Artifact { artifact, append: false, last: true }]
    }

    fn approval_required(&mut self, event: &Event, approval: Option<Approval>) -> Vec<Update> {
        let Some(approval) = approval else { return Vec::new() };
        self.forget_message();
        self.standing.asked.push(approval);
        self.standing.asked_id = self.id_of(event);
        self.standing.at = event.ts;
        vec![Update::Status(self.standing.clone())]
    }

    fn approval_resolved(&mut self, event: &Event) -> Vec<Update> {
        let id = event.data.get("approval_id").and_then(Value::as_str).unwrap_or_default();
        if !self.standing.asked.iter().any(|approval| approval.approval_id.to_string() == id) {
            return Vec::new();
        }
        self.forget_message();
        self.standing.asked.retain(|approval| approval.approval_id.to_string() != id);
        self.standing.asked_id = self.id_of(event);
        self.standing.at = event.ts;
        vec![Update::Status(self.standing.clone())]
    }

    fn completed(&mut self, event: &Event) -> Vec<Update> {
        let mut parts = Vec::new();
        if let Some(text) = event.data.get("final_response").and_then(Value::as_str)
            && !text.is_empty()
        {
            parts.push(Part::text(text));
        }
        if let Some(value) = event.data.get("structured_output").filter(|value| !value.is_null()) {
            parts.push(Part::data(value.clone()));
        }
        let mut updates = Vec::new();
        if !parts.is_empty() {
            let name = Some("Final response".to_owned());
            let id = FINAL_RESPONSE.to_owned();
            updates = self.artifact(Artifact { id, name, description: None, parts });
        }
        updates.extend(self.stand(event, State::Completed, Vec::new()));
        updates
    }
}

/// What an agent asks of its user: a text, and what it says besides.
fn asked(data: &Map<String, Value>) -> Vec<Part> {
    let text = data.get("text").and_then(Value::as_str).unwrap_or("The agent waits for its user.");
    let mut parts = vec![Part::text(text)];
    if let Some(detail) = data.get("detail").filter(|detail| !detail.is_null()) {
        parts.push(Part { media_type: None, ..Part::new(Content::Data(detail.clone())) });
    }
    parts
}

/// Why a run did not end well.
fn why(data: &Map<String, Value>) -> Vec<Part> {
    let text = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("message").or_else(|| text("reason")).map(Part::text).into_iter().collect()
}

/// Gives a message of the user's as it came: what the protocol says of it lies in its metadata.
fn said(message: &ModelMessage, id: impl FnOnce() -> String) -> Message {
    let mut metadata = message.metadata.clone().unwrap_or_default();
    let kept = metadata.remove(KEPT).unwrap_or_default();
    let texts = |key: &str| -> Vec<String> {
        let list = kept.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Message {
        id: kept.get("message_id").and_then(Value::as_str).map_or_else(id, str::to_owned),
        role: Role::User,
        parts: message.parts.iter().map(Part::from_model).collect(),
        metadata: (!metadata.is_empty()).then_some(metadata),
        extensions: texts("extensions"),
        reference_task_ids: texts("reference_task_ids"),
    }
}

/// The key of a message's metadata under which its id and the like are kept.
pub(crate) const KEPT: &str = "a2a";
