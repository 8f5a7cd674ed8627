//! The readable run folder: what stands in it, and what it does not touch.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use pointsman_model::{EventKind, RemoteRef, RunRecord, RunSpec, SpilledValue};
use pointsman_store::RunFolder;
use pointsman_store::run_folder::FolderError;
use serde_json::{Value, json};

use crate::support::{Fixture, completion, event, messages, new_run};

struct Sample {
    fixture: Fixture,
    cwd: PathBuf,
    record: RunRecord,
    spec: RunSpec,
}

impl Sample {
    async fn new() -> Self {
        let fixture = Fixture::new();
        let cwd = fixture.folder.path().join("work");
        std::fs::create_dir(&cwd).unwrap();
        let new = new_run(fixture.host, cwd.to_str().unwrap());
        let spec = new.spec.clone();
        let record = fixture.create(new).await;
        Self { fixture, cwd, record, spec }
    }

    fn below(&self, path: &str) -> PathBuf {
        self.cwd.join(".nanobot-orchestrator").join(path)
    }

    fn run_file(&self, name: &str) -> PathBuf {
        self.below(&format!("runs/{}/{name}", self.record.run_id))
    }
}

fn json_at(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn it_holds_what_clients_of_the_server_before_this_one_read() {
    let mut sample = Sample::new().await;
    let folder = RunFolder::open(&sample.cwd).unwrap();
    let host = sample.fixture.host;
    let remote = RemoteRef {
        provider: "codex".to_owned(),
        conversation_id: Some("thread-1".to_owned()),
        task_id: None,
        context_id: None,
        agent_url: None,
        agent_name: None,
        metadata: None,
    };
    sample.record.remote_ref = Some(remote.clone());
    let first = messages(host, &mut sample.record, 2).events;
    folder.write_events(sample.record.run_id, &first).unwrap();
    let last = completion(host, &mut sample.record).events;
    folder.write_events(sample.record.run_id, &last).unwrap();
    folder.write_run(&sample.record, &sample.spec).unwrap();
    folder.write_result(&sample.record).unwrap();
    let mut session = sample.fixture.store.session(sample.record.session_id).unwrap().unwrap();
    session.remote_ref = Some(remote);
    folder.write_session(&session).unwrap();

    assert_eq!(std::fs::read_to_string(sample.below(".gitignore")).unwrap(), "*\n");
    let record = &sample.record;
    assert_eq!(
        json_at(&sample.run_file("run.json")),
        json!({
            "runId": record.run_id, "backend": "codex", "role": "worker", "sessionId": record.session_id,
            "agentName": "agent1", "status": "completed", "cwd": sample.cwd, "prompt": "make it so",
            "profile": null, "metadata": {}, "startedAt": record.started_at, "updatedAt": record.updated_at,
            "remoteRef": {"provider": "codex", "conversationId": "thread-1", "taskId": null, "contextId": null,
                "agentUrl": null, "agentName": null},
            "completedAt": record.completed_at, "lastSeq": 3, "summary": "Run queued",
            "result": {"finalResponse": "done"}, "error": null,
        })
    );
    assert_eq!(json_at(&sample.run_file("result.json")), json!({"finalResponse": "done"}));
    let lines = std::fs::read_to_string(sample.run_file("events.jsonl")).unwrap();
    let events: Vec<pointsman_model::Event> =
        lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(events, [first, last].concat());
    let session_file = json_at(&sample.below(&format!("sessions/{}.json", record.session_id)));
    assert_eq!(session_file["backendSessionId"], "thread-1");
    assert_eq!(session_file["agentName"], "agent1");
    let left: Vec<_> =
        std::fs::read_dir(sample.run_file("")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "temporary files stay: {left:?}");
}

#[tokio::test]
async fn values_lie_in_chunks_that_their_manifest_lists() {
    let sample = Sample::new().await;
    let folder = RunFolder::open(&sample.cwd).unwrap();
    let long = "€".repeat(30_000);
    let value = |pointer: &str, mime: &str, content: &str| SpilledValue {
        pointer: pointer.to_owned(),
        mime: mime.to_owned(),
        content: content.to_owned(),
    };
    let values = [
        value("/result/a b", "application/json", "{}"),
        value("/result/a_b", "application/json", "[]"),
        value("/../../x", "text/plain", &long),
    ];
    folder.write_artifacts(sample.record.run_id, 7, "tool_finished", &values).unwrap();
    let below = sample.run_file("artifacts/000007-tool_finished");
    let manifest = json_at(&below.join("manifest.json"));
    assert_eq!((&manifest["seq"], &manifest["event_type"]), (&json!(7), &json!("tool_finished")));
    for value in &values {
        let field = &manifest["fields"][&value.pointer];
        let whole: String = field["chunks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|chunk| std::fs::read_to_string(below.join(chunk["file"].as_str().unwrap())).unwrap())
            .collect();
        assert_eq!(whole, value.content);
        assert_eq!(field["total_bytes"], value.content.len());
        assert_eq!(field["relpath"], "artifacts/000007-tool_finished/manifest.json");
    }
    assert_eq!(manifest["fields"]["/result/a b"]["chunks"][0]["file"], "result.a_b.0000.json");
}

#[tokio::test]
async fn a_line_that_was_torn_spoils_no_other() {
    let mut sample = Sample::new().await;
    let folder = RunFolder::open(&sample.cwd).unwrap();
    let events = messages(sample.fixture.host, &mut sample.record, 2).events;
    folder.write_events(sample.record.run_id, &events[..1]).unwrap();
    let path = sample.run_file("events.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    folder.write_events(sample.record.run_id, &events[1..]).unwrap();
    let lines = std::fs::read_to_string(&path).unwrap();
    let last: pointsman_model::Event = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last, events[1]);
}

#[tokio::test]
async fn links_are_not_followed() {
    let sample = Sample::new().await;
    let outside = sample.fixture.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "mine").unwrap();

    // The folder itself is a link,
    symlink(&outside, sample.cwd.join(".nanobot-orchestrator")).unwrap();
    let refused = RunFolder::open(&sample.cwd);
    assert!(matches!(&refused, Err(FolderError::InTheWay { found: "a link", .. })), "{refused:?}");
    std::fs::remove_file(sample.cwd.join(".nanobot-orchestrator")).unwrap();

    // or a folder in it,
    let folder = RunFolder::open(&sample.cwd).unwrap();
    symlink(&outside, sample.below("runs")).unwrap();
    let refused = folder.write_run(&sample.record, &sample.spec);
    assert!(matches!(&refused, Err(FolderError::InTheWay { .. })), "{refused:?}");
    std::fs::remove_file(sample.below("runs")).unwrap();

    // or a file.
    folder.write_run(&sample.record, &sample.spec).unwrap();
    let precious = outside.join("precious");
    for name in ["events.jsonl", "result.json"] {
        symlink(&precious, sample.run_file(name)).unwrap();
    }
    let said = event(&sample.record, 1, EventKind::AGENT_MESSAGE, json!({"text": "hello"}));
    let refused = folder.write_events(sample.record.run_id, &[said]);
    assert!(matches!(&refused, Err(FolderError::InTheWay { found: "a link", .. })), "{refused:?}");
    folder.write_result(&sample.record).unwrap();
    assert!(
        sample.run_file("result.json").symlink_metadata().unwrap().is_file(),
        "the link itself is replaced"
    );
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}
