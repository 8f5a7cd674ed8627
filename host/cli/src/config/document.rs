//! The shape of `pointsman.toml`. The doc comments are the descriptions in the published schema.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::a2a::A2a;
use super::at_rest::Encryption;
use super::audit::Audit;
use super::delegation::{Budgets, Delegation};
use super::elicitation::Elicitation;
use super::grant::TextGrant;
use super::text_duration::TextDuration;
use super::webhook::Webhook;

/// The configuration of Pointsman.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "pointsman.toml")]
pub(crate) struct Config {
    /// What the host keeps.
    pub(crate) state: State,
    /// Programs that plugins may start, by the id that grants name. They add to the built-in ones.
    pub(crate) programs: BTreeMap<String, Program>,
    /// Origins that plugins may send requests to, by scheme, host and port, such as `https://agents.example.com`.
    pub(crate) origins: BTreeMap<String, Origin>,
    /// Secrets by name: where they are read when they are needed, never their values.
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// Backends by name: the kinds of agent that can be launched. They add to the built-in ones.
    pub(crate) backends: BTreeMap<String, Backend>,
    /// What every event passes before it is stored, first to last. If given, it replaces the built-in `spill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sanitizers: Option<Vec<Sanitizer>>,
    /// Who judges every request; the strictest verdict stands. If given, it replaces the built-in careful rules;
    /// without any policy a person is asked every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policies: Option<Vec<Policy>>,
    /// How policies are asked.
    pub(crate) policy: PolicyChain,
    /// Backends as A2A agents for others.
    pub(crate) a2a: A2a,
    /// Agents that launch agents.
    pub(crate) delegation: Delegation,
    /// What runs may use, with everything that they launch.
    pub(crate) budgets: Budgets,
    /// Bounds of every run.
    pub(crate) runs: Runs,
    /// Questions to people.
    pub(crate) approvals: Approvals,
    /// The audit log: what was decided, by whom, and what came of it.
    pub(crate) audit: Audit,
    /// How long calls may wait for news.
    pub(crate) waits: Waits,
    /// What is written to standard error.
    pub(crate) log: Log,
}

/// What the host keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct State {
    /// Folder of the journal, the artifacts and the component cache. Only its owner may enter it.
    /// Default: `$XDG_STATE_HOME/pointsman`, else `~/.local/state/pointsman`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dir: Option<PathBuf>,
    /// Whether each run is also written to `.nanobot-orchestrator/` in its working directory, for people and older
    /// clients to read. By default it is, unless the state is encrypted; then it cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) run_folders: Option<bool>,
    /// If given, what agents were told and what they did is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encryption: Option<Encryption>,
}

/// A program that plugins may start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Program {
    /// A bare name, looked up once on the host's own PATH, or an absolute path. By default the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<String>,
    /// Arguments that stand before those of the plugin.
    pub(crate) args: Vec<String>,
    /// Variables of the host's environment that the program gets besides PATH, HOME, TERM, the locale and the like:
    /// names, or beginnings of names such as `CODEX_*`.
    pub(crate) pass_env: Vec<String>,
    /// Variables that the program gets with these values.
    pub(crate) set_env: BTreeMap<String, String>,
    /// Variables that a plugin may set for the program: names, or beginnings of names.
    pub(crate) plugin_env: Vec<String>,
}

/// An origin that plugins may send requests to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Origin {
    /// Methods that may be used. By default GET, HEAD, POST, PUT, PATCH and DELETE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) methods: Option<Vec<String>>,
    /// Paths that may be requested: each stands for itself and everything below it. Empty: all.
    pub(crate) paths: Vec<String>,
    /// Where the name may lead. By default to public addresses only. Not for an origin that is an address itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addresses: Option<Vec<AddressClass>>,
    /// A file with certificates in PEM that are trusted for this origin, beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// Where an address lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressClass {
    /// On the internet.
    Public,
    /// In a network of one's own.
    Private,
    /// On this machine.
    Loopback,
}

/// Where a secret is read: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Secret {
    /// A variable of the host's environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// A file, whose end is trimmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// Origins that it goes to. If given, it goes nowhere else, and to no program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origins: Option<Vec<String>>,
}

