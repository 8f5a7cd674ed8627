//! Reading the recordings.

use std::fs;
use std::path::{Path, PathBuf};

use pointsman_sdk::backend::ServerEvent;
use serde_json::Value;

/// A request and what came back.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) status: u16,
    pub(crate) answer_headers: Vec<(String, String)>,
    pub(crate) answer: String,
    /// The connection was lost, or the recorder left, before the response had ended.
    pub(crate) broken: bool,
}

/// What a request asks for, in any dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Card,
    Send,
    Get,
    Cancel,
    Subscribe,
    Other,
}

/// All recordings, by folder and name.
pub(crate) fn scenarios() -> Vec<(String, Vec<Exchange>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let mut found = Vec::new();
    for folder in inside(&root).into_iter().filter(|path| path.is_dir()) {
        for file in inside(&folder) {
            let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
            // The folder's name has a dot in it.
            let folder = folder.file_name().unwrap().to_string_lossy();
            found.push((format!("{folder}_{}", name(&file)), read(&fs::read_to_string(&file).unwrap())));
        }
    }
    assert!(found.len() >= 102, "recordings are missing: {}", found.len());
    found
}

fn read(text: &str) -> Vec<Exchange> {
    let line = "#".repeat(72);
    text.split(&line).skip(1).filter_map(exchange).collect()
}

fn exchange(section: &str) -> Option<Exchange> {
    // What the recorder's webhook received is nothing that a client is answered.
    if section.contains("# received by the webhook") {
        return None;
    }
    let (asked, answered) = section.split_once("\nHTTP/1.1 ")?;
    let mut asked = asked.lines().skip_while(|line| line.is_empty() || line.starts_with('#'));
    let mut first = asked.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers = headers(&mut asked);
    let body = asked.collect::<Vec<_>>().join("\n").trim().to_owned();
    let mut answered = answered.lines();
    let status = answered.next()?.split(' ').next()?.parse().ok()?;
    let answer_headers = self::headers(&mut answered);
    let (comments, answer): (Vec<&str>, Vec<&str>) = answered.partition(|line| line.starts_with('#'));
    Some(Exchange {
        method,
        path,
        headers,
        body,
        status,
        answer_headers,
        answer: answer.join("\n"),
        broken: comments.iter().any(|comment| {
            ["connection lost", "closes the stream", "gives up waiting"]
                .iter()
                .any(|sign| comment.contains(sign))
        }),
    })
}

fn headers<'a>(lines: &mut impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let lines = lines.take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl Exchange {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(crate) fn streams(&self) -> bool {
        self.answer_headers
            .iter()
            .any(|(name, value)| name == "content-type" && value.starts_with("text/event-stream"))
    }

    pub(crate) fn wants_stream(&self) -> bool {
        self.headers.iter().any(|(name, value)| name == "accept" && value == "text/event-stream")
    }

    /// The events of a stream.
    pub(crate) fn events(&self) -> Vec<ServerEvent> {
        let block = |block: &str| {
            let field = |name: &'static str| {
                block
                    .lines()
                    .filter_map(move |line| Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned()))
            };
            let data: Vec<String> = field("data").collect();
            (!data.is_empty()).then(|| ServerEvent {
                name: field("event").next(),
                id: None,
                data: data.join("\n"),
            })
        };
        self.answer.split("\n\n").filter_map(block).collect()
    }

    /// All JSON that the agent sent.
    pub(crate) fn answers(&self) -> Vec<Value> {
        let texts = if self.streams() {
            self.events().into_iter().map(|event| event.data).collect()
        } else {
            vec![self.answer.clone()]
        };
        texts.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
    }

    pub(crate) fn kind(&self) -> Kind {
        kind(&self.method, &self.path, &self.json())
    }

    /// The task that the request names.
    pub(crate) fn task(&self) -> Option<String> {
        task(&self.path, &self.json())
    }

    /// The first task that the answer names.
    pub(crate) fn answered_task(&self) -> Option<String> {
        self.answers().iter().find_map(|answer| {
            let answer = answer.get("result").unwrap_or(answer);
            let task = answer.get("task").unwrap_or(answer);
            Some(task.get("status").and(task.get("id"))?.as_str()?.to_owned())
        })
    }

    /// The id of the message in the request.
    pub(crate) fn message_id(&self) -> Option<String> {
        let json = self.json();
        let message = json.pointer("/params/message").or_else(|| json.get("message"))?;
        Some(message.get("messageId")?.as_str()?.to_owned())
    }

    /// The same with another text in place of one in the answer.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        self.answer = self.answer.replace(from, to);
        self
    }

    /// What the user says in the request.
    pub(crate) fn said(&self) -> Option<String> {
        let json = self.json();
        let message = json.pointer("/params/message").or_else(|| json.get("message"))?;
        let parts = message.get("parts").or_else(|| message.get("content"))?;
        Some(parts.get(0)?.get("text")?.as_str()?.to_owned())
    }
}

/// Reads what a request asks for.
pub(crate) fn kind(method: &str, path: &str, body: &Value) -> Kind {
    match body.get("method").and_then(Value::as_str) {
        Some("SendMessage" | "SendStreamingMessage" | "message/send" | "message/stream") => {
            return Kind::Send;
        }
        Some("GetTask" | "tasks/get") => return Kind::Get,
        Some("CancelTask" | "tasks/cancel") => return Kind::Cancel,
        Some("SubscribeToTask" | "tasks/resubscribe") => return Kind::Subscribe,
        Some(_) => return Kind::Other,
        None => {}
    }
    match path {
        path if path.ends_with("agent-card.json") => Kind::Card,
        path if path.ends_with("/message:send") || path.ends_with("/message:stream") => Kind::Send,
        path if path.ends_with(":cancel") => Kind::Cancel,
        path if path.ends_with(":subscribe") => Kind::Subscribe,
        path if method == "GET"
            && path.split_once("/tasks/").is_some_and(|(_, task)| !task.contains('/')) =>
        {
            Kind::Get
        }
        _ => Kind::Other,
    }
}

/// Reads which task a request names.
pub(crate) fn task(path: &str, body: &Value) -> Option<String> {
    let said = ["/params/id", "/params/message/taskId", "/message/taskId"];
    if let Some(task) = said.iter().find_map(|pointer| body.pointer(pointer)?.as_str()) {
        return Some(task.to_owned());
    }
    let (_, behind) = path.split_once("/tasks/")?;
    Some(behind.split([':', '?', '/']).next()?.to_owned())
}
