//! What an agent answers, in any version's words: read leniently, kept whole.

use serde_json::{Map, Value};

use crate::address::shortened;
use crate::json;
use crate::state::State;

/// One answer, or one event of a stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Task(Snapshot),
    Message(Said),
    Status(Update),
    Artifact(Chunk),
    Fault(Fault),
    /// Nothing that is known, or something of a shape that nobody can use.
    Unknown(Value),
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) task: String,
    pub(crate) context: Option<String>,
    pub(crate) status: Status,
    pub(crate) artifacts: Vec<Chunk>,
    pub(crate) history: Vec<Said>,
    /// Whatever else stands in it.
    pub(crate) extra: Option<Value>,
}

/// A change of a task's status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) status: Status,
    pub(crate) extra: Option<Value>,
}

/// What a task is doing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Status {
    /// The state, if its word is known.
    pub(crate) state: Option<State>,
    /// The agent's own word for it.
    pub(crate) word: String,
    pub(crate) message: Option<Said>,
    pub(crate) timestamp: Option<String>,
}

/// A message of the conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub(crate) id: Option<String>,
    pub(crate) by_agent: bool,
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) parts: Vec<Value>,
    /// As it came.
    pub(crate) raw: Map<String, Value>,
}

/// An artifact, or a piece of one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chunk {
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) parts: Vec<Value>,
    pub(crate) metadata: Option<Value>,
    /// Goes behind what came before; else it takes its place.
    pub(crate) append: bool,
    pub(crate) last: bool,
    pub(crate) extra: Option<Value>,
}

/// An error, of JSON-RPC or of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl Fault {
    /// Says whether the task is not, or no longer, known.
    pub(crate) fn is_unknown_task(&self) -> bool {
        matches!(self.code, -32001 | 404)
    }

    /// Says whether the agent has no such method at all.
    pub(crate) fn is_unsupported(&self) -> bool {
        matches!(self.code, -32601 | -32004 | 405 | 501)
    }

    /// Gives the word for programs.
    pub(crate) fn reason(&self) -> &'static str {
        match self.code {
            401 | 403 => "unauthorized",
            404 => "not_found",
            429 => "rate_limited",
            503 => "overloaded",
            -32001 => "task_not_found",
            -32002 => "task_not_cancelable",
            -32004 | -32601 => "unsupported_operation",
            -32005 => "content_type_not_supported",
            -32008 => "unsupported_extension",
            -32009 => "version_not_supported",
            400 | -32600 | -32602 | -32700 => "bad_request",
            _ => "agent_error",
        }
    }
}

/// Reads an answer or an event. What JSON-RPC wraps is unwrapped; what REST leaves bare is taken as it is.
pub(crate) fn read(value: Value) -> Reply {
    let Value::Object(mut object) = value else { return Reply::Unknown(value) };
    if let Some(fault) = fault(&object) {
        return Reply::Fault(fault);
    }
    if object.contains_key("jsonrpc") || object.contains_key("result") {
        return match object.remove("result") {
            Some(Value::Object(result)) => bare(result),
            Some(other) => {
                object.insert("result".to_owned(), other);
                Reply::Unknown(Value::Object(object))
            }
            None => Reply::Unknown(Value::Object(object)),
        };
    }
    bare(object)
}

/// Reads the error in an envelope of JSON-RPC, or in a body of REST.
pub(crate) fn fault(object: &Map<String, Value>) -> Option<Fault> {
    let (code, message) = match object.get("error") {
        Some(Value::Object(error)) => {
            (error.get("code").and_then(Value::as_i64), json::text(error, "message"))
        }
        Some(Value::String(error)) => (None, Some(error.as_str())),
        Some(Value::Null) | None => return None,
        Some(_) => (None, None),
    };
    let message = message.map_or_else(|| "it does not say what was wrong".to_owned(), shortened);
    Some(Fault { code: code.unwrap_or_default(), message })
}

