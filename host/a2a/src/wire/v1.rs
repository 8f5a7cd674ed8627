//! Version 1.0.

use serde_json::{Map, Value, json};

use super::lenient::{self, Object};
use super::{Fault, List, Send, put};
use crate::tasks::Page;
use crate::view::{Artifact, Content, Message, Part, Role, State, Status, StreamItem, Task};

/// Tasks on a page, if nobody says, and at most.
const PAGE: (u32, u32) = (50, 100);

pub(crate) fn state(state: State) -> &'static str {
    match state {
        State::Submitted => "TASK_STATE_SUBMITTED",
        State::Working => "TASK_STATE_WORKING",
        State::InputRequired => "TASK_STATE_INPUT_REQUIRED",
        State::AuthRequired => "TASK_STATE_AUTH_REQUIRED",
        State::Completed => "TASK_STATE_COMPLETED",
        State::Failed => "TASK_STATE_FAILED",
        State::Canceled => "TASK_STATE_CANCELED",
        State::Rejected => "TASK_STATE_REJECTED",
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
        immediately: lenient::flag(wishes, "returnImmediately")?.unwrap_or(false),
        history: lenient::history_length(wishes)?,
        metadata: lenient::object(params, "metadata")?.cloned().unwrap_or_default(),
        push: lenient::member(wishes, "taskPushNotificationConfig").is_some(),
    })
}

pub(crate) fn read_list(params: &Object) -> Result<List, Fault> {
    let page_size = match lenient::number(params, "pageSize", PAGE.1) {
        Ok(Some(0)) | Err(_) => {
            return Err(Fault::invalid("pageSize", format!("pageSize must be from 1 to {}", PAGE.1)));
        }
        Ok(size) => size.unwrap_or(PAGE.0),
    };
    let named = match lenient::text(params, "status")? {
        None => None,
        Some(word) if word == "TASK_STATE_UNSPECIFIED" => None,
        Some(word) => Some(State::ALL.into_iter().find(|it| state(*it) == word).ok_or_else(|| {
            Fault::invalid("status", format!("no such state: {}", word.chars().take(40).collect::<String>()))
        })?),
    };
    Ok(List {
        context_id: lenient::text(params, "contextId")?,
        state: named,
        page_size,
        page_token: lenient::text(params, "pageToken")?,
        history: lenient::history_length(params)?,
        changed_after: lenient::moment(params, "statusTimestampAfter")?,
        artifacts: lenient::flag(params, "includeArtifacts")?.unwrap_or(false),
    })
}

pub(crate) fn task(task: &Task) -> Value {
    let mut object = Map::new();
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
        Role::User => "ROLE_USER",
        Role::Agent => "ROLE_AGENT",
    };
    let mut object = Map::new();
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
    let (key, value) = match &part.content {
        Content::Text(text) => ("text", json!(text)),
        Content::Data(value) => ("data", value.clone()),
        Content::Raw(base64) => ("raw", json!(base64)),
        Content::Url(url) => ("url", json!(url)),
    };
    put(&mut object, key, value);
    put(&mut object, "metadata", part.metadata.clone().map(Value::Object));
    put(&mut object, "filename", part.filename.as_ref().map(|it| json!(it)));
    put(&mut object, "mediaType", part.media_type.as_ref().map(|it| json!(it)));
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
        StreamItem::Task(it) => json!({"task": task(it)}),
        StreamItem::Status { task_id, context_id, status: it, .. } => json!({"statusUpdate": {
            "taskId": task_id, "contextId": context_id, "status": status(it, task_id, context_id),
        }}),
        StreamItem::Artifact { task_id, context_id, artifact: it, append, last } => {
            let mut update = json!({"taskId": task_id, "contextId": context_id, "artifact": artifact(it)});
            // Absent means false.
            for (key, _) in [("append", append), ("lastChunk", last)].into_iter().filter(|(_, it)| **it) {
                update[key] = json!(true);
            }
            json!({"artifactUpdate": update})
        }
    }
}

pub(crate) fn page(page: &Page) -> Value {
    json!({
        "tasks": page.tasks.iter().map(task).collect::<Vec<_>>(),
        "nextPageToken": page.next,
        "pageSize": page.page_size,
        "totalSize": page.total,
    })
}
