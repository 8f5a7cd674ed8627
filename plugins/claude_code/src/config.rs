//! What an operator may configure.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The configuration; all keys are optional.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The program's id in the operator's table.
    pub(crate) program: String,
    /// The model; Claude Code's own default if it is not said.
    pub(crate) model: Option<String>,
    /// Models to fall back to.
    pub(crate) fallback_model: Option<String>,
    /// How long the model thinks.
    pub(crate) effort: Option<String>,
    /// Claude Code's own permission mode.
    pub(crate) permission_mode: Mode,
    /// Turns of the model, at most.
    pub(crate) max_turns: Option<u32>,
    /// Dollars, at most.
    pub(crate) max_budget_usd: Option<f64>,
    /// Folders beside the working directory.
    pub(crate) add_dirs: Vec<String>,
    /// Which of the user's and the project's settings are read.
    pub(crate) setting_sources: Vec<Source>,
    /// Whether hooks in those settings run.
    pub(crate) settings_hooks: bool,
    /// Further settings, laid over those of files.
    pub(crate) settings: Map<String, Value>,
    /// Tools that Claude Code itself need not ask about.
    pub(crate) allowed_tools: Vec<String>,
    /// Tools that are taken away.
    pub(crate) disallowed_tools: Vec<String>,
    /// MCP servers.
    pub(crate) mcp_servers: Map<String, Value>,
    /// Whether those are the only ones.
    pub(crate) strict_mcp_config: bool,
    /// Variables that commands do not get.
    pub(crate) hidden_env: Vec<String>,
    /// Whether pieces of unfinished messages become events.
    pub(crate) include_partial_messages: bool,
    /// How long background work may go on after the agent's answer.
    pub(crate) background_wait_seconds: u32,
    /// Further arguments.
    pub(crate) extra_args: Vec<String>,
}

/// Claude Code's permission modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Mode {
    Default,
    AcceptEdits,
    Plan,
    DontAsk,
    Auto,
    BypassPermissions,
}

impl Mode {
    /// Gives the word of Claude Code's flag.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::AcceptEdits => "acceptEdits",
            Self::Plan => "plan",
            Self::DontAsk => "dontAsk",
            Self::Auto => "auto",
            Self::BypassPermissions => "bypassPermissions",
        }
    }
}

/// Where settings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    User,
    Project,
    Local,
}

impl Source {
    /// Gives the word of Claude Code's flag.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Local => "local",
        }
    }
}

/// Credentials that Claude Code itself may be given by variable.
const KEYS: &[&str] = &[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "AWS_BEARER_TOKEN_BEDROCK",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
];

impl Default for Config {
    fn default() -> Self {
        Self {
            program: "claude".to_owned(),
            model: None,
            fallback_model: None,
            effort: None,
            permission_mode: Mode::Default,
            max_turns: None,
            max_budget_usd: None,
            add_dirs: Vec::new(),
            setting_sources: vec![Source::User, Source::Project, Source::Local],
            settings_hooks: false,
            settings: Map::new(),
            allowed_tools: Vec::new(),
            disallowed_tools: Vec::new(),
            mcp_servers: Map::new(),
            strict_mcp_config: false,
            hidden_env: KEYS.iter().map(|&name| name.to_owned()).collect(),
            include_partial_messages: false,
            background_wait_seconds: 600,
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
            "type": "string", "minLength": 1, "default": "claude", "x-grant": "process/spawn@1"
        },
        "model": {
            "description": "The model, by its name or an alias such as sonnet; Claude Code's own default if it is not said.",
            "type": "string", "minLength": 1
        },
        "fallback_model": {
            "description": "Models to fall back to when the first is busy, separated by commas.",
            "type": "string", "minLength": 1
        },
        "effort": {
            "description": "How long the model thinks, such as low, medium or high.",
            "type": "string", "pattern": "^[a-z]+$"
        },
        "permission_mode": {
            "description": "Claude Code's own permission mode. Whatever it is, policies are asked about every tool call first. bypassPermissions needs a run with full access, and a user who is not root.",
            "enum": ["default", "acceptEdits", "plan", "dontAsk", "auto", "bypassPermissions"], "default": "default"
        },
        "max_turns": { "description": "Turns of the model, at most.", "type": "integer", "minimum": 1, "maximum": 4294967295 },
        "max_budget_usd": { "description": "Dollars that a run may cost, at most.", "type": "number", "exclusiveMinimum": 0 },
        "add_dirs": {
            "description": "Folders that the agent may work in beside the run's working directory.",
            "type": "array", "items": { "type": "string", "minLength": 1 }
        },
        "setting_sources": {
            "description": "Which settings and CLAUDE.md files are read. Leave project and local out for repositories whose settings you do not trust; their CLAUDE.md is then not read either.",
            "type": "array", "items": { "enum": ["user", "project", "local"] }, "default": ["user", "project", "local"]
        },
        "settings_hooks": {
            "description": "Whether hooks in those settings run. They are commands that no policy sees, and a repository can bring its own.",
            "type": "boolean", "default": false
        },
        "settings": {
            "description": "Settings laid over those of files, as in Claude Code's settings.json.",
            "type": "object"
        },
        "allowed_tools": {
            "description": "Tools, or rules such as Bash(git diff:*), that Claude Code itself allows. Policies are asked all the same.",
            "type": "array", "items": { "type": "string", "minLength": 1 }
        },
        "disallowed_tools": {
            "description": "Tools, or rules, that Claude Code takes away.",
            "type": "array", "items": { "type": "string", "minLength": 1 }
        },
        "mcp_servers": {
            "description": "MCP servers by name, as in mcpServers of Claude Code's .mcp.json.",
            "type": "object", "additionalProperties": { "type": "object" }
        },
        "strict_mcp_config": { "description": "Whether those are the only MCP servers.", "type": "boolean", "default": false },
        "hidden_env": {
            "description": "Variables that Claude Code gets and the commands that it runs do not.",
            "type": "array", "items": { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }
        },
        "include_partial_messages": {
            "description": "Whether pieces of unfinished messages become events of kind x_claude_code_stream_event.",
            "type": "boolean", "default": false
        },
        "background_wait_seconds": {
            "description": "How long work that the agent left in the background may go on after its answer; the agent is told when it ends. Then the run ends with it.",
            "type": "integer", "minimum": 0, "maximum": 86400, "default": 600
        },
        "extra_args": {
            "description": "Further arguments of claude. They can undo what a run's access says: never let callers set them.",
            "type": "array", "items": { "type": "string" }
        }
    },
    "additionalProperties": false
}"#;
