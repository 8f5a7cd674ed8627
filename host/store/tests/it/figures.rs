//! How fast it is. Not a test of a limit, because machines differ:
//! `cargo test --release -p pointsman-store -- --ignored --nocapture figures`.

use std::time::{Duration, Instant};

use pointsman_store::{Durability, Resolution, RunFilter, Store};

use crate::support::{Fixture, completion, messages, new_run};

fn tell(what: &str, count: u64, took: Duration) {
    let each = took.as_secs_f64() / count as f64;
    println!("{what:<48} {:>10.1} µs {:>12.0} /s", each * 1e6, 1.0 / each);
}

async fn ingest(fixture: &Fixture, what: &str, batches: u64, size: u64) {
    let mut record = fixture.run().await;
    let commits: Vec<_> = (0..batches).map(|_| messages(fixture.host, &mut record, size)).collect();
    let begun = Instant::now();
    for commit in commits {
        fixture.store.commit(commit).await.unwrap();
    }
    tell(what, batches * size, begun.elapsed());
}

#[tokio::test]
#[ignore = "measures, and tells nothing wrong"]
async fn figures() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let store = Store::open(folder.path()).unwrap();
    tell("open, founding the state", 1, begun.elapsed());
    drop(store);
    let begun = Instant::now();
    let _store = Store::open(folder.path()).unwrap();
    tell("open", 1, begun.elapsed());

    let fixture = Fixture::new();
    ingest(&fixture, "event ingested, one by one", 3000, 1).await;
    ingest(&fixture, "event ingested, batches of 64", 500, 64).await;
    let begun = Instant::now();
    for _ in 0..1000 {
        let mut record = fixture.run().await;
        fixture.store.commit(completion(fixture.host, &mut record)).await.unwrap();
    }
    tell("run created (flushed) and ended", 1000, begun.elapsed());
    ingest(&fixture, "event ingested, batches of 64, 1,000 runs known", 500, 64).await;
    let mut flushed = fixture.run().await;
    let begun = Instant::now();
    for _ in 0..200 {
        let mut commit = messages(fixture.host, &mut flushed, 1);
        commit.durability = Durability::Flushed;
        fixture.store.commit(commit).await.unwrap();
    }
    tell("event flushed, one by one", 200, begun.elapsed());

    let store = &fixture.store;
    let begun = Instant::now();
    for n in 1..=1000 {
        let meaning = store.resolve(&format!("agent{n}"), None).unwrap();
        assert!(matches!(meaning, Resolution::One(_)));
    }
    tell("name looked up, 1,000 runs known", 1000, begun.elapsed());
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(store.list_runs(&RunFilter::default(), None, 50).unwrap().runs.len(), 50);
    }
    tell("page of 50 runs, 1,000 runs known", 100, begun.elapsed());
    let begun = Instant::now();
    assert_eq!(store.list_runs(&RunFilter::default(), None, 1000).unwrap().runs.len(), 1000);
    tell("page of 1,000 runs", 1, begun.elapsed());
    let begun = Instant::now();
    for _ in 0..1000 {
        store.latest_change().unwrap();
    }
    tell("newest change", 1000, begun.elapsed());

    let mut record = fixture.create(new_run(fixture.host, "/replay")).await;
    for _ in 0..100 {
        store.commit(messages(fixture.host, &mut record, 100)).await.unwrap();
    }
    let begun = Instant::now();
    let mut after = 0;
    while after < 10_000 {
        after = store.events(record.run_id, after, 100, usize::MAX).unwrap().events.last().unwrap().seq;
    }
    tell("event read, pages of 100", 10_000, begun.elapsed());
}
