//! Launching, reading, ending and continuing runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Access, Message, Role, RunId, RunRecord, SessionId, SessionMode, Status, Timestamp};

/// Names a run by its id, or by the name of its agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name: means its newest run that is not over, else its newest.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name to one working directory.
    #[serde(default)]
    pub cwd: Option<String>,
}

/// Input of `spawn_run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpawnRun {
    /// Which kind of agent: codex, or another backend that the operator set up. Needed unless profile says it.
    #[serde(default)]
    pub backend: Option<String>,
    /// What kind of work: a label. Default worker.
    #[serde(default)]
    pub role: Option<Role>,
    /// Absolute path of an existing directory to work in.
    pub cwd: String,
    /// new, or resume with session_id.
    pub session_mode: SessionMode,
    /// What to do. This or input_message.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub prompt: Option<String>,
    /// What to do, as a message with parts.
    #[serde(default)]
    pub input_message: Option<Message>,
    /// The session to resume.
    #[serde(default)]
    pub session_id: Option<String>,
    /// A name for a new session, unique in cwd; else agentN.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub nickname: Option<String>,
    /// Instructs the agent: a name, such as reviewer, or a file below cwd or a profile root of the operator's.
    #[serde(default)]
    pub profile: Option<String>,
    /// JSON Schema that the final answer must satisfy.
    #[serde(default)]
    pub output_schema: Option<Map<String, Value>>,
    /// Your own; given back by get_run.
    #[serde(default)]
    pub metadata: Option<Map<String, Value>>,
    /// The backend's own settings for this run.
    #[serde(default)]
    pub backend_config: Option<Map<String, Value>>,
    /// How much the agent may touch; policy may ask a person. Default workspace-write.
    #[serde(default)]
    pub access: Option<Access>,
    /// The same key again gives back the first run instead of starting another.
    #[serde(default)]
    #[schemars(length(min = 1, max = 256))]
    pub idempotency_key: Option<String>,
}

/// Output of `spawn_run`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpawnedRun {
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
    /// `queued`, `approval_required` or `rejected`.
    pub status: Status,
    /// True if the idempotency key was known and this is the first run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub existing: bool,
    /// What a person must do, or why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Input of `get_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetRun {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name.
    #[serde(default)]
    pub cwd: Option<String>,
    /// How large the answer may be, in bytes of JSON. Default 8192.
    #[serde(default)]
    #[schemars(range(min = 1024, max = 40000))]
    pub max_bytes: Option<u32>,
}

/// Input of `list_runs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListRuns {
    /// Only runs with this status.
    #[serde(default)]
    pub status: Option<Status>,
    /// Only runs of this backend.
    #[serde(default)]
    pub backend: Option<String>,
    /// Only runs in this working directory.
    #[serde(default)]
    pub cwd: Option<String>,
    /// At most so many, 1 to 1000. Default 50.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// next_cursor of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How large the answer may be, in bytes of JSON. Default 8192.
    #[serde(default)]
    #[schemars(range(min = 1024, max = 40000))]
    pub max_bytes: Option<u32>,
}

/// Output of `list_runs`: newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListedRuns {
    /// The runs, without their results.
    pub runs: Vec<RunRecord>,
    /// How many there are in all pages.
    pub total: u64,
    /// True if there are more.
    pub truncated: bool,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Input of `cancel_run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelRun {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name.
    #[serde(default)]
    pub cwd: Option<String>,
}

/// Output of `cancel_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelledRun {
    /// The run.
    pub run_id: RunId,
    /// `cancelled`.
    pub status: Status,
    /// When it was cancelled.
    pub cancelled_at: Timestamp,
}

/// Input of `continue_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContinueRun {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name.
    #[serde(default)]
    pub cwd: Option<String>,
    /// What is said to the agent. A data part that maps ids to answers answers detail.questions of input_required.
    pub input_message: Message,
}

/// How a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContinueMode {
    /// The same run takes the message.
    Live,
    /// A new run of the same session does.
    Resume,
}

/// Output of `continue_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContinuedRun {
    /// The run that goes on: the same, or a new one.
    pub run_id: RunId,
    /// What it is doing.
    pub status: Status,
    /// Its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The session's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// How it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ContinueMode>,
    /// The run that it goes on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_from_run_id: Option<RunId>,
    /// What a person must do, or why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

names_a_run!(GetRun, CancelRun, ContinueRun);
