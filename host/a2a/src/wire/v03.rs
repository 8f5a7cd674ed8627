//! Version 0.3, over JSON-RPC.

use serde_json::{Map, Value, json};

use super::lenient::{self, Object};
use super::{Fault, Send, put};
use crate::view::{Artifact, Content, Message, Part, Role, State, Status, StreamItem, Task};

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Submitted => "submitted",
        State::Working => "working",
        State::InputRequired => "input-required",
        State::AuthRequired => "auth-required",
        State::Completed => "completed",
        State::Failed => "failed",
        State::Canceled => "canceled",
        State::Rejected => "rejected",
    }
}

pub(crate) fn read_send(params: &Object) -> Result<Send, Fault> {
    let (message, task_id, context_id) = lenient::message(params)?;
    let empty = Map::new();
    let wishes = lenient::object(params, "configuration")?.unwrap_or(&empty);
    Ok(Send {
        message,
        task_id,
        context_id,
        immediately: !lenient::flag(wishes, "blocking")?.unwrap_or(true),
        history: lenient::history_length(wishes)?,
        metadata: lenient::object(params, "metadata")?.cloned().unwrap_or_default(),
        push: lenient::member(wishes, "pushNotificationConfig").is_some(),
    })
}

pub(crate) fn task(task: &Task) -> Value {
    let mut object = Map::new();
    put(&mut object, "kind", json!("task"));
    put(&mut object, "id", json!(task.id));
    put(&mut object, "contextId", json!(task.context_id));
    put(&mut object, "status", status(&task.status, &task.id, &task.context_id));
    if let Some(artifacts) = task.artifacts.as_ref().filter(|it| !it.is_empty()) {
        put(&mut object, "artifacts", Value::Array(artifacts.iter().map(artifact).collect()));
    }
    if !task.history.is_empty() {
        let history = task.history.iter().map(|it| message(it, &task.id, &task.context_id));
        put(&mut object, "history", Value::Array(history.collect()));
    }
    Value::Object(object)
}

fn status(status: &Status, task_id: &str, context_id: &str) -> Value {
    let mut object = Map::new();
    put(&mut object, "state", json!(state(status.state)));
    put(&mut object, "message", status.message.as_ref().map(|it| message(it, task_id, context_id)));
    put(&mut object, "timestamp", json!(status.at));
    Value::Object(object)
}

fn message(message: &Message, task_id: &str, context_id: &str) -> Value {
    let role = match message.role {
        Role::User => "user",
        Role::Agent => "agent",
    };
    let mut object = Map::new();
    put(&mut object, "kind", json!("message"));
    put(&mut object, "messageId", json!(message.id));
    put(&mut object, "contextId", json!(context_id));
    put(&mut object, "taskId", json!(task_id));
    put(&mut object, "role", json!(role));
    put(&mut object, "parts", Value::Array(message.parts.iter().map(part).collect()));
    put(&mut object, "metadata", message.metadata.clone().map(Value::Object));
    if !message.extensions.is_empty() {
        put(&mut object, "extensions", json!(message.extensions));
    }
    if !message.reference_task_ids.is_empty() {
        put(&mut object, "referenceTaskIds", json!(message.reference_task_ids));
    }
    Value::Object(object)
}

fn part(part: &Part) -> Value {
    let mut object = Map::new();
    let file = |key: &str, value: &str| {
        let mut file = Map::new();
        put(&mut file, key, json!(value));
        put(&mut file, "mimeType", part.media_type.as_ref().map(|it| json!(it)));
        put(&mut file, "name", part.filename.as_ref().map(|it| json!(it)));
        ("file", "file", Value::Object(file))
    };
    let (kind, key, value) = match &part.content {
        Content::Text(text) => ("text", "text", json!(text)),
        // Here data is an object, always.
        Content::Data(value @ Value::Object(_)) => ("data", "data", value.clone()),
        Content::Data(other) => ("data", "data", json!({"value": other})),
        Content::Raw(base64) => file("bytes", base64),
        Content::Url(url) => file("uri", url),
    };
    put(&mut object, "kind", json!(kind));
    put(&mut object, key, value);
    put(&mut object, "metadata", part.metadata.clone().map(Value::Object));
    Value::Object(object)
}

fn artifact(artifact: &Artifact) -> Value {
    let mut object = Map::new();
    put(&mut object, "artifactId", json!(artifact.id));
    put(&mut object, "name", artifact.name.as_ref().map(|it| json!(it)));
    put(&mut object, "description", artifact.description.as_ref().map(|it| json!(it)));
    put(&mut object, "parts", Value::Array(artifact.parts.iter().map(part).collect()));
    Value::Object(object)
}

pub(crate) fn stream_item(item: &StreamItem) -> Value {
    match item {
        StreamItem::Task(it) => task(it),
        StreamItem::Status { task_id, context_id, status: it, last } => json!({
            "kind": "status-update", "taskId": task_id, "contextId": context_id,
            "status": status(it, task_id, context_id), "final": last,
        }),
        StreamItem::Artifact { task_id, context_id, artifact: it, append, last } => json!({
            "kind": "artifact-update", "taskId": task_id, "contextId": context_id,
            "artifact": artifact(it), "append": append, "lastChunk": last,
        }),
    }
}
