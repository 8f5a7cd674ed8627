//! Runs: one task given to one agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Access, ApprovalId, Digest, Failure, Limits, Message, Principal, RemoteRef, Rights, RunId, SessionId,
    Status, Timestamp, Usage,
};

/// What kind of work a run does: a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Thinks ahead.
    Planner,
    /// Does the work.
    Worker,
    /// Looks at what was done.
    Reviewer,
}

impl Role {
    /// Gives the word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Worker => "worker",
            Self::Reviewer => "reviewer",
        }
    }
}

/// Whether a run opens a session or goes on with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionMode {
    /// A new session.
    New,
    /// An earlier one.
    Resume,
}

/// What was asked of a run: everything that starting it, now or after a restart, takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    /// The backend that drives it.
    pub backend: String,
    /// The label.
    pub role: Role,
    /// Absolute, without symbolic links.
    pub cwd: String,
    /// New session or an earlier one.
    pub session_mode: SessionMode,
    /// What is said to the agent.
    pub message: Message,
    /// Where the profile was read from, and its text.
    pub profile: Option<(String, String)>,
    /// JSON Schema of the final answer.
    pub output_schema: Option<Value>,
    /// The caller's own.
    pub metadata: Map<String, Value>,
    /// How much the agent may touch.
    pub access: Access,
    /// The run that this one goes on from.
    pub resumed_from: Option<RunId>,
    /// Who asked for it, from the root; the run itself is not in it.
    pub chain: Vec<Principal>,
    /// The digest of the plugin that drives it.
    pub plugin: Option<Digest>,
    /// The caller's key against starting the same work twice.
    pub idempotency_key: Option<String>,
    /// The version of the client at the root, if it said one.
    #[serde(default)]
    pub client_version: Option<String>,
    /// What it may have others do. Without an access of its own, it may give what it has itself.
    #[serde(default, skip_serializing_if = "Rights::is_unbounded")]
    pub delegable: Rights,
    /// What was granted to it, and to everything that it launches.
    #[serde(default, skip_serializing_if = "Limits::is_unlimited")]
    pub budget: Limits,
}

/// What keeps a run's processes in check, as it really is on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supervision {
    /// How the whole tree of processes is found: `subreaper` or `process_group`.
    pub process_tree: String,
    /// What ends the tree when the host dies: `supervisor` or `none`.
    pub host_death: String,
}

/// Who must act before a run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingFor {
    /// The question.
    pub approval_id: ApprovalId,
    /// Why it is asked.
    pub reason: String,
    /// The rule that asks.
    pub rule: Option<String>,
    /// When it lapses.
    pub expires_at: Timestamp,
    /// The line that a person types to answer.
    pub how: String,
}

/// What is known of a run. The answer of `get_run`, and one element of `list_runs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The run.
    pub run_id: RunId,
    /// The backend that drives it.
    pub backend: String,
    /// The label.
    pub role: Role,
    /// Its session.
    pub session_id: SessionId,
    /// The session's name.
    pub agent_name: String,
    /// What it is doing.
    pub status: Status,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// When anything last happened to it.
    pub updated_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// One line about its newest event.
    pub summary: String,
    /// The number of its newest event.
    pub last_seq: u64,
    /// Where it works.
    pub cwd: String,
    /// The caller's own.
    pub metadata: Map<String, Value>,
    /// What identifies it at its provider.
    pub remote_ref: Option<RemoteRef>,
    /// How much it may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The agent's last word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_response: Option<String>,
    /// The answer that the output schema asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_output: Option<Value>,
    /// What was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why it did not end well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// Who must act before it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<WaitingFor>,
    /// The run that it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from_run_id: Option<RunId>,
    /// What keeps its processes in check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervision: Option<Supervision>,
    /// Fields that were shortened to keep the answer small; `get_run` with a larger `max_bytes` gives them whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<String>,
}
