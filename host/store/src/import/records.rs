//! Reading `run.json`, `result.json` and `sessions/<id>.json`, in which any field may be missing or odd.

use cap_std::fs::Dir;
use pointsman_model::{
    Access, Event, EventKind, Failure, Message, RemoteRef, Role, RunId, RunRecord, RunSpec, SessionId,
    SessionMode, SessionRecord, Speaker, Status, Timestamp, Usage, reason,
};
use serde_json::{Map, Value, json};

use super::{open_dir, read_json};
use crate::write::SpilledRow;

/// A run on its way in.
pub(super) struct FoundRun {
    pub(super) record: RunRecord,
    pub(super) spec: RunSpec,
    pub(super) session: SessionRecord,
    pub(super) events: Vec<Event>,
    pub(super) spilled: Vec<SpilledRow>,
    /// How much there is to write, more or less.
    pub(super) bytes: usize,
}

fn text(of: &Value, key: &str) -> Option<String> {
    of.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn time(of: &Value, key: &str) -> Option<Timestamp> {
    of.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok())
}

fn object(of: &Value, key: &str) -> Map<String, Value> {
    of.get(key).and_then(Value::as_object).cloned().unwrap_or_default()
}

/// Reads what is known of a run. Its working directory is where it was found, whatever it says.
pub(super) fn read_run(
    dir: &Dir,
    run_id: RunId,
    cwd: &str,
    notes: &mut Vec<String>,
) -> Result<FoundRun, String> {
    let run = read_json(dir, "run.json", notes)?;
    if text(&run, "runId").is_some_and(|id| id != run_id.to_string()) {
        return Err("run.json is another run's".to_owned());
    }
    let session_id: SessionId = text(&run, "sessionId")
        .unwrap_or_default()
        .parse()
        .map_err(|_| "run.json has no sessionId".to_owned())?;
    if text(&run, "cwd").is_some_and(|said| crate::read::normalised(&said) != cwd) {
        notes.push("it says that it worked in another directory than that in which it was found".to_owned());
    }
    let backend = text(&run, "backend").ok_or("run.json has no backend")?;
    let role =
        run.get("role").and_then(|role| serde_json::from_value(role.clone()).ok()).unwrap_or(Role::Worker);
    let status = text(&run, "status").and_then(|word| Status::from_word(&word));
    let started_at = time(&run, "startedAt").unwrap_or(Timestamp::from_millis(0));
    let updated_at = time(&run, "updatedAt").unwrap_or(started_at);
    let agent_name = text(&run, "agentName").unwrap_or_default();
    let metadata = object(&run, "metadata");
    let remote_ref = read_remote_ref(&run, &backend);
    let mut record = RunRecord {
        run_id,
        backend: backend.clone(),
        role,
        session_id,
        agent_name: agent_name.clone(),
        // A run without a status is taken for one that was not over.
        status: status.unwrap_or(Status::Running),
        started_at,
        updated_at,
        completed_at: time(&run, "completedAt"),
        summary: text(&run, "summary").unwrap_or_default(),
        last_seq: 0,
        cwd: cwd.to_owned(),
        metadata: metadata.clone(),
        remote_ref: remote_ref.clone(),
        access: None,
        final_response: None,
        structured_output: None,
        usage: None,
        error: text(&run, "error").map(|message| Failure { reason: "imported".to_owned(), message }),
        waiting_for: None,
        resumed_from_run_id: text(&run, "resumedFromRunId")
            .or_else(|| metadata.get("resumed_from_run_id").and_then(Value::as_str).map(str::to_owned))
            .and_then(|id| id.parse().ok()),
        supervision: None,
        truncated: Vec::new(),
    };
    // The file of its own is written last and whole; `run.json` may have been torn before.
    let result = match read_json(dir, "result.json", notes) {
        Ok(result) if result.is_object() => result,
        _ => run.get("result").cloned().unwrap_or_default(),
    };
    record.final_response = text(&result, "finalResponse");
    record.structured_output = result.get("structuredOutput").filter(|output| !output.is_null()).cloned();
    record.usage = read_usage(&result);
    let spec = RunSpec {
        backend: backend.clone(),
        role,
        cwd: cwd.to_owned(),
        session_mode: SessionMode::New,
        message: Message::text(Speaker::User, text(&run, "prompt").unwrap_or_default()),
        profile: None,
        output_schema: None,
        metadata,
        // What it may have been allowed is not known; what goes on from it begins with the least.
        access: Access::ReadOnly,
        resumed_from: record.resumed_from_run_id,
        chain: Vec::new(),
        plugin: None,
        idempotency_key: None,
        client_version: None,
        delegable: pointsman_model::Rights::default(),
        budget: pointsman_model::Limits::default(),
    };
    let session = SessionRecord {
        session_id,
        agent_name,
        cwd: cwd.to_owned(),
        backend,
        remembered: None,
        remote_ref,
        created_at: started_at,
        updated_at,
    };
    Ok(FoundRun { record, spec, session, events: Vec::new(), spilled: Vec::new(), bytes: 4096 })
}

