//! Payload at rest: what of it can be read where, with which key, and what becomes of it when the form changes.

mod damage;
mod keys;
mod kill;
mod plaintext;

use std::path::{Path, PathBuf};

use pointsman_model::{EventKind, Message, MessageId, RemoteRef, RunRecord, Speaker, SpilledValue};
use pointsman_store::{Commit, ExportScope, NewMail, StateKey, Store};
use serde_json::{Map, json};

use crate::approvals::question;
use crate::support::{Fixture, completion, event, messages, new_run, now, random};

/// Stands in everything that is payload, and nowhere else.
const MARK: &str = "pl41ntext-of-the-payload";

/// Puts something into every column that holds payload, with [`MARK`] in it.
async fn fill(fixture: &Fixture, runs: usize) -> Vec<RunRecord> {
    let mut filled = Vec::new();
    for number in 0..runs {
        let mut new = new_run(fixture.host, "/project");
        new.spec.message = Message::text(Speaker::User, format!("{MARK} {number}"));
        new.spec.idempotency_key = Some(format!("key-{number}"));
        let face = json!({"agent": "coder", "client": format!("client {MARK}"), "context_id": MARK});
        new.spec.metadata.insert("a2a".to_owned(), face);
        new.record.metadata = new.spec.metadata.clone();
        new.backend_config = json!({ "token": MARK });
        new.entries = vec![json!({"created": MARK}).to_string()];
        let mut record = fixture.create(new).await;
        let mut commit = messages(fixture.host, &mut record, 20);
        for event in &mut commit.events {
            event.data.insert("more".to_owned(), MARK.into());
        }
        commit.entries = vec![json!({"said": MARK}).to_string(), json!({"again": MARK}).to_string()];
        let long = format!("{MARK} {} ", number % 3).repeat(4000);
        let value =
            SpilledValue { pointer: "/text".to_owned(), mime: "text/plain".to_owned(), content: long };
        commit.spilled = vec![(3, value)];
        commit.originals = vec![(4, Map::from_iter([("text".to_owned(), MARK.into())]))];
        commit.remembered = Some(json!({ "thread": MARK }));
        commit.remote_ref = Some(remote());
        let mut approval = question(&record);
        approval.detail = json!({ "prompt": MARK });
        commit.approvals = vec![approval];
        commit.record.summary = MARK.to_owned();
        record.summary = MARK.to_owned();
        fixture.store.commit(commit).await.unwrap();
        let mail = NewMail {
            message_id: MessageId::from_random(random()),
            from_agent_name: None,
            from_session_id: None,
            to_session_id: record.session_id,
            created_at: now(),
            body: Message::text(Speaker::User, MARK),
            metadata: Map::new(),
        };
        fixture.store.send_mail(mail).await.unwrap();
        if number % 2 == 0 {
            let mut last = completion(fixture.host, &mut record);
            last.record.final_response = Some(MARK.to_owned());
            record.final_response = Some(MARK.to_owned());
            fixture.store.commit(last).await.unwrap();
        }
        filled.push(record);
    }
    filled
}

fn remote() -> RemoteRef {
    RemoteRef {
        provider: "codex".to_owned(),
        conversation_id: Some(MARK.to_owned()),
        task_id: None,
        context_id: None,
        agent_url: None,
        agent_name: None,
        metadata: None,
    }
}

