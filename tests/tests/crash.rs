//! What is left when a host is killed, at many moments of a run's life: of the process, of the state as the store
//! opens it, and of the runs as the next host finds them.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use pointsman_model::{Event, EventKind, RunRecord, Status};
use pointsman_store::{RunFilter, Store};
use pointsman_tests::{Host, Place};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A backend whose agent says one event a line.
const STREAM: &str = r#"
[backends.stream]
component = "bundled:command"
grants = ["process/spawn@1 script", "timer/set@1 *"]
[backends.stream.config]
program = "script"
output = "jsonl"
access = "workspace-write"
"#;

/// Events that an agent tells before it ends, or stays.
const TOLD: usize = 300;

/// What an agent does once it has said everything.
#[derive(Clone, Copy)]
enum Then {
    End,
    Stay,
}

fn prompt(then: Then) -> String {
    let lines = (0..TOLD).map(|n| json!({"type": "agent_message", "data": {"text": format!("line {n}")}}));
    let mut prompt: String = lines.map(|line| format!("say {line}\n")).collect();
    if let Then::Stay = then {
        prompt.push_str("linger\n");
    }
    prompt
}

/// A place in which hosts die, and what clients of them were told.
struct Scene {
    place: Place,
    told: BTreeMap<String, Told>,
}

/// What a client was told of a run.
#[derive(Default)]
struct Told {
    events: Vec<Value>,
    /// The newest status that it was told.
    status: Option<Status>,
    /// Whether it asked for the end of the run, and may have been heard.
    cancelled: bool,
}

impl Scene {
    fn new() -> Self {
        Self { place: Place::with(STREAM), told: BTreeMap::new() }
    }

    /// Starts the next host, sees that it has cleared up, lets a client do something, and kills the host. Gives what it
    /// left unfinished.
    fn die(&mut self, moment: impl FnOnce(&mut Self, &mut Host)) -> Vec<Status> {
        let mut host = self.next_host();
        moment(self, &mut host);
        let pid = i32::try_from(host.pid()).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, Signal::KILL).expect("the host is ours");
        drop(host);
        // Supervisors see that their host is gone, and end what it started.
        self.place.mark().wait_until_gone();
        self.look_at_the_state();
        self.unfinished().into_iter().map(|record| record.status).collect()
    }

    /// Launches a run and keeps that the client knows it.
    fn spawn(&mut self, host: &mut Host, then: Then, more: Value) -> String {
        let run = host.spawn(&self.place, "stream", &prompt(then), more);
        let id = run["run_id"].as_str().expect("a run has an id").to_owned();
        self.told.entry(id.clone()).or_default().status = status(&run["status"]);
        id
    }

    /// Polls until the client was told enough.
    fn follow(&mut self, host: &mut Host, run: &str, enough: impl Fn(&Told) -> bool) {
        let told = self.told.entry(run.to_owned()).or_default();
        while !enough(told) {
            let asked = json!({"run_id": run, "after_seq": told.events.len(), "wait_ms": 10_000});
            let mut page = host.call("poll_events", asked);
            let Value::Array(events) = page["events"].take() else { panic!("a page has events: {page}") };
            assert!(!events.is_empty(), "nothing comes of run {run}: {page}");
            told.events.extend(events);
            told.status = status(&page["status"]);
        }
    }

    /// Opens the state as it was left, and checks what always holds.
    fn look_at_the_state(&self) {
        let store = Store::open(&self.place.state()).expect("the state opens");
        let runs = store.list_runs(&RunFilter::default(), None, 1_000).expect("runs are listed").runs;
        for record in &runs {
            check(record, &events(&store, record));
        }
        for (id, told) in &self.told {
            let record = runs.iter().find(|record| record.run_id.to_string() == *id);
            let record =
                record.unwrap_or_else(|| panic!("a client was told of run {id}, and it is not there"));
            let stored = events(&store, record);
            for (told, stored) in told.events.iter().zip(&stored) {
                assert_eq!(*told, json!(stored), "run {id}");
            }
            assert!(told.events.len() <= stored.len(), "run {id}: a client was told more than there is");
            if let Some(status) = told.status.filter(|status| status.is_terminal()) {
                assert_eq!(record.status, status, "run {id}: a client was told how it ended");
            }
        }
    }

    fn unfinished(&self) -> Vec<RunRecord> {
        let store = Store::open(&self.place.state()).expect("the state opens");
        store.unfinished_runs().expect("runs are listed")
    }

    /// Starts a host, and checks that it has taken up or ended what the dead ones left.
    fn next_host(&self) -> Host {
        let left = self.unfinished();
        let mut host = self.place.host();
        for before in left {
            let record = host.record(&json!({"run_id": before.run_id}));
            let cancelled = self.told.get(&before.run_id.to_string()).is_some_and(|told| told.cancelled);
            match before.status {
                Status::ApprovalRequired => assert_eq!(record["status"], "approval_required", "{record}"),
                // It was heard, and cancel wins.
                _ if cancelled && record["status"] == "cancelled" => {}
                _ => {
                    assert_eq!(record["status"], "failed", "{record}");
                    assert_eq!(record["error"]["reason"], "host_restarted", "{record}");
                }
            }
        }
        for status in ["running", "queued"] {
            let listed = host.call("list_runs", json!({"status": status}));
            assert_eq!(listed["total"], 0, "nothing is left {status}: {listed}");
        }
        host
    }

    /// Starts a last host, checks all once more, and lets it end well.
    fn over(self) {
        let host = self.next_host();
        host.hang_up().well();
        self.look_at_the_state();
    }
}

