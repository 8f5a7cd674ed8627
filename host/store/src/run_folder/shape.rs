//! What stands in the files: the fields of the server before this one, in camel case, in its order.

use pointsman_model::{
    RemoteRef, Role, RunId, RunRecord, RunSpec, SessionId, SessionRecord, Status, Timestamp, Usage,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// `run.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunFile<'a> {
    run_id: RunId,
    backend: &'a str,
    role: Role,
    session_id: SessionId,
    agent_name: &'a str,
    status: Status,
    cwd: &'a str,
    prompt: String,
    profile: Option<&'a str>,
    metadata: &'a Map<String, Value>,
    remote_ref: Option<RemoteRefFile<'a>>,
    started_at: Timestamp,
    updated_at: Timestamp,
    completed_at: Option<Timestamp>,
    last_seq: u64,
    summary: &'a str,
    result: Option<ResultFields<'a>>,
    error: Option<&'a str>,
}

impl<'a> RunFile<'a> {
    pub(super) fn of(record: &'a RunRecord, spec: &'a RunSpec) -> Self {
        Self {
            run_id: record.run_id,
            backend: &record.backend,
            role: record.role,
            session_id: record.session_id,
            agent_name: &record.agent_name,
            status: record.status,
            cwd: &record.cwd,
            prompt: spec.message.plain_text(),
            profile: spec.profile.as_ref().map(|(path, _)| path.as_str()),
            metadata: &record.metadata,
            remote_ref: record.remote_ref.as_ref().map(RemoteRefFile::of),
            started_at: record.started_at,
            updated_at: record.updated_at,
            completed_at: record.completed_at,
            last_seq: record.last_seq,
            summary: &record.summary,
            result: ResultFile::of(record).0,
            error: record.error.as_ref().map(|failure| failure.message.as_str()),
        }
    }
}

/// `result.json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct ResultFile<'a>(Option<ResultFields<'a>>);

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultFields<'a> {
    final_response: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    structured_output: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

impl<'a> ResultFile<'a> {
    pub(super) fn of(record: &'a RunRecord) -> Self {
        let fields = ResultFields {
            final_response: record.final_response.as_deref(),
            structured_output: record.structured_output.as_ref(),
            usage: record.usage,
        };
        let any =
            fields.final_response.is_some() || fields.structured_output.is_some() || fields.usage.is_some();
        Self((any || record.status == Status::Completed).then_some(fields))
    }
}

/// `sessions/<session_id>.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionFile<'a> {
    session_id: SessionId,
    backend: &'a str,
    cwd: &'a str,
    agent_name: &'a str,
    backend_session_id: Option<&'a str>,
    remote_ref: Option<RemoteRefFile<'a>>,
    created_at: Timestamp,
    updated_at: Timestamp,
    metadata: Map<String, Value>,
}

impl<'a> SessionFile<'a> {
    pub(super) fn of(session: &'a SessionRecord) -> Self {
        let remote = session.remote_ref.as_ref();
        Self {
            session_id: session.session_id,
            backend: &session.backend,
            cwd: &session.cwd,
            agent_name: &session.agent_name,
            backend_session_id: remote
                .and_then(|remote| remote.conversation_id.as_deref().or(remote.context_id.as_deref())),
            remote_ref: remote.map(RemoteRefFile::of),
            created_at: session.created_at,
            updated_at: session.updated_at,
            metadata: Map::new(),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RemoteRefFile<'a> {
    provider: &'a str,
    conversation_id: Option<&'a str>,
    task_id: Option<&'a str>,
    context_id: Option<&'a str>,
    agent_url: Option<&'a str>,
    agent_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Map<String, Value>>,
}

impl<'a> RemoteRefFile<'a> {
    fn of(remote: &'a RemoteRef) -> Self {
        Self {
            provider: &remote.provider,
            conversation_id: remote.conversation_id.as_deref(),
            task_id: remote.task_id.as_deref(),
            context_id: remote.context_id.as_deref(),
            agent_url: remote.agent_url.as_deref(),
            agent_name: remote.agent_name.as_deref(),
            metadata: remote.metadata.as_ref(),
        }
    }
}

/// Makes a pointer fit for a file's name: `/result/content` becomes `result.content`.
pub(super) fn chunk_stem(pointer: &str) -> String {
    let plain = |c: char| match c {
        '/' => '.',
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        _ => '_',
    };
    // Never a hidden file, and short enough for every file system.
    let stem: String = pointer.trim_start_matches('/').chars().map(plain).take(100).collect();
    if stem.is_empty() || stem.starts_with('.') { format!("_{stem}") } else { stem }
}

/// Gives the ending of the files that hold a value.
pub(super) fn extension(mime: &str) -> &'static str {
    if mime == "application/json" { "json" } else { "txt" }
}