/// Reads the session's own file over what the run says of it. What it says of its directory is not believed.
pub(super) fn read_session(folder: &Dir, found: &mut FoundRun, notes: &mut Vec<String>) {
    let name = format!("{}.json", found.session.session_id);
    let said = open_dir(folder, "sessions").map_err(|error| error.to_string());
    match said.and_then(|sessions| read_json(&sessions, &name, notes)) {
        Ok(said) => {
            let session = &mut found.session;
            if text(&said, "backend").is_some_and(|backend| backend != session.backend) {
                notes.push("its session says that it is bound to another backend".to_owned());
                return;
            }
            session.agent_name = text(&said, "agentName").unwrap_or_else(|| session.agent_name.clone());
            session.created_at = time(&said, "createdAt").unwrap_or(session.created_at);
            session.updated_at = time(&said, "updatedAt").unwrap_or(session.updated_at);
            session.remote_ref = read_remote_ref(&said, &session.backend).or(session.remote_ref.take());
        }
        Err(reason) => notes.push(format!("its session could not be read: {reason}")),
    }
}

/// Reads what identifies something at its provider, in either of the two ways in which it was written.
fn read_remote_ref(of: &Value, backend: &str) -> Option<RemoteRef> {
    let said = of.get("remoteRef").filter(|said| said.is_object()).cloned().unwrap_or_else(|| json!({}));
    let either = |camel: &str, snake: &str| text(&said, camel).or_else(|| text(&said, snake));
    let remote = RemoteRef {
        provider: backend.to_owned(),
        conversation_id: either("conversationId", "conversation_id").or_else(|| text(of, "backendSessionId")),
        task_id: either("taskId", "task_id"),
        context_id: either("contextId", "context_id"),
        agent_url: either("agentUrl", "agent_url"),
        agent_name: either("agentName", "agent_name"),
        metadata: said.get("metadata").and_then(Value::as_object).cloned(),
    };
    let ids =
        [&remote.conversation_id, &remote.task_id, &remote.context_id, &remote.agent_url, &remote.agent_name];
    let says_anything = ids.into_iter().any(Option::is_some);
    says_anything.then_some(remote)
}

fn read_usage(result: &Value) -> Option<Usage> {
    let usage = result.get("usage").filter(|usage| usage.is_object())?;
    let number = |keys: [&str; 2]| keys.iter().find_map(|key| usage.get(key)?.as_u64()).unwrap_or(0);
    Some(Usage {
        input_tokens: number(["input_tokens", "inputTokens"]),
        cached_input_tokens: number(["cached_input_tokens", "cachedInputTokens"]),
        output_tokens: number(["output_tokens", "outputTokens"]),
        cost_micro_usd: None,
    })
}

/// Ends a run that was not over, and puts the event that ends it last.
pub(super) fn settle(found: &mut FoundRun, notes: &mut Vec<String>) {
    let FoundRun { record, events, .. } = found;
    let last = events.last();
    let already = last.is_some_and(|last| match record.status {
        Status::Completed => last.kind == EventKind::RUN_COMPLETED,
        Status::Failed => last.kind == EventKind::RUN_FAILED,
        Status::Rejected => last.kind == EventKind::REJECTED,
        status => status.is_terminal() && last.data.get("status") == Some(&json!(status.as_str())),
    });
    if !already {
        let (kind, data) = if record.status.is_terminal() {
            notes.push("nothing at its end said that it was over; an event that does was added".to_owned());
            (EventKind::STATUS_CHANGED, json!({"status": record.status, "reason": "imported"}))
        } else {
            let message = format!("the run was {} when its server ended", record.status);
            notes.push(format!("it was {} and is failed", record.status));
            record.status = Status::Failed;
            record.summary = format!("Run failed: {message}");
            record.error =
                Some(Failure { reason: reason::HOST_RESTARTED.to_owned(), message: message.clone() });
            (EventKind::RUN_FAILED, json!({"message": message, "reason": reason::HOST_RESTARTED}))
        };
        events.push(Event {
            seq: events.len() as u64 + 1,
            ts: record.updated_at,
            run_id: record.run_id,
            session_id: record.session_id,
            backend: record.backend.clone(),
            kind,
            data: data.as_object().cloned().unwrap_or_default(),
        });
    }
    record.last_seq = events.len() as u64;
    record.completed_at = record.completed_at.or(Some(record.updated_at));
}
