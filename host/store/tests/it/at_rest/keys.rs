//! Keys that are wrong, lost or another state's, and states that others have open.

use std::path::Path;

use pointsman_store::{Stands, StateKey, Store, StoreError};

use super::{all_of, filled, quietly};
use crate::support::{Fixture, new_run};

const KEY: [u8; 32] = [1; 32];

fn bytes_of(state: &Path) -> Vec<u8> {
    std::fs::read(state.join("journal.sqlite")).unwrap()
}

#[tokio::test]
async fn a_wrong_key_and_no_key_are_told_and_change_nothing() {
    let (folder, held) = filled(1).await;
    let state = folder.path().join("state");
    let (key, wrong) = (StateKey::new(KEY), StateKey::new([9; 32]));
    pointsman_store::encrypt(&state, &key, &mut quietly()).unwrap();
    let before = bytes_of(&state);

    let refused = Store::open(&state).unwrap_err();
    assert!(matches!(&refused, StoreError::NoKey { fingerprint, .. } if *fingerprint == key.fingerprint()));
    let told = refused.to_string();
    assert!(told.contains("[state.encryption] key = { file = \"PATH\" }"), "{told}");
    assert!(told.contains(&key.fingerprint()), "{told}");

    let refused = Store::open_with(&state, Some(&wrong)).unwrap_err();
    let StoreError::WrongKey { given, expected, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((given, expected), (&wrong.fingerprint(), &key.fingerprint()));
    let failed = [
        pointsman_store::encrypt(&state, &wrong, &mut quietly()),
        pointsman_store::decrypt(&state, &wrong, &mut quietly()),
        pointsman_store::rekey(&state, &[&wrong], &StateKey::new([8; 32]), true, &mut quietly()),
    ];
    for refused in failed {
        assert!(matches!(refused, Err(StoreError::WrongKey { .. })), "{refused:?}");
    }
    assert_eq!(bytes_of(&state), before);
    assert_eq!(all_of(&state, Some(&key)), held);
}

#[tokio::test]
async fn a_key_for_a_plain_state_is_refused_with_the_command_that_helps() {
    let (folder, held) = filled(1).await;
    let state = folder.path().join("state");
    let key = StateKey::new(KEY);
    let refused = Store::open_with(&state, Some(&key)).unwrap_err();
    assert!(matches!(refused, StoreError::NotEncrypted { .. }));
    assert!(refused.to_string().contains("pointsman state encrypt"), "{refused}");
    let refused = pointsman_store::rekey(&state, &[], &key, true, &mut quietly());
    assert!(matches!(refused, Err(StoreError::NothingToRekey { .. })), "{refused:?}");
    assert_eq!(all_of(&state, None), held);
}

/// The right key of the operator's, and a data key that was brought from another state.
#[tokio::test]
async fn a_data_key_of_another_state_is_told() {
    let key = StateKey::new(KEY);
    let (folder, _) = filled(1).await;
    let (other, _) = filled(1).await;
    let (state, other) = (folder.path().join("state"), other.path().join("state"));
    for state in [&state, &other] {
        pointsman_store::encrypt(state, &key, &mut quietly()).unwrap();
    }
    let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
    journal.execute("ATTACH ?1 AS other", [other.join("journal.sqlite").to_str()]).unwrap();
    let swap = "UPDATE main.data_keys SET wrapped = (SELECT wrapped FROM other.data_keys)";
    journal.execute_batch(swap).unwrap();
    drop(journal);
    let refused = Store::open_with(&state, Some(&key));
    assert!(matches!(refused, Err(StoreError::ForeignDataKey { number: 1, .. })), "{refused:?}");
}

/// An older version refuses an encrypted state as a newer format: this is all that it looks at.
#[tokio::test]
async fn an_older_version_refuses_it() {
    let (folder, _) = filled(1).await;
    let state = folder.path().join("state");
    let format = || -> u32 {
        let journal = rusqlite::Connection::open(state.join("journal.sqlite")).unwrap();
        journal.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!(format(), 1);
    let mut while_at_it = Vec::new();
    let mut look = |_| while_at_it.push(format());
    pointsman_store::encrypt(&state, &StateKey::new(KEY), &mut look).unwrap();
    assert!(while_at_it.iter().all(|format| *format == 2), "{while_at_it:?}");
    assert_eq!(format(), 2);
    pointsman_store::decrypt(&state, &StateKey::new(KEY), &mut quietly()).unwrap();
    assert_eq!(format(), 1);
}

#[tokio::test]
async fn a_state_that_is_open_is_not_rewritten_and_one_that_is_rewritten_is_not_opened() {
    let fixture = Fixture::plain();
    let state = fixture.folder.path().join("state");
    let key = StateKey::new(KEY);
    let refused = pointsman_store::encrypt(&state, &key, &mut quietly());
    assert!(matches!(refused, Err(StoreError::InUse { .. })), "{refused:?}");
    fixture.run().await;

    let (folder, held) = filled(1).await;
    let state = folder.path().join("state");
    let mut refusals = Vec::new();
    let mut open = |_| refusals.push(Store::open_with(&state, Some(&key)).unwrap_err());
    pointsman_store::encrypt(&state, &key, &mut open).unwrap();
    assert!(refusals.len() > 5);
    assert!(refusals.iter().all(|error| matches!(error, StoreError::Rewritten { .. })), "{refusals:?}");
    assert_eq!(all_of(&state, Some(&key)), held);
}

/// Who has it open is told by the process's id, where the system says so.
#[tokio::test]
async fn who_has_it_open_is_told() {
    let (folder, _) = filled(1).await;
    let state = folder.path().join("state");
    let child = super::kill::Child::start("hold", &state);
    let refused = pointsman_store::encrypt(&state, &StateKey::new(KEY), &mut quietly());
    let Err(StoreError::InUse { pids, .. }) = &refused else { panic!("{refused:?}") };
    if Path::new("/proc/locks").exists() {
        assert_eq!(pids, &[child.id()]);
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(&format!("process {}", child.id())), "{told}");
    }
    drop(child);
    pointsman_store::encrypt(&state, &StateKey::new(KEY), &mut quietly()).unwrap();
}

#[tokio::test]
async fn how_a_state_stands_is_seen_without_a_key() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Stands::of(&folder.path().join("nowhere")).unwrap(), Stands::Nothing);
    let (folder, _) = filled(1).await;
    let state = folder.path().join("state");
    let key = StateKey::new(KEY);
    assert_eq!(Stands::of(&state).unwrap(), Stands::Plain);
    let mut seen = Vec::new();
    let mut look = |_| seen.push(Stands::of(&state).unwrap());
    pointsman_store::encrypt(&state, &key, &mut look).unwrap();
    let half = Stands::Half { phase: "encrypting", command: "encrypt", fingerprint: key.fingerprint() };
    assert!(seen.iter().all(|stands| *stands == half), "{seen:?}");
    let stands = Stands::of(&state).unwrap();
    assert_eq!(stands, Stands::Encrypted { fingerprint: key.fingerprint(), data_key: 1 });
    assert_eq!((stands.fits(&key), stands.fits(&StateKey::new([3; 32]))), (Some(true), Some(false)));
}