/// Everything that a state holds, in clear.
fn all(store: &Store) -> String {
    let mut lines = Vec::new();
    store.export(ExportScope { run: None, sealed: true }, &mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

fn all_of(state: &Path, key: Option<&StateKey>) -> String {
    all(&Store::open_with(state, key).unwrap())
}

/// Gives the files below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(to).unwrap();
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

/// A plain state with payload in every column, which nobody has open; and what it holds.
async fn filled(runs: usize) -> (tempfile::TempDir, String) {
    filled_in(Fixture::plain(), runs).await
}

async fn filled_in(fixture: Fixture, runs: usize) -> (tempfile::TempDir, String) {
    fill(&fixture, runs).await;
    let held = all(&fixture.store);
    // Far more than a test would look through, so that nothing is missing in it.
    for kind in ["session", "mail", "run", "entry", "event", "artifact", "original", "approval"] {
        assert!(held.contains(&format!("{{\"{kind}\":")), "{kind}");
    }
    (fixture.close(), held)
}

fn quietly() -> impl FnMut(pointsman_store::Progress) {
    |_| {}
}

/// Every test of this program holds for an encrypted state as well: they are run once more over encrypted ones.
#[test]
fn everything_else_holds_for_encrypted_states_too() {
    let me = std::env::current_exe().unwrap();
    let output = std::process::Command::new(me)
        .args(["--skip", "at_rest::", "--skip", "crash::"])
        .env("POINTSMAN_STORE_TEST_ENCRYPTED", "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("runs::a_run_comes_back_as_it_was_stored ... ok"), "{told}");
}

#[tokio::test]
async fn what_is_moved_from_form_to_form_stays_what_it_is() {
    let (folder, held) = filled(4).await;
    let state = folder.path().join("state");
    let (first, second) = (StateKey::new([1; 32]), StateKey::new([2; 32]));
    let digests = |state: &Path| -> Vec<String> {
        let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
        let mut digests = journal.prepare("SELECT digest FROM contents ORDER BY id").unwrap();
        digests.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let plain_digests = digests(&state);
    assert_eq!(plain_digests.len(), 3, "equal contents are stored once");

    let done = pointsman_store::encrypt(&state, &first, &mut quietly()).unwrap();
    assert!(done.rows > 100 && !done.resumed && !done.unchanged, "{done:?}");
    assert_eq!(all_of(&state, Some(&first)), held);
    let keyed = digests(&state);
    assert!(keyed.iter().all(|digest| !plain_digests.contains(digest)));
    assert!(pointsman_store::encrypt(&state, &first, &mut quietly()).unwrap().unchanged);

    let done = pointsman_store::rekey(&state, &[&first], &second, false, &mut quietly()).unwrap();
    assert_eq!(done.rows, 0);
    assert_eq!(all_of(&state, Some(&second)), held);
    assert_eq!(digests(&state), keyed);
    assert!(pointsman_store::rekey(&state, &[&first], &second, false, &mut quietly()).unwrap().unchanged);

    let done = pointsman_store::rekey(&state, &[], &second, true, &mut quietly()).unwrap();
    assert!(done.rows > 100, "{done:?}");
    assert_eq!(all_of(&state, Some(&second)), held);
    assert!(digests(&state).iter().all(|digest| !keyed.contains(digest)));

    pointsman_store::decrypt(&state, &second, &mut quietly()).unwrap();
    assert_eq!(all_of(&state, None), held);
    assert_eq!(digests(&state), plain_digests);
    assert!(pointsman_store::decrypt(&state, &second, &mut quietly()).unwrap().unchanged);
}

/// What is searched by is found in an encrypted state that was a plain one.
#[tokio::test]
async fn what_was_stored_in_clear_is_found_when_it_is_encrypted() {
    let fixture = Fixture::plain();
    let records = fill(&fixture, 2).await;
    let (host, folder) = (fixture.host, fixture.close());
    let state = folder.path().join("state");
    let key = StateKey::new([1; 32]);
    pointsman_store::encrypt(&state, &key, &mut quietly()).unwrap();
    let store = Store::open_with(&state, Some(&key)).unwrap();

    let newest = store.newest_published_in("coder", &format!("client {MARK}"), MARK).unwrap();
    assert_eq!(newest.map(|run| run.run_id), Some(records[1].run_id));
    assert_eq!(store.newest_published_in("coder", "client", MARK).unwrap(), None);
    let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
    let contents =
        || -> u64 { journal.query_row("SELECT count(*) FROM contents", [], |row| row.get(0)).unwrap() };
    let before = contents();
    // The same value again: found by its keyed digest.
    let mut record = records[1].clone();
    record.last_seq += 1;
    let said = event(&record, record.last_seq, EventKind::AGENT_MESSAGE, json!({"text": null}));
    let content = format!("{MARK} 1 ").repeat(4000);
    let value = SpilledValue { pointer: "/text".to_owned(), mime: "text/plain".to_owned(), content };
    let spilled = vec![(record.last_seq, value)];
    let commit = Commit { events: vec![said], spilled, ..Commit::new(host, record.clone()) };
    store.commit(commit).await.unwrap();
    assert_eq!(contents(), before);
    // The same key for the same question: the first run; for another question: refused.
    let mut again = new_run(host, "/project");
    again.spec.message = Message::text(Speaker::User, format!("{MARK} 1"));
    again.spec.idempotency_key = Some("key-1".to_owned());
    again.spec.metadata = records[1].metadata.clone();
    let existing = store.create_run(again.clone()).await.unwrap();
    assert_eq!(existing.record().run_id, records[1].run_id);
    again.spec.message = Message::text(Speaker::User, "something else");
    let refused = store.create_run(again).await;
    assert!(matches!(refused, Err(pointsman_store::StoreError::KeyReused { .. })), "{refused:?}");
}
