//! A host that does what a test says.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use pointsman_engine::{Client, Error, PublishedFilter, PublishedPage};
use pointsman_model::calls::{
    CancelledRun, ContinueMode, ContinueRun, ContinuedRun, EventPage, PollEvents, RunRef, SpawnRun,
    SpawnedRun,
};
use pointsman_model::plugin::Feature;
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Event, EventKind, Message, Role, RunId, RunRecord,
    Scope, SessionId, SessionMode, Status, Timestamp,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::calls::Calls;

#[derive(Default)]
struct Runs {
    records: BTreeMap<RunId, RunRecord>,
    first: BTreeMap<RunId, Message>,
    events: BTreeMap<RunId, Vec<Event>>,
    approvals: BTreeMap<ApprovalId, Approval>,
    /// Values that were moved out of events.
    moved: BTreeMap<(u64, String), String>,
    order: Vec<RunId>,
}

/// A host whose runs tell what a test says. Whatever the first message says that looks like JSON is told at once: a list
/// of `[kind, data]`.
pub(super) struct Fake {
    runs: Mutex<Runs>,
    change: watch::Sender<u64>,
    /// What was asked of it, as text.
    pub(super) asked: Mutex<Vec<String>>,
    pub(super) features: Mutex<Vec<Feature>>,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            runs: Mutex::default(),
            change: watch::channel(0).0,
            asked: Mutex::default(),
            features: Mutex::new(vec![Feature::Resume]),
        }
    }
}

pub(super) fn run_id(n: u8) -> RunId {
    RunId::from_random([n; 16])
}

fn at(n: u64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + n)
}

impl Fake {
    fn runs(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap()
    }

    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    pub(super) fn newest(&self) -> RunId {
        *self.runs().order.last().expect("a run was spawned")
    }

    /// Waits until a run has been spawned after another one.
    pub(super) async fn next_run(&self, before: Option<RunId>) -> RunId {
        let mut changes = self.change.subscribe();
        loop {
            changes.mark_unchanged();
            let newest = self.runs().order.last().copied();
            match newest {
                Some(newest) if Some(newest) != before => return newest,
                _ => changes.changed().await.unwrap(),
            }
        }
    }

    /// A run tells something.
    pub(super) fn tell(&self, run: RunId, kind: &str, data: Value) {
        let mut runs = self.runs();
        let seq = runs.events[&run].len() as u64 + 1;
        let record = runs.records.get_mut(&run).unwrap();
        record.last_seq = seq;
        record.updated_at = at(seq);
        let word = match kind {
            "run_started" => "running",
            "run_completed" => "completed",
            "run_failed" => "failed",
            "status_changed" => data["status"].as_str().unwrap(),
            "approval_resolved" => "running",
            "input_required" | "auth_required" | "approval_required" | "rejected" => kind,
            _ => record.status.as_str(),
        };
        record.status = Status::from_word(word).unwrap();
        let event = Event {
            seq,
            ts: at(seq),
            run_id: run,
            session_id: record.session_id,
            backend: "script".to_owned(),
            kind: EventKind::try_from(kind.to_owned()).unwrap(),
            data: data.as_object().unwrap().clone(),
        };
        runs.events.get_mut(&run).unwrap().push(event);
        drop(runs);
        self.change.send_modify(|change| *change += 1);
    }

    /// A run asks a person.
    pub(super) fn ask(&self, run: RunId, n: u8, editable: bool) -> Approval {
        let approval = Approval {
            approval_id: ApprovalId::from_random([n; 16]),
            run_id: run,
            action: "permission".to_owned(),
            chain: Vec::new(),
            detail: json!({"kind": "command", "title": "Run a command", "detail": {"command": format!("git push {n}")}}),
            editable,
            digest: Digest::of(&[n]),
            rule: None,
            reason: "pushing is confirmed".to_owned(),
            asked_at: at(0),
            expires_at: at(60_000),
            state: ApprovalState::Pending,
            settled_at: None,
            settled_by: None,
            feedback: None,
            scope: Scope::Once,
            standing: None,
            uses: 0,
            used_at: None,
            superseded_by: None,
            revoked: None,
        };
        self.runs().approvals.insert(approval.approval_id, approval.clone());
        self.tell(run, "approval_required", json!({"approval_id": approval.approval_id}));
        approval
    }