fn bare(object: Map<String, Value>) -> Reply {
    let kind = json::text(&object, "kind");
    let wrapped = |key: &str| json::object(&object, key);
    let read = if let Some(task) = wrapped("task") {
        snapshot(task).map(Reply::Task)
    } else if let Some(update) = wrapped("statusUpdate") {
        changed(update).map(Reply::Status)
    } else if let Some(update) = wrapped("artifactUpdate") {
        artifact_update(update).map(Reply::Artifact)
    } else if let Some(message) = wrapped("message").or_else(|| wrapped("msg")).filter(|_| kind.is_none()) {
        said(message).map(Reply::Message)
    } else {
        match kind {
            Some("task") => snapshot(&object).map(Reply::Task),
            Some("message") => said(&object).map(Reply::Message),
            Some("status-update") => changed(&object).map(Reply::Status),
            Some("artifact-update") => artifact_update(&object).map(Reply::Artifact),
            // GetTask and CancelTask of 1.0 answer with the task and no wrapping.
            _ if object.contains_key("status") && object.contains_key("id") => {
                snapshot(&object).map(Reply::Task)
            }
            _ => None,
        }
    };
    read.unwrap_or(Reply::Unknown(Value::Object(object)))
}

fn snapshot(object: &Map<String, Value>) -> Option<Snapshot> {
    let artifacts = json::list(object, "artifacts").iter().filter_map(Value::as_object);
    Some(Snapshot {
        task: name(object, "id")?,
        context: name(object, "contextId"),
        status: status(json::object(object, "status")?)?,
        artifacts: artifacts.filter_map(artifact).collect(),
        history: json::list(object, "history").iter().filter_map(Value::as_object).filter_map(said).collect(),
        extra: json::others(object, &["id", "contextId", "status", "artifacts", "history", "kind"]),
    })
}

fn changed(object: &Map<String, Value>) -> Option<Update> {
    Some(Update {
        task: name(object, "taskId"),
        context: name(object, "contextId"),
        status: status(json::object(object, "status")?)?,
        // Where a stream ends is said by its end: only some mark their last event.
        extra: json::others(object, &["taskId", "contextId", "status", "kind", "final"]),
    })
}

fn status(object: &Map<String, Value>) -> Option<Status> {
    let word = match object.get("state") {
        Some(Value::String(word)) if !word.is_empty() => word.as_str(),
        // What is the default may be left out.
        Some(Value::String(_) | Value::Null) | None => "unspecified",
        Some(_) => return None,
    };
    let message = json::object(object, "message").or_else(|| json::object(object, "update"));
    Some(Status {
        state: State::read(word),
        word: shortened(word),
        message: message.and_then(said),
        timestamp: json::text(object, "timestamp").map(shortened),
    })
}

fn said(object: &Map<String, Value>) -> Option<Said> {
    // 0.3 REST calls them content.
    let parts = object.get("parts").or_else(|| object.get("content"))?.as_array()?;
    let role = json::text(object, "role").unwrap_or_default().to_ascii_lowercase();
    Some(Said {
        id: name(object, "messageId"),
        by_agent: role.trim_start_matches("role_") != "user",
        task: name(object, "taskId"),
        context: name(object, "contextId"),
        parts: parts.clone(),
        raw: object.clone(),
    })
}

fn artifact_update(object: &Map<String, Value>) -> Option<Chunk> {
    let artifact = artifact(json::object(object, "artifact")?)?;
    Some(Chunk {
        task: name(object, "taskId"),
        context: name(object, "contextId"),
        // Absent means false.
        append: json::flag(object, "append"),
        last: json::flag(object, "lastChunk"),
        metadata: artifact
            .metadata
            .or_else(|| object.get("metadata").filter(|value| value.is_object()).cloned()),
        ..artifact
    })
}

fn artifact(object: &Map<String, Value>) -> Option<Chunk> {
    Some(Chunk {
        task: None,
        context: None,
        id: name(object, "artifactId")?,
        name: json::text(object, "name").map(shortened),
        description: json::text(object, "description").map(str::to_owned),
        parts: json::list(object, "parts").to_vec(),
        metadata: object
            .get("metadata")
            .filter(|value| value.as_object().is_some_and(|it| !it.is_empty()))
            .cloned(),
        append: false,
        last: false,
        extra: json::others(object, &["artifactId", "name", "description", "parts", "metadata"]),
    })
}

