//! What an operator configures.

use std::collections::BTreeMap;

use pointsman_sdk::backend::Task;
use pointsman_sdk::types::Access;
use serde::Deserialize;
use serde_json::Value;

/// The configuration.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The program's id in the operator's table.
    pub(crate) program: String,
    /// Its arguments.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// What the agent can do without asking.
    #[serde(default = "unconfined")]
    pub(crate) access: Access,
    /// The agent's mode.
    #[serde(default)]
    pub(crate) mode: Option<String>,
    /// The agent's modes for the three kinds of access; each wins over `mode`.
    #[serde(default)]
    pub(crate) modes: BTreeMap<Access, String>,
    /// The model.
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// Options that the agent offers for a session, by their ids.
    #[serde(default)]
    pub(crate) options: BTreeMap<String, Value>,
    /// How to authenticate when the agent asks for it.
    #[serde(default)]
    pub(crate) auth_method: Option<String>,
    /// MCP servers that the agent connects to, as the protocol writes them.
    #[serde(default)]
    pub(crate) mcp_servers: Vec<Value>,
    /// How long the agent may take until its session stands.
    #[serde(default = "two_minutes")]
    pub(crate) start_timeout_ms: u32,
    /// How long it may be silent in its work.
    #[serde(default = "ten_minutes")]
    pub(crate) idle_timeout_ms: u32,
}

impl Config {
    /// Refuses a task that wants the agent held closer than it is.
    pub(crate) fn check(&self, task: &Task) -> Result<(), String> {
        if task.access < self.access {
            return Err(format!(
                "the agent {} has {} access to this machine without asking, and this run may have {} only; ask for \
                 more, or, if the agent asks before it acts or confines itself, have the operator say so by `access` \
                 in this backend's config",
                self.program,
                self.access.as_str(),
                task.access.as_str(),
            ));
        }
        Ok(())
    }

    /// Gives the mode for an access, if one is configured.
    pub(crate) fn mode_for(&self, access: Access) -> Option<&str> {
        self.modes.get(&access).or(self.mode.as_ref()).map(String::as_str)
    }
}

/// What any program can do that nobody holds back.
fn unconfined() -> Access {
    Access::Full
}

fn two_minutes() -> u32 {
    120_000
}

fn ten_minutes() -> u32 {
    600_000
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["program"],
    "properties": {
        "program": {
            "description": "The program's id in the operator's table. It speaks the Agent Client Protocol over standard input and output.",
            "type": "string", "minLength": 1, "x-grant": "process/spawn@1"
        },
        "args": {
            "description": "Its arguments, such as --acp.",
            "type": "array", "items": { "type": "string" }, "default": []
        },
        "access": {
            "description": "What the agent can do to the machine without asking. Runs that may have less are refused: say less only of an agent that asks before it acts, or confines itself.",
            "enum": ["read-only", "workspace-write", "full"], "default": "full"
        },
        "mode": {
            "description": "The agent's mode, by its id.",
            "type": "string", "minLength": 1
        },
        "modes": {
            "description": "The agent's modes by the access of a run; each wins over `mode`.",
            "type": "object",
            "properties": {
                "read-only": { "type": "string", "minLength": 1 },
                "workspace-write": { "type": "string", "minLength": 1 },
                "full": { "type": "string", "minLength": 1 }
            },
            "additionalProperties": false
        },
        "model": {
            "description": "The model, by the id that the agent offers; its own default if it is not said.",
            "type": "string", "minLength": 1
        },
        "options": {
            "description": "Options that the agent offers for a session, by their ids.",
            "type": "object", "additionalProperties": { "type": ["string", "boolean"] }
        },
        "auth_method": {
            "description": "How to authenticate when the agent asks for it, by the id that the agent offers. Without it, a person logs in elsewhere and the run is continued.",
            "type": "string", "minLength": 1
        },
        "mcp_servers": {
            "description": "MCP servers that the agent connects to, as the protocol writes them in `session/new`.",
            "type": "array", "items": { "type": "object" }, "default": []
        },
        "start_timeout_ms": {
            "description": "How long the agent may take, from its start, for each step until its session stands.",
            "type": "integer", "minimum": 1, "maximum": 4294967295, "default": 120000
        },
        "idle_timeout_ms": {
            "description": "How long the agent may be silent in its work. Time in which it waits for a permission does not count.",
            "type": "integer", "minimum": 1, "maximum": 4294967295, "default": 600000
        }
    },
    "additionalProperties": false
}"#;