    /// Moves a text out of the next event of a run.
    pub(super) fn move_out(&self, run: RunId, pointer: &str, text: &str) {
        let seq = self.runs().events[&run].len() as u64 + 1;
        self.runs().moved.insert((seq, pointer.to_owned()), text.to_owned());
    }

    fn find(&self, run: &RunRef) -> Result<RunRecord, Error> {
        let id = run.run_id.clone().unwrap_or_default();
        let unknown = || Error::UnknownRun(id.clone());
        let id: RunId = id.parse().map_err(|_| unknown())?;
        self.runs().records.get(&id).cloned().ok_or_else(unknown)
    }
}

impl Calls for Fake {
    async fn spawn_run(&self, client: &Client, call: SpawnRun) -> Result<SpawnedRun, Error> {
        self.note(format!("spawn {} {:?} {}", client.name, call.session_mode, call.cwd));
        let message = call.input_message.clone().unwrap();
        let mut runs = self.runs();
        let id = run_id(runs.order.len() as u8 + 1);
        let session_id = match call.session_mode {
            SessionMode::New => SessionId::from_random([runs.order.len() as u8 + 101; 16]),
            SessionMode::Resume => call.session_id.as_deref().unwrap().parse().unwrap(),
        };
        let record = RunRecord {
            run_id: id,
            backend: "script".to_owned(),
            role: Role::Worker,
            session_id,
            agent_name: "agent1".to_owned(),
            status: Status::Queued,
            started_at: at(0),
            updated_at: at(0),
            completed_at: None,
            summary: String::new(),
            last_seq: 0,
            cwd: call.cwd,
            metadata: call.metadata.unwrap_or_default(),
            remote_ref: None,
            access: call.access,
            final_response: None,
            structured_output: None,
            usage: None,
            error: None,
            waiting_for: None,
            resumed_from_run_id: None,
            supervision: None,
            truncated: Vec::new(),
        };
        runs.records.insert(id, record.clone());
        runs.events.insert(id, Vec::new());
        runs.order.push(id);
        runs.first.insert(id, message.clone());
        drop(runs);
        self.change.send_modify(|change| *change += 1);
        let script = serde_json::from_str::<Vec<(String, Value)>>(&message.plain_text()).unwrap_or_default();
        for (kind, data) in script {
            self.tell(id, &kind, data);
        }
        Ok(SpawnedRun {
            run_id: id,
            backend: record.backend,
            role: record.role,
            session_id,
            agent_name: record.agent_name,
            status: Status::Queued,
            existing: false,
            note: None,
        })
    }

    async fn continue_run(&self, client: &Client, call: ContinueRun) -> Result<ContinuedRun, Error> {
        let record = self.find(&call.run())?;
        if !matches!(record.status, Status::InputRequired | Status::AuthRequired) {
            return Err(Error::NotAwaitingInput(record.status));
        }
        self.note(format!("continue {} {}", client.name, call.input_message.plain_text()));
        let said = json!({"role": "user", "message": call.input_message, "reason": "continue_run"});
        self.tell(record.run_id, "message_added", said);
        self.tell(record.run_id, "status_changed", json!({"status": "running"}));
        Ok(ContinuedRun {
            run_id: record.run_id,
            status: Status::Running,
            session_id: None,
            agent_name: None,
            mode: Some(ContinueMode::Live),
            resumed_from_run_id: None,
            note: None,
        })
    }