/// Reads an id. One that is long is no id but an attack, and one that is a number is one all the same.
fn name(object: &Map<String, Value>, key: &str) -> Option<String> {
    const LONGEST: usize = 512;
    match object.get(key)? {
        Value::String(text) if !text.is_empty() && text.len() <= LONGEST => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Gives the text of parts, or what else they say in words.
pub(crate) fn text_of(parts: &[Value], between: &str) -> String {
    let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
    if !texts.is_empty() {
        return texts.join(between);
    }
    let others = parts.iter().filter_map(|part| {
        if let Some(data) = data_of(part) {
            return Some(data.to_string());
        }
        let file = part.get("file").unwrap_or(part);
        let named = ["filename", "name", "url", "uri"].iter().find_map(|key| file.get(*key)?.as_str());
        let is_file = ["raw", "url", "bytes", "uri"].iter().any(|key| file.get(*key).is_some());
        is_file.then(|| format!("[file {}]", shortened(named.unwrap_or("without a name"))))
    });
    others.collect::<Vec<_>>().join("\n")
}

/// Gives the data of a part, if that is what it is.
pub(crate) fn data_of(part: &Value) -> Option<&Value> {
    part.get("data").filter(|data| !data.is_null())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!(null))]
    #[case(json!([1]))]
    #[case(json!({}))]
    #[case(json!({"jsonrpc": "2.0", "id": 1}))]
    #[case(json!({"result": "text"}))]
    #[case(json!({"result": {"task": {"id": {}, "status": {"state": "working"}}}}))]
    #[case(json!({"result": {"task": {"id": "t", "status": "working"}}}))]
    #[case(json!({"result": {"statusUpdate": {"status": {"state": 7}}}}))]
    #[case(json!({"result": {"artifactUpdate": {"artifact": {"parts": []}}}}))]
    #[case(json!({"result": {"message": {"parts": "none"}}}))]
    #[case(json!({"result": {"kind": "dream", "parts": []}}))]
    fn what_has_no_use_is_kept_as_it_came(#[case] value: Value) {
        assert!(matches!(read(value), Reply::Unknown(_)));
    }

    #[rstest]
    #[case(json!({"error": {"code": -32001, "message": "gone"}, "id": 1}), -32001, "gone")]
    #[case(json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "gone"}}), 404, "gone")]
    #[case(json!({"error": "bad token"}), 0, "bad token")]
    #[case(json!({"error": [1], "result": {}}), 0, "it does not say what was wrong")]
    fn errors_are_read(#[case] value: Value, #[case] code: i64, #[case] message: &str) {
        assert_eq!(read(value), Reply::Fault(Fault { code, message: message.to_owned() }));
    }

    #[test]
    fn wrong_types_beside_right_ones_do_no_harm() {
        let Reply::Task(task) = read(json!({"result": {"task": {
            "id": 7, "contextId": ["x"], "history": [1, {"parts": []}], "artifacts": {"a": 1},
            "status": {"state": "TASK_STATE_DREAMING", "message": "text", "timestamp": 5}, "novel": true}}}))
        else {
            panic!("a task is a task");
        };
        assert_eq!((task.task.as_str(), &task.context, task.status.state), ("7", &None, None));
        assert_eq!((task.status.word.as_str(), task.history.len()), ("TASK_STATE_DREAMING", 1));
        assert_eq!(task.extra, Some(json!({"novel": true})));
    }

    #[test]
    fn parts_say_something_in_words() {
        let parts = [json!({"text": "a"}), json!({"kind": "text", "text": "b"}), json!({"data": {}})];
        assert_eq!(text_of(&parts, "\n"), "a\nb");
        let parts = [
            json!({"data": {"n": 42.0}}),
            json!({"raw": "aGk=", "filename": "x.png"}),
            json!(7),
            json!({"kind": "file", "file": {"uri": "https://h/y"}}),
        ];
        assert_eq!(text_of(&parts, "\n"), "{\"n\":42.0}\n[file x.png]\n[file https://h/y]");
    }
}
