//! What an operator or a caller may configure.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::card::{Binding, Version};

/// The configuration; all keys but one are optional.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the agent is: the address that its card's path is put behind, or that of the card itself.
    pub(crate) agent_url: String,
    /// Where below it the card is.
    #[serde(default)]
    pub(crate) agent_card_path: Option<String>,
    /// Headers of every request.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// The same, with values that only the host knows.
    #[serde(default)]
    pub(crate) secret_headers: BTreeMap<String, String>,
    /// A bearer token for every request.
    #[serde(default)]
    pub(crate) auth_token: Option<String>,
    /// The same, by the name of a secret.
    #[serde(default)]
    pub(crate) auth_token_secret: Option<String>,
    /// How many earlier messages the agent should send along.
    #[serde(default)]
    pub(crate) history_length: Option<u32>,
    /// Whether an agent that does not stream answers only when its task has ended.
    #[serde(default = "yes")]
    pub(crate) blocking: bool,
    /// Whether to stream where the agent can.
    #[serde(default = "yes")]
    pub(crate) streaming: bool,
    /// Media types that the answer may have.
    #[serde(default)]
    pub(crate) accepted_output_modes: Vec<String>,
    /// The binding to speak, whatever the card prefers.
    #[serde(default)]
    pub(crate) transport: Option<Binding>,
    /// The version to speak, whatever the card prefers.
    #[serde(default)]
    pub(crate) protocol_version: Option<Version>,
    /// Extensions that are known to be honoured.
    #[serde(default)]
    pub(crate) extensions: Vec<String>,
    /// Other origins that credentials may be sent to if the card names them.
    #[serde(default)]
    pub(crate) trusted_origins: Vec<String>,
    /// How long a stream is silent before the task is looked up beside it.
    #[serde(default = "five_seconds")]
    pub(crate) poll_interval_ms: u32,
    /// How long a task whose stream has broken may show no change.
    #[serde(default = "half_an_hour")]
    pub(crate) stall_timeout_ms: u32,
}

impl Config {
    /// Says whether there is something that must not reach a stranger.
    pub(crate) fn has_credentials(&self) -> bool {
        self.auth_token.is_some()
            || self.auth_token_secret.is_some()
            || !self.headers.is_empty()
            || !self.secret_headers.is_empty()
    }
}

fn yes() -> bool {
    true
}

fn five_seconds() -> u32 {
    5_000
}

fn half_an_hour() -> u32 {
    30 * 60 * 1_000
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r##"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["agent_url"],
    "properties": {
        "agent_url": {
            "description": "Where the agent is: the address below which its card lies, or that of the card itself.",
            "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$", "maxLength": 2048,
            "x-grant": "request/send@1"
        },
        "agent_card_path": {
            "description": "Where below agent_url the card lies; with a slash in front, below its origin. By default the well-known path.",
            "type": "string", "minLength": 1, "maxLength": 1024
        },
        "headers": {
            "description": "Headers of every request, the one for the card included.",
            "type": "object", "maxProperties": 32,
            "propertyNames": { "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
            "additionalProperties": { "type": "string", "maxLength": 8192, "pattern": "^[^\\r\\n]*$" }
        },
        "secret_headers": {
            "description": "The same with the name of a secret in place of each value. Needs secret/use@1 of it. For operators: never let callers set it.",
            "type": "object", "maxProperties": 32,
            "propertyNames": { "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
            "additionalProperties": { "type": "string", "minLength": 1, "x-grant": "secret/use@1" }
        },
        "auth_token": {
            "description": "A bearer token for every request. It is sealed with the run, but a secret is better.",
            "type": "string", "minLength": 1, "maxLength": 8192, "pattern": "^[^\\s]+$"
        },
        "auth_token_secret": {
            "description": "The name of a secret that is the bearer token. Needs secret/use@1 of it. For operators: never let callers set it.",
            "type": "string", "minLength": 1, "x-grant": "secret/use@1"
        },
        "history_length": {
            "description": "How many earlier messages the agent should send along.",
            "type": "integer", "minimum": 0, "maximum": 10000
        },
        "blocking": {
            "description": "Whether an agent that does not stream may answer only when its task has ended or asks. If not, the task is looked up from time to time.",
            "type": "boolean", "default": true
        },
        "streaming": {
            "description": "Whether to stream where the agent can.",
            "type": "boolean", "default": true
        },
        "accepted_output_modes": {
            "description": "Media types that the answer may have.",
            "type": "array", "maxItems": 64, "items": { "type": "string", "minLength": 1 }
        },
        "transport": {
            "description": "The binding to speak, whatever the card prefers.",
            "enum": ["JSONRPC", "HTTP+JSON"]
        },
        "protocol_version": {
            "description": "The version to speak, whatever the card prefers.",
            "enum": ["1.0", "0.3"]
        },
        "extensions": {
            "description": "Extensions that the agent may require, because whoever configures this knows that they are honoured.",
            "type": "array", "maxItems": 32, "items": { "type": "string", "pattern": "^[^\\s,]+$" }
        },
        "trusted_origins": {
            "description": "Other origins, such as https://agent.example, that the card may name and that tokens and headers may be sent to.",
            "type": "array", "maxItems": 32, "items": { "type": "string", "minLength": 1 }
        },
        "poll_interval_ms": {
            "description": "How long a stream is silent before the task is looked up beside it.",
            "type": "integer", "minimum": 100, "maximum": 600000, "default": 5000
        },
        "stall_timeout_ms": {
            "description": "How long a task may show no change once its stream has broken, before it counts as lost.",
            "type": "integer", "minimum": 1000, "maximum": 86400000, "default": 1800000
        }
    },
    "additionalProperties": false
}"##;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_schema_and_the_type_know_the_same_keys() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let all = json!({
            "agent_url": "http://h", "agent_card_path": "c", "headers": {"A": "b"}, "secret_headers": {"A": "B"},
            "auth_token": "t", "auth_token_secret": "T", "history_length": 1, "blocking": false, "streaming": false,
            "accepted_output_modes": ["text/plain"], "transport": "HTTP+JSON", "protocol_version": "0.3",
            "extensions": ["x:y"], "trusted_origins": ["http://o"], "poll_interval_ms": 100, "stall_timeout_ms": 1000,
        });
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&schema["properties"]), keys(&all));
        let config: Config = pointsman_sdk::config::read(&all.to_string()).unwrap();
        assert!(config.has_credentials());
        let plain: Config = pointsman_sdk::config::read(r#"{"agent_url":"http://h"}"#).unwrap();
        assert!(plain.blocking && plain.streaming && !plain.has_credentials());
        for (key, default) in
            [("poll_interval_ms", plain.poll_interval_ms), ("stall_timeout_ms", plain.stall_timeout_ms)]
        {
            assert_eq!(schema["properties"][key]["default"], default, "{key}");
        }
    }
}
