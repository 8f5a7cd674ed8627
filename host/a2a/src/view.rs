//! Tasks, messages and artifacts as both versions of the protocol mean them, before either writes them down.

use pointsman_model::{Approval, Part as ModelPart, Timestamp};
use serde_json::{Map, Value, json};

/// What a task is doing. The words of both versions are made of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Submitted,
    Working,
    InputRequired,
    AuthRequired,
    Completed,
    Failed,
    Canceled,
    Rejected,
}

impl State {
    pub(crate) const ALL: [Self; 8] = [
        Self::Submitted,
        Self::Working,
        Self::InputRequired,
        Self::AuthRequired,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
        Self::Rejected,
    ];

    pub(crate) fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }

    pub(crate) fn is_interrupted(self) -> bool {
        matches!(self, Self::InputRequired | Self::AuthRequired)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Agent,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Text(String),
    Data(Value),
    /// Base64.
    Raw(String),
    Url(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) content: Content,
    pub(crate) media_type: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) metadata: Option<Map<String, Value>>,
}

impl Part {
    pub(crate) fn new(content: Content) -> Self {
        Self { content, media_type: None, filename: None, metadata: None }
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::new(Content::Text(text.into()))
    }

    pub(crate) fn data(value: Value) -> Self {
        Self { media_type: Some("application/json".to_owned()), ..Self::new(Content::Data(value)) }
    }

    /// Gives the part as the host's own messages have it; data that is no object is wrapped in one.
    pub(crate) fn to_model(&self) -> ModelPart {
        let file = |uri, bytes_base64| ModelPart::File {
            uri,
            bytes_base64,
            mime_type: self.media_type.clone(),
            name: self.filename.clone(),
        };
        match &self.content {
            Content::Text(text) => ModelPart::Text { text: text.clone() },
            Content::Data(Value::Object(data)) => ModelPart::Data { data: data.clone() },
            Content::Data(other) => {
                ModelPart::Data { data: Map::from_iter([("value".to_owned(), other.clone())]) }
            }
            Content::Raw(base64) => file(None, Some(base64.clone())),
            Content::Url(url) => file(Some(url.clone()), None),
        }
    }

    pub(crate) fn from_model(part: &ModelPart) -> Self {
        match part {
            ModelPart::Text { text } => Self::text(text.clone()),
            ModelPart::Data { data } => Self::new(Content::Data(Value::Object(data.clone()))),
            ModelPart::File { uri, bytes_base64, mime_type, name } => {
                let content = match (bytes_base64, uri) {
                    (Some(bytes), _) => Content::Raw(bytes.clone()),
                    (None, uri) => Content::Url(uri.clone().unwrap_or_default()),
                };
                Self { media_type: mime_type.clone(), filename: name.clone(), ..Self::new(content) }
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) role: Role,
    pub(crate) parts: Vec<Part>,
    pub(crate) metadata: Option<Map<String, Value>>,
    pub(crate) extensions: Vec<String>,
    pub(crate) reference_task_ids: Vec<String>,
}

impl Message {
    pub(crate) fn agent(id: String, parts: Vec<Part>) -> Self {
        Self {
            id,
            role: Role::Agent,
            parts,
            metadata: None,
            extensions: Vec::new(),
            reference_task_ids: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Artifact {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parts: Vec<Part>,
}

/// Where a task stands, as everybody may see it; questions to a person apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) message: Option<Message>,
    pub(crate) at: Timestamp,
    /// Questions to a person that are open. If there are any, they are what the task waits for.
    pub(crate) asked: Vec<Approval>,
    /// Names the message that is made of the questions.
    pub(crate) asked_id: String,
}

/// The extension by which permissions are asked and answered.
pub(crate) const PERMISSION: &str = "urn:pointsman:a2a:permission:v1";

/// Where a task stands for one client.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    pub(crate) state: State,
    pub(crate) message: Option<Message>,
    pub(crate) at: Timestamp,
}

impl Standing {
    /// Gives the status for a client who may, or may not, answer questions to a person.
    pub(crate) fn seen_by(&self, answers: bool) -> Status {
        if self.asked.is_empty() {
            return Status { state: self.state, message: self.message.clone(), at: self.at };
        }
        let mut parts = vec![Part::text(self.question(answers))];
        parts.extend(self.asked.iter().map(|approval| Part::data(request(approval, answers))));
        let mut message = Message::agent(self.asked_id.clone(), parts);
        message.extensions.push(PERMISSION.to_owned());
        let state = if answers { State::InputRequired } else { State::AuthRequired };
        Status { state, message: Some(message), at: self.at }
    }

    /// Says whether nothing more will come unless this client, or its user, does something.
    ///
    /// While a person of this host is to answer, the task goes on by itself afterwards.
    pub(crate) fn ends_stream(&self, answers: bool) -> bool {
        if self.asked.is_empty() { self.state.is_terminal() || self.state.is_interrupted() } else { answers }
    }

    /// Says whether a call that waits for the task comes back.
    pub(crate) fn ends_wait(&self) -> bool {
        !self.asked.is_empty() || self.state.is_terminal() || self.state.is_interrupted()
    }

    /// Gives the question as the task's history keeps it.
    pub(crate) fn asked_message(&self) -> Option<Message> {
        (!self.asked.is_empty())
            .then(|| Message::agent(self.asked_id.clone(), vec![Part::text(self.question(false))]))
    }

    fn question(&self, answers: bool) -> String {
        let what: Vec<String> = self
            .asked
            .iter()
            .map(|approval| match title(approval) {
                // What exactly is asked is for those alone who may answer.
                Some(title) if answers => format!("{title} ({})", approval.reason),
                _ => approval.reason.clone(),
            })
            .collect();
        if answers {
            format!("Permission is asked: {}. Answer with a data part for each question.", what.join("; "))
        } else {
            format!(
                "A person of this agent's host must confirm: {}. The task goes on by itself.",
                what.join("; ")
            )
        }
    }
}

fn title(approval: &Approval) -> Option<&str> {
    approval.detail.get("title").and_then(Value::as_str)
}

/// Writes a question as the extension has it.
fn request(approval: &Approval, answers: bool) -> Value {
    let kind = approval.detail.get("kind").and_then(Value::as_str).unwrap_or(&approval.action);
    let mut request = json!({
        "type": "permission_request",
        "approval_id": approval.approval_id,
        "digest": approval.digest,
        "action": approval.action,
        "kind": kind,
        "reason": approval.reason,
        "expires_at": approval.expires_at,
        "editable": approval.editable,
        "answerable": answers,
    });
    if answers {
        let permission = approval.action == "permission";
        let detail = if permission { approval.detail.get("detail") } else { None };
        request["scope"] = json!(approval.scope);
        request["title"] = json!(title(approval).unwrap_or(&approval.reason));
        request["detail"] = detail.unwrap_or(&approval.detail).clone();
    }
    request
}

/// What a client is told while a task goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Update {
    Status(Standing),
    Artifact { artifact: Artifact, append: bool, last: bool },
}

/// A task as one client sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context_id: String,
    pub(crate) status: Status,
    /// `None`: left out.
    pub(crate) artifacts: Option<Vec<Artifact>>,
    pub(crate) history: Vec<Message>,
}

/// One event of a stream as one client sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StreamItem {
    Task(Task),
    Status { task_id: String, context_id: String, status: Status, last: bool },
    Artifact { task_id: String, context_id: String, artifact: Artifact, append: bool, last: bool },
}
