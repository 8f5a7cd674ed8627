//! Originals of events: sealed, in their own place, and nowhere else.

use pointsman_model::{RunId, RunRecord};
use pointsman_store::{Commit, Original, Store, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::state::files_below;
use crate::support::{Fixture, messages};

const SECRET: &str = "hunter2-and-more-of-it";

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Stores a message, with what stood in it before.
async fn message(fixture: &Fixture, record: &mut RunRecord, original: Option<&Value>) -> u64 {
    let mut commit = messages(fixture.host, record, 1);
    commit.originals = original.map(|it| (record.last_seq, object(it))).into_iter().collect();
    fixture.store.commit(commit).await.unwrap();
    record.last_seq
}

fn journal(fixture: &Fixture) -> Connection {
    Connection::open(fixture.folder.path().join("state/journal.sqlite")).unwrap()
}

fn no_file_has(fixture: &Fixture, secret: &str) {
    for path in files_below(fixture.folder.path()).iter().filter(|path| path.is_file()) {
        let content = std::fs::read(path).unwrap();
        let found = content.windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(!found, "{}", path.display());
    }
}

fn kept(store: &Store, run: RunId, seq: u64) -> Value {
    match store.original(run, seq).unwrap() {
        Some(Original::Kept(data)) => Value::Object(data),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_original_opens_in_its_place_and_lies_nowhere_in_clear() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    let original = json!({"text": SECRET, "nested": [{"deep": SECRET}], "n": 1.5});
    let first = message(&fixture, &mut record, None).await;
    let second = message(&fixture, &mut record, Some(&original)).await;
    let run = record.run_id;
    // Another process opens it, too: that is how a person sees it.
    for store in [&fixture.store, &fixture.open_again()] {
        assert_eq!(store.original(run, first).unwrap(), None);
        assert_eq!(kept(store, run, second), original);
        assert_eq!(store.originals(run).unwrap(), [second]);
        // No other read gives anything of it.
        let events = store.events(run, 0, 100, usize::MAX).unwrap();
        assert!(!format!("{events:?}").contains(SECRET));
        assert!(store.artifacts(run, second).unwrap().is_empty());
    }
    no_file_has(&fixture, SECRET);
    // What is merged into the database is none either.
    journal(&fixture).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    no_file_has(&fixture, SECRET);
}

#[tokio::test]
async fn rows_that_were_moved_changed_or_cut_do_not_open() {
    let fixture = Fixture::plain();
    let (mut one, mut other) = (fixture.run().await, fixture.run().await);
    let first = message(&fixture, &mut one, Some(&json!({"text": "first"}))).await;
    let second = message(&fixture, &mut one, Some(&json!({"text": "second"}))).await;
    let elsewhere = message(&fixture, &mut other, Some(&json!({"text": "elsewhere"}))).await;
    assert_eq!(first, elsewhere, "events of the same number");
    let refused = |run: RunId, seq: u64| {
        let told = fixture.store.original(run, seq).unwrap_err();
        assert!(matches!(told, StoreError::Unsealable { .. }), "{told}");
        let told = told.to_string();
        assert!(told.contains(&format!("the original of event {seq} of run {run}")), "{told}");
    };
    let journal = journal(&fixture);
    let sealed: Vec<(i64, Vec<u8>)> = journal
        .prepare("SELECT event, sealed FROM originals ORDER BY event")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let put = |at: usize, bytes: &[u8]| {
        journal.execute("UPDATE originals SET sealed = ?2 WHERE event = ?1", (sealed[at].0, bytes)).unwrap();
    };
    // Another event's of the same run; another run's of the same number.
    put(0, &sealed[1].1);
    refused(one.run_id, first);
    put(0, &sealed[2].1);
    refused(one.run_id, first);
    let mut changed = sealed[1].1.clone();
    changed[30] ^= 1;
    put(1, &changed);
    refused(one.run_id, second);
    put(1, &sealed[1].1[..10]);
    refused(one.run_id, second);
    // Settings of a run are sealed with the same key, and are no original.
    journal
        .execute(
            "UPDATE originals SET sealed = (SELECT sealed FROM specs LIMIT 1) WHERE event = ?1",
            [sealed[1].0],
        )
        .unwrap();
    refused(one.run_id, second);
    assert_eq!(kept(&fixture.store, other.run_id, elsewhere), json!({"text": "elsewhere"}));

    std::fs::remove_file(fixture.folder.path().join("state/seal.key")).unwrap();
    let told = fixture.open_again().original(other.run_id, elsewhere).unwrap_err();
    assert!(matches!(told, StoreError::KeyLost { .. }), "{told}");
    assert!(!fixture.folder.path().join("state/seal.key").exists(), "looking made a key");
}

#[tokio::test]
async fn of_what_is_too_large_only_the_size_is_kept() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    let frame = json!({"text": ""}).to_string().len();
    let most = 1 << 20;
    let largest = json!({"text": "x".repeat(most - frame)});
    let seq = message(&fixture, &mut record, Some(&largest)).await;
    assert_eq!(kept(&fixture.store, record.run_id, seq), largest);
    let larger = json!({"text": "x".repeat(most - frame + 1)});
    let seq = message(&fixture, &mut record, Some(&larger)).await;
    let told = fixture.store.original(record.run_id, seq).unwrap();
    assert_eq!(told, Some(Original::TooLarge { bytes: most as u64 + 1, most: most as u64 }));
}

#[tokio::test]
async fn an_original_without_its_event_is_refused() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    let mut commit = messages(fixture.host, &mut record, 1);
    commit.originals = vec![(2, object(&json!({"text": SECRET})))];
    let refused = fixture.store.commit(commit).await;
    assert!(matches!(refused, Err(StoreError::Rule { .. })), "{refused:?}");
    assert_eq!(fixture.store.originals(record.run_id).unwrap(), Vec::<u64>::new());
}

/// Any JSON that an event may hold.
fn data() -> impl Strategy<Value = Map<String, Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::String),
    ];
    let any = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(".{0,10}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(".{0,10}", any, 0..5).prop_map(|fields| fields.into_iter().collect())
}

/// Whatever the events are: each original comes back for its own event, and no event without one has any.
#[test]
fn whatever_was_kept_comes_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let fixture = Fixture::new();
    let batches = prop::collection::vec(prop::collection::vec(prop::option::of(data()), 1..6), 1..4);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let held = runner.run(&batches, |batches| {
        runtime.block_on(async {
            let mut record = fixture.run().await;
            for batch in &batches {
                let first = record.last_seq + 1;
                let commit = messages(fixture.host, &mut record, batch.len() as u64);
                let originals =
                    (first..).zip(batch).filter_map(|(seq, it)| Some((seq, it.clone()?))).collect();
                fixture.store.commit(Commit { originals, ..commit }).await.unwrap();
            }
            for (seq, wanted) in (1..).zip(batches.iter().flatten()) {
                let found = fixture.store.original(record.run_id, seq).unwrap();
                prop_assert_eq!(found, wanted.clone().map(Original::Kept));
            }
            Ok(())
        })
    });
    held.unwrap();
}
