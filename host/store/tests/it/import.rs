//! Run folders of the server before this one, whole, torn and hostile.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use pointsman_model::{EventKind, RunId, Status, reason};
use pointsman_store::import::{ImportError, import_run_folder};
use pointsman_store::{RunFolder, SessionChoice};
use serde_json::{Value, json};

use crate::support::{Fixture, completion, messages, new_run};

const DONE: &str = "3b1f8d52-6c0e-4a7b-9d0f-1f2e3d4c5b6a";
const KILLED: &str = "c4ca4238-a0b9-4382-8dcc-509a6f75849b";

fn id(text: &str) -> RunId {
    text.parse().unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Puts the sample into a working directory of its own.
fn place(fixture: &Fixture) -> PathBuf {
    let cwd = fixture.folder.path().join("project");
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seed-run-folder/nanobot-orchestrator");
    copy(&sample, &cwd.join(".nanobot-orchestrator"));
    cwd.canonicalize().unwrap()
}

#[test]
fn a_folder_of_the_server_before_this_one_opens() {
    let fixture = Fixture::new();
    let cwd = place(&fixture);
    let store = &fixture.store;
    let report = import_run_folder(store, &cwd).unwrap();
    assert_eq!(report.imported, [id(DONE), id(KILLED)]);
    assert_eq!((report.known, &report.skipped[..]), (0, &[][..]));

    let done = store.run(id(DONE)).unwrap().unwrap();
    assert_eq!((done.status, done.last_seq, done.agent_name.as_str()), (Status::Completed, 6, "agent1"));
    assert_eq!(done.final_response.as_deref(), Some("All tests pass."));
    assert_eq!(done.usage.unwrap().output_tokens, 212);
    assert_eq!(done.cwd, cwd.to_str().unwrap(), "where it was found, not where it says");
    assert_eq!(done.metadata["ticket"], "T-17");
    assert!(done.remote_ref.unwrap().conversation_id.is_some());
    let events = store.events(id(DONE), 0, 100, usize::MAX).unwrap().events;
    assert_eq!(events.last().unwrap().kind, EventKind::RUN_COMPLETED);
    assert_eq!(
        store.run_spec(id(DONE)).unwrap().message.plain_text(),
        "Run the tests and say how they went."
    );
    assert_eq!(store.sealed_config(id(DONE)).unwrap(), Value::Null);

    // The value had been cut within a character; pages never are.
    let (mut whole, mut offset) = (String::new(), 0);
    loop {
        let page = store.artifact(id(DONE), 4, "/output", offset, 3).unwrap();
        whole.push_str(&page.content);
        offset += page.returned_bytes;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(whole, format!("Grüße aus dem Test: {} Ende\n", "äöü€".repeat(6)));

    let killed = store.run(id(KILLED)).unwrap().unwrap();
    assert_eq!((killed.status, killed.last_seq), (Status::Failed, 5));
    assert_eq!(killed.error.unwrap().reason, reason::HOST_RESTARTED);
    let events = store.events(id(KILLED), 0, 100, usize::MAX).unwrap().events;
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(events[3].data["text"], "Two events share a number here.");
    assert_eq!(events[4].kind, EventKind::RUN_FAILED);
    let notes: Vec<&str> =
        report.notes.iter().filter(|(run, _)| *run == id(KILLED)).map(|(_, note)| note.as_str()).collect();
    for expected in ["numbered anew", "cannot be read", "tail", "running and is failed"] {
        assert!(notes.iter().any(|note| note.contains(expected)), "{expected}: {notes:?}");
    }
    assert_eq!(store.unfinished_runs().unwrap(), []);

    let again = import_run_folder(store, &cwd).unwrap();
    assert_eq!((again.imported.len(), again.known, again.notes.len()), (0, 2, 0));
    assert_eq!(store.latest_change().unwrap(), 2);
}

#[tokio::test]
async fn a_folder_of_this_store_opens_in_another() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let cwd = fixture.folder.path().canonicalize().unwrap();
    let new = new_run(fixture.host, cwd.to_str().unwrap());
    let spec = new.spec.clone();
    let mut record = fixture.create(new).await;
    let folder = RunFolder::open(&cwd).unwrap();
    folder.write_events(record.run_id, &messages(fixture.host, &mut record, 3).events).unwrap();
    folder.write_events(record.run_id, &completion(fixture.host, &mut record).events).unwrap();
    folder.write_run(&record, &spec).unwrap();
    folder.write_result(&record).unwrap();
    folder.write_session(&fixture.store.session(record.session_id).unwrap().unwrap()).unwrap();

    let store = other.store.clone();
    let report = tokio::task::spawn_blocking(move || import_run_folder(&store, &cwd)).await.unwrap().unwrap();
    assert_eq!((report.imported, report.notes), (vec![record.run_id], vec![]));
    record.access = None;
    assert_eq!(other.store.run(record.run_id).unwrap(), Some(record));
}

#[tokio::test]
async fn a_name_that_is_taken_here_gives_way() {
    let fixture = Fixture::new();
    let cwd = place(&fixture);
    let mut new = new_run(fixture.host, cwd.to_str().unwrap());
    let SessionChoice::New { nickname, .. } = &mut new.session else { unreachable!() };
    *nickname = Some("agent1".to_owned());
    fixture.create(new).await;
    let store = fixture.store.clone();
    let report = tokio::task::spawn_blocking(move || import_run_folder(&store, &cwd)).await.unwrap().unwrap();
    assert_eq!(fixture.store.run(id(DONE)).unwrap().unwrap().agent_name, "agent2");
    assert_eq!(fixture.store.run(id(KILLED)).unwrap().unwrap().agent_name, "agent3");
    assert!(report.notes.iter().any(|(_, note)| note.contains("agent2 here")), "{:?}", report.notes);
}

#[test]
fn what_is_made_up_leads_nowhere() {
    let fixture = Fixture::new();
    let cwd = place(&fixture);
    let folder = cwd.join(".nanobot-orchestrator");
    let outside = fixture.folder.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret"), "s3cret").unwrap();
    let (done, killed) = (folder.join("runs").join(DONE), folder.join("runs").join(KILLED));

    // Names that are no ids, and links in the place of runs and files.
    std::fs::create_dir(folder.join("runs/..evil")).unwrap();
    symlink(&done, folder.join("runs/a87ff679-a2f3-4e71-9181-a67b7542122c")).unwrap();
    std::fs::remove_file(killed.join("run.json")).unwrap();
    symlink(outside.join("secret"), killed.join("run.json")).unwrap();
    // A session that leads out, and values that do.
    let chunks = done.join("artifacts/000004-command_finished");
    std::fs::remove_file(chunks.join("output.0001.txt")).unwrap();
    symlink(outside.join("secret"), chunks.join("output.0001.txt")).unwrap();
    let events = std::fs::read_to_string(done.join("events.jsonl")).unwrap();
    let refs =
        json!({"/up": {"relpath": "artifacts/../../../x/manifest.json"}, "/etc": {"relpath": "/etc/passwd"}});
    let line = json!({"seq": 7, "type": "agent massage!", "data": {"artifact_refs": refs}});
    let deep = format!("{{\"seq\":8,\"data\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    std::fs::write(done.join("events.jsonl"), format!("{events}{line}\n{deep}\n\u{0}\n[]\n")).unwrap();

    let report = import_run_folder(&fixture.store, &cwd).unwrap();
    assert_eq!(report.imported, [id(DONE)]);
    assert_eq!(report.skipped.len(), 3, "{:?}", report.skipped);
    let lost = report.notes.iter().filter(|(_, note)| note.contains("is lost")).count();
    assert_eq!(lost, 3, "{:?}", report.notes);
    assert_eq!(fixture.store.artifacts(id(DONE), 4).unwrap(), []);
    let events = fixture.store.events(id(DONE), 6, 100, usize::MAX).unwrap().events;
    assert_eq!(events[0].kind.as_str(), "x_imported_agent_massage_");
    assert_eq!(events[1].data["status"], "completed", "the end is the last again");
    assert_eq!(events.len(), 2);
}

#[test]
fn where_there_is_no_folder_that_is_said() {
    let fixture = Fixture::new();
    let nothing = import_run_folder(&fixture.store, fixture.folder.path());
    assert!(matches!(nothing, Err(ImportError::NoFolder { .. })));
    let linked = fixture.folder.path().join("linked");
    std::fs::create_dir(&linked).unwrap();
    symlink(place(&fixture).join(".nanobot-orchestrator"), linked.join(".nanobot-orchestrator")).unwrap();
    assert!(matches!(import_run_folder(&fixture.store, &linked), Err(ImportError::Folder(_))));
}
