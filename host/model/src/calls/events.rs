//! Following runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Event, RunId, Status, Timestamp};

/// Input of `poll_events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PollEvents {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Events after this number; 0 for all.
    pub after_seq: u64,
    /// At most so many events, 1 to 1000. Default 100.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<u32>,
    /// How long to wait for the first event, in milliseconds, 0 to 30000. Default 20000.
    #[serde(default)]
    #[schemars(range(min = 0, max = 30000))]
    pub wait_ms: Option<u32>,
    /// How large the answer may be, in bytes of JSON. Default 8192.
    #[serde(default)]
    #[schemars(range(min = 1024, max = 262_144))]
    pub max_bytes: Option<u32>,
}

/// Output of `poll_events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventPage {
    /// The run.
    pub run_id: RunId,
    /// What it is doing.
    pub status: Status,
    /// Events in order, none missing.
    pub events: Vec<Event>,
    /// Give this as after_seq next time.
    pub next_after_seq: u64,
    /// The number of the run's newest event.
    pub last_seq: u64,
    /// True if there are more events already.
    pub truncated: bool,
}

/// Input of `get_event_artifact`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetEventArtifact {
    /// The run's id. Wins over agent_name.
    #[serde(default)]
    pub run_id: Option<String>,
    /// An agent's name.
    #[serde(default)]
    pub agent_name: Option<String>,
    /// Narrows agent_name.
    #[serde(default)]
    pub cwd: Option<String>,
    /// The event.
    #[schemars(range(min = 1))]
    pub seq: u64,
    /// A key of the event's artifact_refs: a JSON Pointer into its data.
    pub field_path: String,
    /// Where to begin, in bytes. Default 0.
    #[serde(default)]
    pub offset: Option<u64>,
    /// At most so many bytes, 1 to 262144. Default 65536 as far as the answer's size allows.
    #[serde(default)]
    #[schemars(range(min = 1, max = 262_144))]
    pub limit: Option<u32>,
}

/// Output of `get_event_artifact`: a page that begins and ends on character boundaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactPage {
    /// The run.
    pub run_id: RunId,
    /// The event.
    pub seq: u64,
    /// The pointer.
    pub field_path: String,
    /// `text/plain` or `application/json`.
    pub mime: String,
    /// Always `utf-8`.
    pub encoding: String,
    /// The manifest's path in the run folder.
    pub relpath: String,
    /// The whole value's size.
    pub total_bytes: u64,
    /// Where this page really begins: at the given offset, or at the character that it falls into.
    pub offset: u64,
    /// This page's size. Add it to offset for the next page.
    pub returned_bytes: u64,
    /// True if there is more.
    pub has_more: bool,
    /// The page.
    pub content: String,
}

/// Whether to wait for one run or for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitMode {
    /// Until any run needs attention: it ended, or waits for input, authorization or approval.
    #[default]
    Any,
    /// Until every run does.
    All,
}

/// Input of `wait_for_runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitForRuns {
    /// Ids of runs; left out, every run that is not over.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub run_ids: Option<Vec<String>>,
    /// any or all. Default any.
    #[serde(default)]
    pub mode: Option<WaitMode>,
    /// next_cursor of the call before: only what changed since then counts and is returned.
    #[serde(default)]
    pub cursor: Option<String>,
    /// How long to wait, in milliseconds. Default and most are settings (40000 unless set).
    #[serde(default)]
    pub wait_ms: Option<u32>,
}

/// One run that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunChange {
    /// The run.
    pub run_id: RunId,
    /// Its agent.
    pub agent_name: String,
    /// What it is doing.
    pub status: Status,
    /// One line about its newest event.
    pub summary: String,
    /// The number of its newest event.
    pub last_seq: u64,
    /// When it changed.
    pub updated_at: Timestamp,
    /// True if it ended or waits for somebody.
    pub needs_attention: bool,
    /// The line that a person types, if the run waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// Output of `wait_for_runs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitOutcome {
    /// True if what was waited for has come; false if time ran out, which is no failure.
    pub done: bool,
    /// Runs that changed since the cursor, newest change last.
    pub changes: Vec<RunChange>,
    /// How many of the named runs are not over.
    pub still_running: u64,
    /// Give this as cursor next time.
    pub next_cursor: String,
    /// True if there were more changes than fit; the cursor goes on from there.
    pub truncated: bool,
}

names_a_run!(PollEvents, GetEventArtifact);