/// A kind of agent that can be launched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    /// The component that drives it: `bundled:codex`, `bundled:command`, or the path of a `.wasm` file.
    pub(crate) component: String,
    /// The component's own configuration; `pointsman plugin inspect` prints its schema.
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    /// Keys of `config` that a caller may set for its run with `backend_config`. Any other is refused.
    #[serde(default)]
    pub(crate) caller_may_set: Vec<String>,
    /// What the component may do, of what it asks for: a capability and its target, such as `process/spawn@1 codex`.
    #[serde(default)]
    pub(crate) grants: Vec<TextGrant>,
}

/// A component that every event passes before it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sanitizer {
    /// Its name in logs and errors.
    pub(crate) name: String,
    /// The component: `bundled:redact`, `bundled:spill`, or the path of a `.wasm` file.
    pub(crate) component: String,
    /// The component's own configuration.
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    /// Whether what stood in an event before this sanitizer changed it is kept, sealed, up to 1 MiB of each.
    /// `pointsman runs reveal` shows it to a person; nothing else does.
    #[serde(default)]
    pub(crate) keep_originals: bool,
}

/// A component that judges requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// Its name in logs and reasons.
    pub(crate) name: String,
    /// The component: `bundled:rules`, or the path of a `.wasm` file.
    pub(crate) component: String,
    /// What it judges by: a set that ships (`bundled:careful`, `bundled:read-only`, `bundled:team`, `bundled:open`), or
    /// the path of a file. This or `inline`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rules: Option<String>,
    /// What it judges by, as text that stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inline: Option<String>,
    /// What counts if this module fails, if not what `[policy]` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<OnFailure>,
}

/// How policies are asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicyChain {
    /// What counts if a module fails: it traps, runs out of time, or answers nonsense. It never allows.
    pub(crate) on_failure: OnFailure,
}

/// What counts if a module fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// A person is asked.
    #[default]
    Ask,
    /// No.
    Deny,
}

/// Bounds of every run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Runs {
    /// Folders in which runs may work; the careful rules ask about any other. Empty: anywhere.
    pub(crate) roots: Vec<PathBuf>,
    /// Folder of your profiles: a profile named NAME is its NAME.md. By default the folder `profiles` beside the
    /// configuration in your configuration folder, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profiles: Option<PathBuf>,
    /// Folders from which profiles may be read by their path, besides a run's own working directory.
    pub(crate) profile_roots: Vec<PathBuf>,
    /// How many runs may be live at once; more stay queued.
    #[schemars(range(min = 1, max = 10_000))]
    pub(crate) live: usize,
    /// How often an agent whose answer breaks its output_schema is told so and asked again.
    #[schemars(range(max = 10))]
    pub(crate) corrective_turns: u32,
    /// How long an agent is given after each of interrupt and terminate before the next, harder step.
    pub(crate) stop_grace: TextDuration,
    /// How long a question to a person stays open, if no rule says otherwise.
    pub(crate) approval_ttl: TextDuration,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            profiles: None,
            profile_roots: Vec::new(),
            live: 64,
            corrective_turns: 1,
            stop_grace: TextDuration::from_secs(3),
            approval_ttl: TextDuration::from_secs(24 * 3600),
        }
    }
}

/// Questions to people. How long they stay open is `runs.approval_ttl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Approvals {
    /// How far in time an answer may reach that covers the same request again.
    pub(crate) longest_session: TextDuration,
    /// Which MCP clients are asked.
    pub(crate) elicitation: Elicitation,
    /// A receiver that is told of questions, with links by which whoever has them answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<Webhook>,
}

impl Default for Approvals {
    fn default() -> Self {
        Self {
            longest_session: TextDuration::from_secs(8 * 3600),
            elicitation: Elicitation::default(),
            webhook: None,
        }
    }
}

/// How long calls may wait for news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Waits {
    /// How long, if the caller does not say.
    pub(crate) default: TextDuration,
    /// How long at most, whatever the caller says. Left out: as long as suits the client that calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most: Option<TextDuration>,
}

impl Default for Waits {
    fn default() -> Self {
        Self { default: TextDuration::from_secs(40), most: None }
    }
}

/// What is written to standard error. `RUST_LOG` wins over it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// What is worth a line: `error`, `warn`, `info`, `debug` or `trace`, also per part (`warn,pointsman_engine=debug`).
    pub(crate) level: String,
    /// As text for people, or as JSON for machines.
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_owned(), format: LogFormat::Text }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines, one object a line.
    Json,
}