/// An agent that attaches to its host has no key, and needs none to find it.
#[tokio::test]
async fn what_is_no_payload_needs_no_key() {
    let fixture = Fixture::encrypted();
    let record = fixture.run().await;
    let store = Store::open_without_payload(&fixture.folder.path().join("state")).unwrap();
    assert_eq!(store.owner(record.run_id).unwrap(), fixture.host);
    assert!(!store.is_below(record.run_id, record.run_id).unwrap() || store.is_alive(fixture.host).unwrap());
    let refused = store.run(record.run_id);
    assert!(matches!(refused, Err(StoreError::NoKey { .. })), "{refused:?}");
    let refused = store.create_run(new_run(fixture.host, "/project")).await;
    assert!(matches!(refused, Err(StoreError::NoKey { .. })), "{refused:?}");
}

/// What one host writes, another process reads while it does, with the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_read_while_a_host_writes() {
    let fixture = Fixture::encrypted();
    let mut record = fixture.create(new_run(fixture.host, "/project")).await;
    let reader = fixture.open_again();
    for _ in 0..50 {
        fixture.store.commit(crate::support::messages(fixture.host, &mut record, 3)).await.unwrap();
        let slice = reader.events(record.run_id, 0, 1000, usize::MAX).unwrap();
        assert_eq!(slice.events.len() as u64, record.last_seq);
        assert_eq!(reader.run(record.run_id).unwrap(), Some(record.clone()));
    }
}
