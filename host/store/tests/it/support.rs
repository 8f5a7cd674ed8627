//! Runs to store, and a store to put them into.

use std::sync::atomic::{AtomicU64, Ordering};

use pointsman_model::{
    Access, Draft, Event, EventKind, HostId, Limits, Message, Rights, Role, RunId, RunRecord, RunSpec,
    SessionId, SessionMode, Speaker, Status, Timestamp,
};
use pointsman_store::{Commit, Creation, NewRun, SessionChoice, StateKey, Store};
use serde_json::{Map, Value, json};

/// A state folder that goes away with the test, and a host that is registered in it.
pub(crate) struct Fixture {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) host: HostId,
    key: Option<StateKey>,
    _lease: pointsman_store::HostLease,
}

impl Fixture {
    /// A state that is encrypted if `POINTSMAN_STORE_TEST_ENCRYPTED` is set: every test holds for both.
    pub(crate) fn new() -> Self {
        Self::with_key(std::env::var_os("POINTSMAN_STORE_TEST_ENCRYPTED").map(|_| state_key()))
    }

    pub(crate) fn encrypted() -> Self {
        Self::with_key(Some(state_key()))
    }

    pub(crate) fn plain() -> Self {
        Self::with_key(None)
    }

    fn with_key(key: Option<StateKey>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(&folder.path().join("state"), key.as_ref()).unwrap();
        let host = HostId::from_random(random());
        let lease = store.register_host(host).unwrap();
        Self { folder, store, host, key, _lease: lease }
    }

    /// Opens the same state as another process would.
    pub(crate) fn open_again(&self) -> Store {
        Store::open_with(&self.folder.path().join("state"), self.key.as_ref()).unwrap()
    }

    /// Ends the host and closes the state; gives the folder that it lies in.
    pub(crate) fn close(self) -> tempfile::TempDir {
        self.folder
    }

    pub(crate) async fn create(&self, new: NewRun) -> RunRecord {
        match self.store.create_run(new).await.unwrap() {
            Creation::Created(record) => record,
            Creation::Existing(record) => panic!("{} existed", record.run_id),
        }
    }

    /// Creates a run of a new session in `/work`.
    pub(crate) async fn run(&self) -> RunRecord {
        self.create(new_run(self.host, "/project")).await
    }
}

pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A moment later than any given before.
pub(crate) fn now() -> Timestamp {
    static TICKS: AtomicU64 = AtomicU64::new(1_800_000_000_000);
    Timestamp::from_millis(TICKS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn new_run(host: HostId, cwd: &str) -> NewRun {
    let at = now();
    let run_id = RunId::from_random(random());
    let session_id = SessionId::from_random(random());
    NewRun {
        host,
        session: SessionChoice::New { session_id, nickname: None },
        spec: RunSpec {
            backend: "codex".to_owned(),
            role: Role::Worker,
            cwd: cwd.to_owned(),
            session_mode: SessionMode::New,
            message: Message::text(Speaker::User, "make it so"),
            profile: None,
            output_schema: None,
            metadata: Map::new(),
            access: Access::WorkspaceWrite,
            resumed_from: None,
            chain: Vec::new(),
            plugin: None,
            idempotency_key: None,
            client_version: None,
            delegable: Rights::default(),
            budget: Limits::default(),
        },
        backend_config: json!({"token": "s3cret-token"}),
        record: RunRecord {
            run_id,
            backend: "codex".to_owned(),
            role: Role::Worker,
            session_id,
            agent_name: String::new(),
            status: Status::Queued,
            started_at: at,
            updated_at: at,
            completed_at: None,
            summary: "Run queued".to_owned(),
            last_seq: 0,
            cwd: cwd.to_owned(),
            metadata: Map::new(),
            remote_ref: None,
            access: Some(Access::WorkspaceWrite),
            final_response: None,
            structured_output: None,
            usage: None,
            error: None,
            waiting_for: None,
            resumed_from_run_id: None,
            supervision: None,
            truncated: Vec::new(),
        },
        entries: vec!["created".to_owned()],
        events: Vec::new(),
        approvals: Vec::new(),
    }
}

/// A run of the same session.
pub(crate) fn further_run(host: HostId, first: &RunRecord) -> NewRun {
    let mut new = new_run(host, &first.cwd);
    new.session = SessionChoice::Resume { session_id: first.session_id, nickname: None };
    new
}

pub(crate) fn event(record: &RunRecord, seq: u64, kind: EventKind, data: Value) -> Event {
    let Value::Object(data) = data else { panic!("an event's data is an object") };
    let Draft { ts, kind, data } = Draft { ts: now(), kind, data };
    Event {
        seq,
        ts,
        run_id: record.run_id,
        session_id: record.session_id,
        backend: record.backend.clone(),
        kind,
        data,
    }
}

/// A batch of `count` messages; updates `record` as the batch will.
pub(crate) fn messages(host: HostId, record: &mut RunRecord, count: u64) -> Commit {
    let events = (1..=count)
        .map(|n| {
            let seq = record.last_seq + n;
            event(record, seq, EventKind::AGENT_MESSAGE, json!({"text": format!("message {seq}")}))
        })
        .collect();
    record.last_seq += count;
    record.updated_at = now();
    record.status = Status::Running;
    Commit { events, ..Commit::new(host, record.clone()) }
}

/// The batch that ends a run well; updates `record` as the batch will.
pub(crate) fn completion(host: HostId, record: &mut RunRecord) -> Commit {
    record.last_seq += 1;
    let last = event(record, record.last_seq, EventKind::RUN_COMPLETED, json!({"final_response": "done"}));
    record.status = Status::Completed;
    record.updated_at = now();
    record.completed_at = Some(record.updated_at);
    record.final_response = Some("done".to_owned());
    Commit { events: vec![last], ..Commit::new(host, record.clone()) }
}

/// The key of encrypted states.
pub(crate) fn state_key() -> StateKey {
    StateKey::new([42; 32])
}
