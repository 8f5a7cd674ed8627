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
    /// How codex is spoken to.
    pub(crate) protocol: Protocol,
    /// The model; codex's own default if it is not said.
    pub(crate) model: Option<String>,
    /// How long the model thinks.
    pub(crate) reasoning_effort: Option<String>,
    /// When codex asks before it acts.
    pub(crate) approval_policy: ApprovalPolicy,
    /// Texts and output are told while they grow, too.
    pub(crate) deltas: bool,
    /// Codex's own configuration, by dotted keys.
    pub(crate) overrides: BTreeMap<String, Value>,
    /// Further arguments of `codex exec`.
    pub(crate) extra_args: Vec<String>,
    /// Further arguments of `codex app-server`.
    pub(crate) app_server_args: Vec<String>,
}

/// How codex is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Protocol {
    /// By its app server, or by `codex exec` if it has none.
    Auto,
    AppServer,
    Exec,
}

/// When codex asks before it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ApprovalPolicy {
    Untrusted,
    OnRequest,
    Never,
}

impl ApprovalPolicy {
    /// Gives codex's word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::OnRequest => "on-request",
            Self::Never => "never",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "codex".to_owned(),
            protocol: Protocol::Auto,
            model: None,
            reasoning_effort: None,
            approval_policy: ApprovalPolicy::Untrusted,
            deltas: false,
            overrides: BTreeMap::new(),
            extra_args: Vec::new(),
            app_server_args: Vec::new(),
        }
    }
}

impl Config {
    /// Says whether the app server is tried. Arguments that only `codex exec` knows decide for it.
    pub(crate) fn tries_app_server(&self) -> bool {
        match self.protocol {
            Protocol::Auto => self.extra_args.is_empty(),
            Protocol::AppServer => true,
            Protocol::Exec => false,
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
            "type": "string", "minLength": 1, "default": "codex", "x-grant": "process/spawn@1"
        },
        "protocol": {
            "description": "How codex is spoken to: by its app server, which can ask and be steered; by `codex exec`, which can not; or by whichever of them it has.",
            "enum": ["auto", "app_server", "exec"], "default": "auto"
        },
        "model": {
            "description": "The model; codex's own default if it is not said.",
            "type": "string", "minLength": 1
        },
        "reasoning_effort": {
            "description": "How long the model thinks, such as low, medium or high.",
            "type": "string", "pattern": "^[a-z]+$"
        },
        "approval_policy": {
            "description": "When codex asks before it acts (app server only): before every command and edit (untrusted), before what leaves its sandbox (on-request), or never. Policies see what it asks, and nothing else: never let callers set it.",
            "enum": ["untrusted", "on-request", "never"], "default": "untrusted"
        },
        "deltas": {
            "description": "Whether texts and output are told while they grow, as events x_codex_… (app server only).",
            "type": "boolean", "default": false
        },
        "overrides": {
            "description": "Codex's own configuration, by dotted keys, as with its flag -c. What a run's access says wins over it.",
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$" },
            "additionalProperties": { "type": ["string", "number", "boolean", "array", "object"] }
        },
        "extra_args": {
            "description": "Further arguments of `codex exec`; if there are any, `auto` is `exec`. They can undo what a run's access says: never let callers set them.",
            "type": "array", "items": { "type": "string" }
        },
        "app_server_args": {
            "description": "Further arguments of `codex app-server`. Never let callers set them.",
            "type": "array", "items": { "type": "string" }
        }
    },
    "additionalProperties": false
}"#;
