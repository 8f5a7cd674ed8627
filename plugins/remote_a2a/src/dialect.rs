//! Requests, as each version and binding writes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pointsman_sdk::types::{FilePart, Part};
use serde_json::{Map, Value, json};

use crate::address::segment;
use crate::card::{Agent, Binding, Version};
use crate::config::Config;

/// What is asked of an agent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask<'a> {
    /// Takes a message.
    Send { message: &'a Outgoing, stream: bool },
    /// How is the task?
    Get { task: &'a str },
    /// Ends the task.
    Cancel { task: &'a str },
    /// Streams a task that is under way.
    Subscribe { task: &'a str },
}

/// A message on its way, in no version's words yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outgoing {
    pub(crate) id: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) metadata: Map<String, Value>,
    pub(crate) task: Option<String>,
    pub(crate) context: Option<String>,
    /// The task that went before in the same context.
    pub(crate) reference: Option<String>,
}

/// A request without its headers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) body: Option<Value>,
}

impl Ask<'_> {
    /// Says whether a stream of events is hoped for.
    pub(crate) fn streams(&self) -> bool {
        matches!(self, Self::Send { stream: true, .. } | Self::Subscribe { .. })
    }

    /// Gives the method's name, as people find it in the protocol.
    pub(crate) fn name(&self, version: Version) -> &'static str {
        match (version, self) {
            (Version::V1, Self::Send { stream: false, .. }) => "SendMessage",
            (Version::V1, Self::Send { stream: true, .. }) => "SendStreamingMessage",
            (Version::V1, Self::Get { .. }) => "GetTask",
            (Version::V1, Self::Cancel { .. }) => "CancelTask",
            (Version::V1, Self::Subscribe { .. }) => "SubscribeToTask",
            (Version::V03, Self::Send { stream: false, .. }) => "message/send",
            (Version::V03, Self::Send { stream: true, .. }) => "message/stream",
            (Version::V03, Self::Get { .. }) => "tasks/get",
            (Version::V03, Self::Cancel { .. }) => "tasks/cancel",
            (Version::V03, Self::Subscribe { .. }) => "tasks/resubscribe",
        }
    }

    /// Writes the request. `id` is that of JSON-RPC.
    pub(crate) fn write(&self, agent: &Agent, config: &Config, id: u32) -> Written {
        match agent.binding {
            Binding::JsonRpc => Written {
                method: "POST",
                url: agent.endpoint.url(),
                body: Some(json!({
                    "jsonrpc": "2.0", "id": id, "method": self.name(agent.version), "params": self.params(agent, config),
                })),
            },
            Binding::HttpJson => self.rest(agent, config),
        }
    }

    fn params(&self, agent: &Agent, config: &Config) -> Value {
        let mut params = match self {
            Self::Send { message, .. } => sending(message, agent.version, config),
            Self::Get { task } => {
                let mut params = named(task);
                if let Some(length) = config.history_length {
                    params.insert("historyLength".to_owned(), length.into());
                }
                params
            }
            Self::Cancel { task } | Self::Subscribe { task } => named(task),
        };
        if let Some(tenant) = &agent.tenant {
            params.insert("tenant".to_owned(), tenant.as_str().into());
        }
        Value::Object(params)
    }

    fn rest(&self, agent: &Agent, config: &Config) -> Written {
        let mut base = agent.endpoint.below();
        if let Some(tenant) = &agent.tenant {
            base = format!("{base}/{}", segment(tenant));
        }
        let (method, path, body) = match self {
            Self::Send { message, stream } => {
                let verb = if *stream { "stream" } else { "send" };
                ("POST", format!("/message:{verb}"), Some(sending(message, agent.version, config)))
            }
            Self::Get { task } => {
                let query = config
                    .history_length
                    .map(|length| format!("?historyLength={length}"))
                    .unwrap_or_default();
                ("GET", format!("/tasks/{}{query}", segment(task)), None)
            }
            Self::Cancel { task } => ("POST", format!("/tasks/{}:cancel", segment(task)), Some(Map::new())),
            Self::Subscribe { task } => ("POST", format!("/tasks/{}:subscribe", segment(task)), None),
        };
        Written { method, url: format!("{base}{path}"), body: body.map(Value::Object) }
    }
}

fn named(task: &str) -> Map<String, Value> {
    Map::from_iter([("id".to_owned(), Value::from(task))])
}

fn sending(message: &Outgoing, version: Version, config: &Config) -> Map<String, Value> {
    let mut configuration = Map::new();
    if !config.accepted_output_modes.is_empty() {
        configuration.insert("acceptedOutputModes".to_owned(), json!(config.accepted_output_modes));
    }
    if let Some(length) = config.history_length {
        configuration.insert("historyLength".to_owned(), length.into());
    }
    match version {
        Version::V1 if !config.blocking => {
            drop(configuration.insert("returnImmediately".to_owned(), true.into()));
        }
        // It is the default there, and absent is how a default is written.
        Version::V1 => {}
        Version::V03 => drop(configuration.insert("blocking".to_owned(), config.blocking.into())),
    }
    let mut params = Map::from_iter([("message".to_owned(), written(message, version))]);
    if !configuration.is_empty() {
        params.insert("configuration".to_owned(), Value::Object(configuration));
    }
    params
}

