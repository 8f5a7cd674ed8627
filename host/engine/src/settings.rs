//! What an operator decides, parsed and checked: the command line makes it from `pointsman.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pointsman_audit::{Keep, Options};
use pointsman_capabilities::process::{Programs, SupervisorCommand};
use pointsman_capabilities::request::Origins;
use pointsman_capabilities::secret::Secrets;
use pointsman_model::{Digest, Grant, Principal};
use pointsman_store::StateKey;
use serde_json::Value;

use crate::{Budgets, Clock, Profiles, RoleRights};

/// Where a component's bytes come from.
#[derive(Debug, Clone)]
pub enum ComponentSource {
    /// Inside the program.
    Bundled(&'static [u8]),
    /// A file.
    File(PathBuf),
}

/// One backend.
#[derive(Debug, Clone)]
pub struct BackendSettings {
    /// The component that drives it.
    pub component: ComponentSource,
    /// The operator's configuration of it; `backend_config` of a spawn is merged over it where allowed.
    pub config: Value,
    /// Which of its keys a caller may set by `backend_config`. Anything else is an error that names these.
    pub caller_may_set: Vec<String>,
    /// What it is given.
    pub grants: Vec<Grant>,
}

/// One sanitizer of the chain.
#[derive(Debug, Clone)]
pub struct SanitizerSettings {
    /// Its name.
    pub name: String,
    /// Where it stands in the operator's document: `sanitizers[0]`.
    pub key: String,
    /// The component.
    pub component: ComponentSource,
    /// Its configuration.
    pub config: Value,
    /// Whether this very pair of component and configuration ships with the program, whose tests have read it. Any
    /// other is read when the host starts, so that a mistake in it stops the start.
    pub vetted: bool,
    /// Whether what stood in an event before this sanitizer changed it is kept, sealed. The sanitizer never knows.
    pub keep_originals: bool,
}

/// One policy module of the chain.
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// Its name.
    pub name: String,
    /// The component.
    pub component: ComponentSource,
    /// Its configuration as text: what the module's `load` reads.
    pub config: String,
    /// The file that the text was read from: what is written there later takes its place, without a restart.
    pub file: Option<PathBuf>,
    /// What counts if the module fails.
    pub on_failure: OnFailure,
    /// Whether this very pair of component and configuration ships with the program, whose tests have read it. Any
    /// other is read when the host starts, so that a mistake in it stops the start.
    pub vetted: bool,
}

/// What counts if a policy module fails: it traps, runs out of time or fuel, or answers nonsense. It never allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// A person is asked.
    #[default]
    Ask,
    /// No.
    Deny,
}

/// How long a call may wait.
#[derive(Debug, Clone, Copy)]
pub struct WaitLimits {
    /// If the caller does not say.
    pub default: Duration,
    /// At most, whatever the caller says; `None` for what suits the client.
    pub most: Option<Duration>,
}

/// What becomes of something that cannot be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFailure {
    /// It does not happen.
    Refuse,
    /// It happens all the same, and the log says so.
    Warn,
}

/// How the audit log is kept.
#[derive(Debug, Clone)]
pub struct AuditSettings {
    /// Its files.
    pub options: Options,
    /// What becomes of something that cannot be recorded.
    pub on_failure: AuditFailure,
    /// Digest of the configuration that these settings were made of.
    pub config: Option<Digest>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            options: Options { rotate: 16 << 20, keep: Keep::Forever },
            on_failure: AuditFailure::Refuse,
            config: None,
        }
    }
}

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the journal, the artifacts and the component cache. Only its owner may enter it.
    pub state: PathBuf,
    /// The key that the journal is encrypted with, if it is.
    pub key: Option<StateKey>,
    /// Who stands above this host's clients, if an agent of another run started it: from the root. Else empty.
    pub ancestors: Vec<Principal>,
    /// The program and arguments that supervise a child process: this very program, told to do so.
    pub supervisor: SupervisorCommand,
    /// Programs that plugins may start.
    pub programs: Arc<Programs>,
    /// Origins that plugins may send requests to.
    pub origins: Origins,
    /// Secrets by name: where to read them when they are needed, never their values.
    pub secrets: Secrets,
    /// Backends by name.
    pub backends: BTreeMap<String, BackendSettings>,
    /// Sanitizers, first to last.
    pub sanitizers: Vec<SanitizerSettings>,
    /// Policy modules.
    pub policies: Vec<PolicySettings>,
    /// What counts if the chain of modules cannot be loaded at all.
    pub on_policy_failure: OnFailure,
    /// Folders in which runs may work without asking; a fact for policies. Empty: anywhere.
    pub roots: Vec<PathBuf>,
    /// Where profiles may be read, besides a run's own working directory.
    pub profiles: Profiles,
    /// Whether `<cwd>/.nanobot-orchestrator/` is written.
    pub run_folders: bool,
    /// How long calls may wait.
    pub waits: WaitLimits,
    /// How long each of interrupt, terminate and kill is given before the next.
    pub stop_grace: Duration,
    /// How long a question to a person stays open if no rule says otherwise.
    pub approval_ttl: Duration,
    /// How often an agent whose answer breaks its schema is told so and asked again.
    pub corrective_turns: u32,
    /// How far in time an answer to a question may reach.
    pub longest_session: Duration,
    /// Runs that may be live at once; more stay queued.
    pub live_runs: usize,
    /// How the audit log is kept.
    pub audit: AuditSettings,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// How agents reach this host, and which backends' agents are handed that.
    pub entry: Option<Entry>,
    /// What becomes of the runs that an agent launched when its own ends.
    pub orphans: Orphans,
    /// What the runs of a role, and `client`, may do and have done.
    pub rights: BTreeMap<String, RoleRights>,
    /// What runs may use.
    pub budgets: Budgets,
}

/// How agents reach this host, and which backends' agents are handed that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The program.
    pub command: String,
    /// Its arguments, but for the host's id.
    pub args: Vec<String>,
    /// The backends.
    pub backends: BTreeSet<String>,
    /// The tools that it has: each of their calls is judged itself.
    pub tools: BTreeSet<String>,
}

/// What becomes of the runs that an agent launched when its own ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Orphans {
    /// They are cancelled.
    #[default]
    Cancel,
    /// They go on, unless their parent was cancelled.
    Keep,
}
