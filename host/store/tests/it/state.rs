//! The state folder: whose it is, which format it has, what lies in it readable.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use pointsman_store::{Store, StoreError};
use rusqlite::Connection;
use serde_json::json;

use crate::support::Fixture;

pub(crate) fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        }
        files.push(path);
    }
    files
}

#[tokio::test]
async fn everything_in_it_is_its_owners_alone() {
    let fixture = Fixture::new();
    fixture.run().await;
    let state = fixture.folder.path().join("state");
    for path in files_below(&state).into_iter().chain([state]) {
        let mode = std::fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn a_folder_that_others_may_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let refused = Store::open(folder.path());
    assert!(matches!(&refused, Err(StoreError::Exposed { .. })), "{refused:?}");
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::open(folder.path()).unwrap());
    let journal = folder.path().join("journal.sqlite");
    Connection::open(&journal).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = std::fs::read(&journal).unwrap();
    let refused = Store::open(folder.path()).unwrap_err();
    assert!(matches!(refused, StoreError::NewerFormat { found: 3, known: 2, .. }));
    let told = refused.to_string();
    assert!(told.contains("format 3") && told.contains("newer version"), "{told}");
    assert_eq!(std::fs::read(&journal).unwrap(), before);
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.sqlite"), "a letter to my aunt, and a long one at that")
        .unwrap();
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Database { .. })));
}

/// Invariant 12, as far as the store goes: a secret in a backend's settings lies nowhere in clear.
#[tokio::test]
async fn backend_settings_are_sealed() {
    let fixture = Fixture::plain();
    let record = fixture.run().await;
    let other = fixture.run().await;
    assert_eq!(fixture.store.sealed_config(record.run_id).unwrap(), json!({"token": "s3cret-token"}));
    let state = fixture.folder.path().join("state");
    for path in files_below(&state).iter().filter(|path| path.is_file()) {
        let content = std::fs::read(path).unwrap();
        assert!(!content.windows(12).any(|bytes| bytes == b"s3cret-token"), "{}", path.display());
    }

    // A sealed row opens for its own run alone,
    let journal = Connection::open(state.join("journal.sqlite")).unwrap();
    journal
        .execute("UPDATE specs SET sealed = (SELECT sealed FROM specs WHERE run = 1) WHERE run = 2", [])
        .unwrap();
    let refused = fixture.store.sealed_config(other.run_id);
    let told = refused.unwrap_err().to_string();
    assert!(told.contains(&other.run_id.to_string()) && told.contains("changed or moved"), "{told}");
    // and with its own key alone.
    std::fs::remove_file(state.join("seal.key")).unwrap();
    let refused = fixture.open_again().sealed_config(record.run_id);
    assert!(matches!(refused, Err(StoreError::KeyLost { .. })), "{refused:?}");
    std::fs::write(state.join("seal.key"), [7; 32]).unwrap();
    let refused = fixture.open_again().sealed_config(record.run_id);
    assert!(matches!(refused, Err(StoreError::Unsealable { .. })), "{refused:?}");
}

#[test]
fn all_who_come_at_once_get_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("deep/state");
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| Store::open(&state).unwrap());
        }
    });
}
