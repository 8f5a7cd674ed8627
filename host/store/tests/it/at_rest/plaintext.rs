//! No byte of payload lies in an encrypted state in clear: not in the database, its log, or any file beside them.

use pointsman_store::StateKey;

use super::{MARK, all_of, files_with, fill, filled, quietly};
use crate::support::Fixture;

/// The search itself finds what lies in clear, in the log as well.
#[tokio::test]
async fn a_plain_state_holds_it_all() {
    let fixture = Fixture::plain();
    fill(&fixture, 1).await;
    assert!(!files_with(fixture.folder.path(), MARK).is_empty());
}

#[tokio::test]
async fn a_state_that_was_encrypted_from_the_beginning_never_held_any() {
    let fixture = Fixture::encrypted();
    fill(&fixture, 2).await;
    let log = fixture.folder.path().join("state/journal.sqlite-wal");
    assert!(std::fs::metadata(log).unwrap().len() > 0, "everything lies in the log still");
    assert_eq!(files_with(fixture.folder.path(), MARK), [] as [&std::path::Path; 0]);
    // Ids that are indexed are found in clear: the search looks at the right files.
    let session: String = {
        let journal = fixture.folder.path().join("state/journal.sqlite");
        let journal = rusqlite::Connection::open(journal).unwrap();
        journal.query_row("SELECT uuid FROM sessions", [], |row| row.get(0)).unwrap_or_default()
    };
    assert!(!files_with(fixture.folder.path(), &session).is_empty());
    let folder = fixture.close();
    assert_eq!(files_with(folder.path(), MARK), [] as [&std::path::Path; 0]);
}

#[tokio::test]
async fn encrypting_leaves_none_behind() {
    // With a log that was never merged, as of a host that was killed.
    let fixture = Fixture::plain();
    fill(&fixture, 6).await;
    let copied = tempfile::tempdir().unwrap();
    let state = copied.path().join("state");
    super::copy(&fixture.folder.path().join("state"), &state);
    let hosts = state.join("hosts");
    std::fs::remove_dir_all(&hosts).unwrap();
    // A page that was given up holds some, too.
    let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
    journal.execute_batch("CREATE TABLE gone (text TEXT)").unwrap();
    let text = format!("{MARK} ").repeat(5000);
    journal.execute("INSERT INTO gone VALUES (?1)", [text]).unwrap();
    journal.execute_batch("PRAGMA secure_delete = OFF; DROP TABLE gone").unwrap();
    drop(journal);
    assert!(!files_with(&state, MARK).is_empty());

    let key = StateKey::new([1; 32]);
    pointsman_store::encrypt(&state, &key, &mut quietly()).unwrap();
    assert_eq!(files_with(&state, MARK), [] as [&std::path::Path; 0]);
    assert!(!state.join("seal.key").exists(), "nothing is sealed with it any more");
    assert!(all_of(&state, Some(&key)).contains(MARK));
    assert_eq!(files_with(&state, MARK), [] as [&std::path::Path; 0]);
}

/// Neither key nor data key lies anywhere in clear, and the old wrapping is gone after a change of keys.
#[tokio::test]
async fn keys_lie_nowhere_in_clear() {
    let (folder, _) = filled(1).await;
    let state = folder.path().join("state");
    let (first, second) = ([0xA7; 32], [0xB3; 32]);
    pointsman_store::encrypt(&state, &StateKey::new(first), &mut quietly()).unwrap();
    let wrapped = || -> Vec<u8> {
        let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
        journal.query_row("SELECT wrapped FROM data_keys", [], |row| row.get(0)).unwrap()
    };
    let holds = |bytes: &[u8]| {
        ["journal.sqlite", "journal.sqlite-wal"].iter().any(|name| {
            let content = std::fs::read(state.join(name)).unwrap_or_default();
            content.windows(bytes.len()).any(|found| found == bytes)
        })
    };
    let old = wrapped();
    assert!(holds(&old) && !holds(&first));
    pointsman_store::rekey(&state, &[&StateKey::new(first)], &StateKey::new(second), false, &mut quietly())
        .unwrap();
    assert!(!holds(&old) && !holds(&second) && holds(&wrapped()));
}
