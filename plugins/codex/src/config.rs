//! What an operator may configure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The configuration; all keys are optional.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The program's id in the operator's table.
    pub(crate) program: String,
    /// The model; codex's own default if it is not said.
    pub(crate) model: Option<String>,
    /// How long the model thinks.
    pub(crate) reasoning_effort: Option<String>,
    /// Codex's own configuration, by dotted keys.
    pub(crate) overrides: BTreeMap<String, Value>,
    /// Further arguments of `codex exec`.
    pub(crate) extra_args: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "codex".to_owned(),
            model: None,
            reasoning_effort: None,
            overrides: BTreeMap::new(),
            extra_args: Vec::new(),
        }
    }
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "program": {
            "description": "The program's id in the operator's table.",
            "type": "string", "minLength": 1, "default": "codex"
        },
        "model": {
            "description": "The model; codex's own default if it is not said.",
            "type": "string", "minLength": 1
        },
        "reasoning_effort": {
            "description": "How long the model thinks, such as low, medium or high.",
            "type": "string", "pattern": "^[a-z]+$"
        },
        "overrides": {
            "description": "Codex's own configuration, by dotted keys, as with its flag -c. What a run's access says wins over it.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$" },
            "additionalProperties": { "type": ["string", "number", "boolean", "array", "object"] }
        },
        "extra_args": {
            "description": "Further arguments of `codex exec`. They can undo what a run's access says: never let callers set them.",
            "type": "array", "items": { "type": "string" }
        }
    },
    "additionalProperties": false
}"#;