fn status(word: &Value) -> Option<Status> {
    Status::from_word(word.as_str().expect("a status is a word"))
}

fn events(store: &Store, record: &RunRecord) -> Vec<Event> {
    let slice = store.events(record.run_id, 0, u32::MAX, usize::MAX).expect("events are read");
    assert_eq!((slice.more, slice.last_seq), (false, record.last_seq));
    slice.events
}

/// Invariant 1, for one run: numbered without a gap, and the event that ends it is the last, there if and only if the
/// status says that it is over.
fn check(record: &RunRecord, events: &[Event]) {
    for (seq, event) in (1..).zip(events) {
        assert_eq!(event.seq, seq, "run {}: {events:?}", record.run_id);
    }
    assert_eq!(record.last_seq, events.len() as u64, "{record:?}");
    let first = events.iter().position(ends).map(|index| index + 1);
    let expected = record.status.is_terminal().then_some(events.len());
    assert_eq!(first, expected, "run {} is {}: {events:?}", record.run_id, record.status);
}

fn ends(event: &Event) -> bool {
    let ending = [EventKind::RUN_COMPLETED, EventKind::RUN_FAILED, EventKind::REJECTED];
    let status = event.data.get("status").and_then(Value::as_str).and_then(Status::from_word);
    ending.contains(&event.kind)
        || (event.kind == EventKind::STATUS_CHANGED && status.is_some_and(Status::is_terminal))
}

#[test]
fn killed_before_and_after_a_run_is_accepted() {
    let mut scene = Scene::new();
    // Not waiting for anything: each is a moment of its own, from the request on.
    for moment in [0, 200, 1_000, 3_000, 10_000, 30_000] {
        scene.die(|scene, host| {
            let arguments = json!({
                "backend": "stream", "role": "worker", "cwd": scene.place.project(), "session_mode": "new",
                "prompt": prompt(Then::Stay),
            });
            host.begin("tools/call", json!({"name": "spawn_run", "arguments": arguments}));
            sleep(Duration::from_micros(moment));
        });
    }
    for moment in [0, 1_000, 10_000] {
        scene.die(|scene, host| {
            scene.spawn(host, Then::Stay, json!({}));
            sleep(Duration::from_micros(moment));
        });
    }
    scene.over();
}

#[test]
fn killed_while_events_come() {
    let mut scene = Scene::new();
    for enough in [1, 2, 3, 5, 20, 80, TOLD] {
        let left = scene.die(|scene, host| {
            let run = scene.spawn(host, Then::Stay, json!({}));
            scene.follow(host, &run, |told| told.events.len() >= enough);
        });
        assert!(
            matches!(left[..], [Status::Queued | Status::Running]),
            "it died in the midst of a run: {left:?}"
        );
    }
    scene.over();
}

#[test]
fn killed_around_the_end_of_a_run() {
    let mut scene = Scene::new();
    for enough in [TOLD - 20, TOLD] {
        scene.die(|scene, host| {
            let run = scene.spawn(host, Then::End, json!({}));
            scene.follow(host, &run, |told| told.events.len() >= enough);
        });
    }
    scene.die(|scene, host| {
        let run = scene.spawn(host, Then::End, json!({}));
        scene.follow(host, &run, |told| told.status.is_some_and(Status::is_terminal));
    });
    scene.over();
}

#[test]
fn killed_while_a_run_waits_for_a_person() {
    let mut scene = Scene::new();
    let mut parked = Vec::new();
    for moment in [0, 5_000] {
        let left = scene.die(|scene, host| {
            let run = scene.spawn(host, Then::End, json!({"access": "full"}));
            assert_eq!(scene.told[&run].status, Some(Status::ApprovalRequired));
            parked.push(run);
            sleep(Duration::from_micros(moment));
        });
        assert_eq!(left, vec![Status::ApprovalRequired; parked.len()]);
    }
    // The question survived both deaths, and is answered as if nothing had been.
    let mut host = scene.next_host();
    for run in &parked {
        let run = json!({"run_id": run});
        let waiting = &host.record(&run)["waiting_for"];
        let answer = ["approvals", "allow", waiting["approval_id"].as_str().expect("the question is open")];
        assert!(scene.place.cli_output(&answer).status.success());
        let record = host.finish(&run);
        assert_eq!(record["status"], "completed", "{record}");
    }
    host.hang_up().well();
    scene.look_at_the_state();
}

#[test]
fn killed_while_a_run_is_cancelled() {
    let mut scene = Scene::new();
    for moment in [0, 300, 2_000, 10_000, 50_000] {
        scene.die(|scene, host| {
            let run = scene.spawn(host, Then::Stay, json!({}));
            scene.follow(host, &run, |told| told.events.len() > TOLD / 2);
            host.begin("tools/call", json!({"name": "cancel_run", "arguments": {"run_id": run}}));
            scene.told.entry(run).or_default().cancelled = true;
            sleep(Duration::from_micros(moment));
        });
    }
    scene.die(|scene, host| {
        let run = scene.spawn(host, Then::Stay, json!({}));
        scene.follow(host, &run, |told| told.events.len() > TOLD / 2);
        let cancelled = host.call("cancel_run", json!({"run_id": run}));
        let told = scene.told.entry(run).or_default();
        (told.cancelled, told.status) = (true, status(&cancelled["status"]));
    });
    scene.over();
}
