//! States with a past, put there through the store.

use pointsman_model::{
    Access, Event, EventKind, HostId, Message, Role, RunId, RunRecord, RunSpec, SessionId, SessionMode,
    Speaker, Status, Timestamp,
};
use pointsman_store::{Commit, NewRun, SessionChoice, Store};
use pointsman_tests::Place;
use serde_json::{Map, Value, json};

/// The day on which the past begins.
const THEN: u64 = 1_763_700_000_000;

/// Puts runs that are over into a place, each with so many events, and gives their ids.
pub(crate) fn runs(place: &Place, count: usize, events: u64) -> Vec<RunId> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = Store::open(&place.state()).expect("the state opens");
    let host = HostId::from_random(u128::MAX.to_be_bytes());
    // Held until all is written.
    let _lease = store.register_host(host).expect("a host is registered");
    let cwd = place.project().display().to_string();
    let ids = (0..count as u64).map(|number| runtime.block_on(run(&store, host, &cwd, number, events)));
    ids.collect()
}

async fn run(store: &Store, host: HostId, cwd: &str, number: u64, events: u64) -> RunId {
    let at = Timestamp::from_millis(THEN + number);
    let id = u128::from(number).to_be_bytes();
    let new = NewRun {
        host,
        session: SessionChoice::New { session_id: SessionId::from_random(id), nickname: None },
        spec: RunSpec {
            backend: "script".to_owned(),
            role: Role::Worker,
            cwd: cwd.to_owned(),
            session_mode: SessionMode::New,
            message: Message::text(Speaker::User, "look at the tests and say which of them are slow"),
            profile: None,
            output_schema: None,
            metadata: Map::new(),
            access: Access::WorkspaceWrite,
            resumed_from: None,
            chain: Vec::new(),
            plugin: None,
            idempotency_key: None,
            client_version: None,
            delegable: pointsman_model::Rights::default(),
            budget: pointsman_model::Limits::default(),
        },
        backend_config: json!({}),
        record: RunRecord {
            run_id: RunId::from_random(id),
            backend: "script".to_owned(),
            role: Role::Worker,
            session_id: SessionId::from_random(id),
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
        entries: Vec::new(),
        events: Vec::new(),
        approvals: Vec::new(),
    };
    let mut record = store.create_run(new).await.expect("a run is created").record().clone();
    let text = "looked at another file and found nothing that is worth a change";
    let event = |seq: u64, kind: EventKind, data: Value| Event {
        seq,
        ts: at,
        run_id: record.run_id,
        session_id: record.session_id,
        backend: record.backend.clone(),
        kind,
        data: data.as_object().cloned().unwrap_or_default(),
    };
    let mut all: Vec<Event> = (1..events)
        .map(|seq| event(seq, EventKind::AGENT_MESSAGE, json!({"text": text, "item_id": seq.to_string()})))
        .collect();
    all.push(event(events, EventKind::RUN_COMPLETED, json!({"final_response": text})));
    record.status = Status::Completed;
    record.completed_at = Some(at);
    record.summary = "Run completed".to_owned();
    record.final_response = Some(text.to_owned());
    record.last_seq = events;
    let id = record.run_id;
    store.commit(Commit { events: all, ..Commit::new(host, record) }).await.expect("a run ends");
    id
}