fn written(message: &Outgoing, version: Version) -> Value {
    let parts: Vec<Value> = message
        .parts
        .iter()
        .map(|part| match version {
            Version::V1 => flat_part(part),
            Version::V03 => tagged_part(part),
        })
        .collect();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    put("messageId", message.id.as_str().into());
    match version {
        Version::V1 => put("role", "ROLE_USER".into()),
        Version::V03 => {
            put("kind", "message".into());
            put("role", "user".into());
        }
    }
    put("parts", parts.into());
    put("metadata", Value::Object(message.metadata.clone()));
    if let Some(context) = &message.context {
        put("contextId", context.as_str().into());
    }
    if let Some(task) = &message.task {
        put("taskId", task.as_str().into());
    }
    if let Some(reference) = &message.reference {
        put("referenceTaskIds", json!([reference]));
    }
    Value::Object(fields)
}

/// Writes a part as 1.0 has it.
fn flat_part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "text": text }),
        Part::Data(data) => json!({ "data": parsed(data) }),
        Part::File(file) => {
            let mut fields = Map::new();
            match (&file.bytes, &file.uri) {
                (Some(bytes), _) => drop(fields.insert("raw".to_owned(), STANDARD.encode(bytes).into())),
                (None, Some(uri)) => drop(fields.insert("url".to_owned(), uri.as_str().into())),
                (None, None) => return json!({ "text": mention(file) }),
            }
            for (name, value) in [("filename", &file.name), ("mediaType", &file.mime_type)] {
                if let Some(value) = value {
                    fields.insert(name.to_owned(), value.as_str().into());
                }
            }
            Value::Object(fields)
        }
    }
}

/// Writes a part as 0.3 has it.
fn tagged_part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "kind": "text", "text": text }),
        Part::Data(data) => json!({ "kind": "data", "data": parsed(data) }),
        Part::File(file) => {
            let mut fields = Map::new();
            match (&file.bytes, &file.uri) {
                (Some(bytes), _) => drop(fields.insert("bytes".to_owned(), STANDARD.encode(bytes).into())),
                (None, Some(uri)) => drop(fields.insert("uri".to_owned(), uri.as_str().into())),
                (None, None) => return json!({ "kind": "text", "text": mention(file) }),
            }
            for (name, value) in [("name", &file.name), ("mimeType", &file.mime_type)] {
                if let Some(value) = value {
                    fields.insert(name.to_owned(), value.as_str().into());
                }
            }
            json!({ "kind": "file", "file": fields })
        }
    }
}

/// Names a file that came without any content.
fn mention(file: &FilePart) -> String {
    format!("[file {}]", file.name.as_deref().unwrap_or("without a name"))
}

/// The host hands over JSON; whatever is none goes as the text that it is.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|_| Value::from(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;

    fn agent(binding: Binding, version: Version) -> Agent {
        Agent {
            name: None,
            endpoint: Address::parse("http://h:1/a2a/").unwrap(),
            tenant: (version == Version::V1).then(|| "acme/1".to_owned()),
            binding,
            version,
            streaming: true,
        }
    }

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    fn message() -> Outgoing {
        let file = |uri: Option<&str>, bytes: Option<&[u8]>| {
            Part::File(FilePart {
                uri: uri.map(str::to_owned),
                bytes: bytes.map(<[u8]>::to_vec),
                mime_type: Some("image/png".to_owned()),
                name: Some("dot.png".to_owned()),
            })
        };
        Outgoing {
            id: "m-1".to_owned(),
            parts: vec![
                Part::Text("look".to_owned()),
                Part::Data(r#"{"n":42}"#.to_owned()),
                file(None, Some(b"abc")),
                file(Some("https://h/x"), None),
                file(None, None),
            ],
            metadata: Map::from_iter([("k".to_owned(), json!(1))]),
            task: Some("t".to_owned()),
            context: Some("c".to_owned()),
            reference: Some("old".to_owned()),
        }
    }

    #[test]
    fn every_request_of_every_dialect() {
        let config = config(
            r#"{"agent_url":"http://h","history_length":3,"blocking":false,"accepted_output_modes":["text/plain"]}"#,
        );
        let message = message();
        let mut seen = Vec::new();
        for (binding, version) in [
            (Binding::JsonRpc, Version::V1),
            (Binding::HttpJson, Version::V1),
            (Binding::JsonRpc, Version::V03),
        ] {
            let agent = agent(binding, version);
            for ask in [
                Ask::Send { message: &message, stream: true },
                Ask::Send { message: &message, stream: false },
                Ask::Get { task: "t/1" },
                Ask::Cancel { task: "t/1" },
                Ask::Subscribe { task: "t/1" },
            ] {
                let Written { method, url, body } = ask.write(&agent, &config, 7);
                seen.push(json!({ "method": method, "url": url, "body": body }));
            }
        }
        insta::assert_json_snapshot!(seen);
    }

    #[test]
    fn waiting_is_the_default() {
        let config = config(r#"{"agent_url":"http://h"}"#);
        let message = message();
        let body = |version| {
            let ask = Ask::Send { message: &message, stream: false };
            ask.write(&agent(Binding::JsonRpc, version), &config, 1).body.unwrap()
        };
        assert_eq!(body(Version::V1)["params"].get("configuration"), None);
        assert_eq!(body(Version::V03)["params"]["configuration"], json!({ "blocking": true }));
    }
}