    async fn cancel_run(&self, _client: &Client, run: &RunRef, reason: &str) -> Result<CancelledRun, Error> {
        let record = self.find(run)?;
        if record.status.is_terminal() {
            return Err(Error::AlreadyTerminal(record.status));
        }
        self.note(reason.to_owned());
        self.tell(record.run_id, "status_changed", json!({"status": "cancelled"}));
        Ok(CancelledRun { run_id: record.run_id, status: Status::Cancelled, cancelled_at: at(0) })
    }

    async fn get_run(&self, run: &RunRef) -> Result<RunRecord, Error> {
        self.find(run)
    }

    async fn poll_events(&self, call: &PollEvents) -> Result<EventPage, Error> {
        let mut changes = self.change.subscribe();
        loop {
            changes.mark_unchanged();
            let record = self.find(&call.run())?;
            let all = self.runs().events[&record.run_id].clone();
            let events: Vec<Event> = all.into_iter().filter(|event| event.seq > call.after_seq).collect();
            if !events.is_empty() || record.status.is_terminal() || call.wait_ms == Some(0) {
                return Ok(EventPage {
                    run_id: record.run_id,
                    status: record.status,
                    next_after_seq: events.last().map_or(call.after_seq, |event| event.seq),
                    last_seq: record.last_seq,
                    truncated: false,
                    events,
                });
            }
            changes.changed().await.unwrap();
        }
    }

    async fn first_message(&self, run: RunId) -> Result<Message, Error> {
        Ok(self.runs().first[&run].clone())
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        Ok(self.runs().approvals.get(&id).cloned())
    }

    async fn answer_approval(
        &self,
        id: ApprovalId,
        _shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        self.note(format!("answer {by} {}", serde_json::to_string(&answer).unwrap()));
        let approval = self.runs().approvals[&id].clone();
        self.tell(approval.run_id, "approval_resolved", json!({"approval_id": id}));
        Ok(approval)
    }

    async fn moved_out(&self, _run: RunId, seq: u64, pointer: &str, _most: u64) -> Result<String, Error> {
        Ok(self.runs().moved[&(seq, pointer.to_owned())].clone())
    }

    async fn published_runs(
        &self,
        filter: PublishedFilter,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<PublishedPage, Error> {
        let skip = cursor.map(|text| text.parse::<usize>().map_err(|_| Error::Store("cursor".to_owned())));
        let skip = skip.transpose()?.unwrap_or(0);
        let runs = self.runs();
        let mine = |record: &&RunRecord| {
            let about = &record.metadata["a2a"];
            about["agent"] == filter.agent.as_str()
                && about["client"] == filter.client.as_str()
                && filter.context.as_ref().is_none_or(|context| about["context_id"] == context.as_str())
                && (filter.statuses.is_empty() || filter.statuses.contains(&record.status))
                && filter.changed_after.is_none_or(|moment| record.updated_at > moment)
        };
        let all: Vec<RunRecord> =
            runs.order.iter().rev().map(|id| &runs.records[id]).filter(mine).cloned().collect();
        let page: Vec<RunRecord> = all.iter().skip(skip).take(limit as usize).cloned().collect();
        let seen = skip + page.len();
        let next_cursor = (seen < all.len()).then(|| seen.to_string());
        Ok(PublishedPage { runs: page, total: all.len() as u64, next_cursor })
    }

    async fn newest_published_in(
        &self,
        agent: &str,
        client: &str,
        context: &str,
    ) -> Result<Option<RunRecord>, Error> {
        let filter = PublishedFilter {
            agent: agent.to_owned(),
            client: client.to_owned(),
            context: Some(context.to_owned()),
            ..PublishedFilter::default()
        };
        Ok(self.published_runs(filter, None, 1).await?.runs.pop())
    }

    async fn backend_features(&self, _backend: &str) -> Result<Vec<Feature>, Error> {
        Ok(self.features.lock().unwrap().clone())
    }

    async fn may_resume(&self, _session: SessionId) -> Result<bool, Error> {
        Ok(true)
    }
}
