//! What holds for every run: its numbers, its end, its names, and the pages it is read in.

use std::collections::BTreeSet;

use pointsman_model::{EventKind, HostId, Principal, RunId, Status};
use pointsman_store::{Commit, Creation, Resolution, RunFilter, SessionChoice, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError};
use rstest::rstest;
use serde_json::json;

use crate::support::{Fixture, completion, event, further_run, messages, new_run, random};

#[tokio::test]
async fn a_run_comes_back_as_it_was_stored() {
    let fixture = Fixture::new();
    let mut new = new_run(fixture.host, "/project");
    new.spec.output_schema = Some(json!({"type": "object"}));
    let spec = new.spec.clone();
    let mut record = fixture.create(new).await;
    assert_eq!(record.agent_name, "agent1");
    let mut commit = messages(fixture.host, &mut record, 3);
    commit.entries = vec!["launched".to_owned(), "spoke".to_owned()];
    commit.remembered = Some(json!({"thread": 7}));
    let events = commit.events.clone();
    fixture.store.commit(commit).await.unwrap();

    let store = &fixture.store;
    assert_eq!(store.run(record.run_id).unwrap(), Some(record.clone()));
    assert_eq!(store.run_spec(record.run_id).unwrap(), spec);
    assert_eq!(store.entries(record.run_id).unwrap(), ["created", "launched", "spoke"]);
    assert_eq!(store.owner(record.run_id).unwrap(), fixture.host);
    let session = store.session(record.session_id).unwrap().unwrap();
    assert_eq!(session.remembered, Some(json!({"thread": 7})));
    let slice = store.events(record.run_id, 0, 100, usize::MAX).unwrap();
    assert_eq!(slice.events, events);
    assert_eq!((slice.more, slice.status, slice.last_seq), (false, Status::Running, 3));
    let unknown = RunId::from_random(random());
    assert_eq!(store.run(unknown).unwrap(), None);
    assert!(matches!(store.events(unknown, 0, 1, 1), Err(StoreError::UnknownRun { run }) if run == unknown));
}

/// Invariant 1: no gap, nothing twice, and a refused batch leaves nothing behind.
#[rstest]
#[case::a_gap(2, 3)]
#[case::a_number_twice(0, 1)]
#[tokio::test]
async fn a_batch_that_does_not_go_on_is_refused_whole(#[case] first: u64, #[case] last_seq: u64) {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    fixture.store.commit(messages(fixture.host, &mut record, 1)).await.unwrap();
    let mut stale = messages(fixture.host, &mut record.clone(), 1);
    stale.events[0].seq = first + 1;
    stale.record.last_seq = last_seq;
    stale.entries = vec!["never".to_owned()];
    let refused = fixture.store.commit(stale).await;
    assert!(matches!(refused, Err(StoreError::Stale { last_seq: 1, .. })), "{refused:?}");
    assert_eq!(fixture.store.run(record.run_id).unwrap(), Some(record.clone()));
    assert_eq!(fixture.store.entries(record.run_id).unwrap(), ["created"]);
    fixture.store.commit(messages(fixture.host, &mut record, 1)).await.unwrap();
}

/// Invariant 1: the terminal event is the last, and comes with the terminal status.
#[tokio::test]
async fn the_event_that_ends_a_run_is_its_last_and_comes_with_the_status() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    let store = &fixture.store;

    let mut early = completion(fixture.host, &mut record.clone());
    early.record.status = Status::Running;
    assert!(matches!(store.commit(early).await, Err(StoreError::Rule { .. })), "an end without its status");

    let mut silent = Commit::new(fixture.host, record.clone());
    silent.record.status = Status::Completed;
    assert!(matches!(store.commit(silent).await, Err(StoreError::Rule { .. })), "a status without its event");

    let mut more = completion(fixture.host, &mut record.clone());
    more.record.last_seq = 2;
    more.events.push(event(&record, 2, EventKind::AGENT_MESSAGE, json!({"text": "and then"})));
    assert!(matches!(store.commit(more).await, Err(StoreError::Rule { .. })), "an event after the end");

    store.commit(completion(fixture.host, &mut record)).await.unwrap();
    let late = messages(fixture.host, &mut record.clone(), 1);
    assert!(matches!(store.commit(late).await, Err(StoreError::Ended { .. })), "a batch after the end");
    let slice = store.events(record.run_id, 0, 10, usize::MAX).unwrap();
    assert_eq!(slice.status, Status::Completed);
    assert_eq!(slice.events.last().unwrap().kind, EventKind::RUN_COMPLETED);
    // What is no event may still be noted down.
    let note = Commit { entries: vec!["cleaned up".to_owned()], ..Commit::new(fixture.host, record.clone()) };
    store.commit(note).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_run_ends_with_its_status() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    record.last_seq = 1;
    record.status = Status::Cancelled;
    let last = event(&record, 1, EventKind::STATUS_CHANGED, json!({"status": "cancelled"}));
    fixture.store.commit(Commit { events: vec![last], ..Commit::new(fixture.host, record) }).await.unwrap();
}

#[tokio::test]
async fn a_run_that_is_over_at_once_says_so_too() {
    let fixture = Fixture::new();
    let mut new = new_run(fixture.host, "/project");
    new.record.status = Status::Rejected;
    let refused = fixture.store.create_run(new.clone()).await;
    assert!(matches!(refused, Err(StoreError::Rule { .. })), "{refused:?}");
    new.events = vec![event(&new.record, 1, EventKind::REJECTED, json!({"message": "no"}))];
    let refused = fixture.store.create_run(new.clone()).await;
    assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    new.record.last_seq = 1;
    let record = fixture.create(new).await;
    let slice = fixture.store.events(record.run_id, 0, 10, usize::MAX).unwrap();
    assert_eq!((slice.status, slice.events.len()), (Status::Rejected, 1));
    assert_eq!(slice.events[0].session_id, record.session_id);
}

#[tokio::test]
async fn only_its_owner_writes_to_a_run() {
    let fixture = Fixture::new();
    let mut record = fixture.run().await;
    let stranger = HostId::from_random(random());
    let refused = fixture.store.commit(messages(stranger, &mut record, 1)).await;
    assert!(matches!(refused, Err(StoreError::NotOwner { owner, .. }) if owner == fixture.host));
}

#[tokio::test]
async fn the_same_key_gives_the_first_run_back() {
    let fixture = Fixture::new();
    let mut new = new_run(fixture.host, "/project");
    new.spec.idempotency_key = Some("k1".to_owned());
    let mut first = fixture.create(new.clone()).await;
    fixture.store.commit(messages(fixture.host, &mut first, 2)).await.unwrap();

    let mut again = new_run(fixture.host, "/project/");
    again.spec.idempotency_key = Some("k1".to_owned());
    again.backend_config = json!({"token": "another"});
    assert_eq!(fixture.store.create_run(again.clone()).await.unwrap(), Creation::Existing(first.clone()));

    let mut other = again.clone();
    other.spec.message.parts.clear();
    let refused = fixture.store.create_run(other).await;
    assert!(matches!(refused, Err(StoreError::KeyReused { run, .. }) if run == first.run_id), "{refused:?}");

    let mut elsewhere = again;
    elsewhere.spec.cwd = "/elsewhere".to_owned();
    assert!(matches!(fixture.store.create_run(elsewhere).await.unwrap(), Creation::Created(_)));
}

#[tokio::test]
async fn names_are_never_given_twice_in_a_directory() {
    let fixture = Fixture::new();
    let named = |name: &str, cwd: &str| {
        let mut new = new_run(fixture.host, cwd);
        let SessionChoice::New { nickname, .. } = &mut new.session else { unreachable!() };
        *nickname = Some(name.to_owned());
        new
    };
    fixture.create(named("agent2", "/project")).await;
    assert_eq!(fixture.run().await.agent_name, "agent1");
    assert_eq!(fixture.run().await.agent_name, "agent3");
    let refused = fixture.store.create_run(named("agent2", "/project/")).await;
    assert!(matches!(refused, Err(StoreError::NameTaken { .. })));
    assert_eq!(fixture.create(named("agent2", "/elsewhere")).await.agent_name, "agent2");
}

#[tokio::test]
async fn a_session_is_resumed_only_as_what_it_is() {
    let fixture = Fixture::new();
    let first = fixture.run().await;
    let second = fixture.create(further_run(fixture.host, &first)).await;
    assert_eq!((&second.agent_name, second.session_id), (&first.agent_name, first.session_id));

    let mut other = further_run(fixture.host, &first);
    other.spec.backend = "command".to_owned();
    assert!(matches!(fixture.store.create_run(other).await, Err(StoreError::OtherBackend { .. })));
    let mut other = further_run(fixture.host, &first);
    other.spec.cwd = "/elsewhere".to_owned();
    assert!(matches!(fixture.store.create_run(other).await, Err(StoreError::OtherCwd { .. })));
    let mut other = further_run(fixture.host, &first);
    other.session = SessionChoice::Resume { session_id: first.session_id, nickname: Some("bob".to_owned()) };
    assert!(matches!(fixture.store.create_run(other).await, Err(StoreError::OtherName { .. })));
    let mut other = further_run(fixture.host, &first);
    other.session = SessionChoice::Resume {
        session_id: pointsman_model::SessionId::from_random(random()),
        nickname: None,
    };
    assert!(matches!(fixture.store.create_run(other).await, Err(StoreError::UnknownSession { .. })));
}

#[tokio::test]
async fn a_name_means_the_run_that_matters() {
    let fixture = Fixture::new();
    let (host, store) = (fixture.host, &fixture.store);
    let mut first = fixture.run().await;
    let mut second = fixture.create(further_run(host, &first)).await;
    let third = fixture.create(further_run(host, &first)).await;
    let meaning = |cwd: Option<&str>| match store.resolve("agent1", cwd).unwrap() {
        Resolution::One(record) => record.run_id,
        other => panic!("{other:?}"),
    };
    assert_eq!(meaning(None), third.run_id, "all are queued: the newest");
    store.commit(messages(host, &mut first, 1)).await.unwrap();
    assert_eq!(meaning(Some("/project/")), first.run_id, "the one that works");
    store.commit(completion(host, &mut first)).await.unwrap();
    store.commit(completion(host, &mut second)).await.unwrap();
    assert_eq!(meaning(None), third.run_id, "the one that is queued");
    store.commit(completion(host, &mut third.clone())).await.unwrap();
    assert_eq!(meaning(None), third.run_id, "all are over: the newest");

    assert_eq!(store.resolve("bob", None).unwrap(), Resolution::None);
    fixture.create(new_run(host, "/elsewhere")).await;
    let ambiguous = Resolution::Ambiguous { cwds: vec!["/elsewhere".to_owned(), "/project".to_owned()] };
    assert_eq!(store.resolve("agent1", None).unwrap(), ambiguous);
    assert!(matches!(store.resolve("agent1", Some("/project")).unwrap(), Resolution::One(_)));
}

#[tokio::test]
async fn pages_of_runs_put_together_are_all_runs() {
    let fixture = Fixture::new();
    let mut all = Vec::new();
    for n in 0..23 {
        let mut new = new_run(fixture.host, if n % 2 == 0 { "/even" } else { "/odd" });
        // Several begin in the same millisecond.
        new.record.started_at = pointsman_model::Timestamp::from_millis(1000 + n / 5);
        all.push(fixture.create(new).await);
    }
    all.reverse();
    let (mut pages, mut cursor) = (Vec::new(), None);
    loop {
        let page = fixture.store.list_runs(&RunFilter::default(), cursor.as_deref(), 4).unwrap();
        assert!(page.total >= 23);
        pages.extend(page.runs);
        // Whoever begins meanwhile moves nothing.
        fixture.run().await;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    // Those that began meanwhile are newer, so only the first page could have shown them.
    assert_eq!(pages, all);
    let odd = RunFilter {
        cwd: Some("/odd/".to_owned()),
        status: Some(Status::Queued),
        backend: Some("codex".to_owned()),
        ..RunFilter::default()
    };
    let page = fixture.store.list_runs(&odd, None, 11).unwrap();
    assert_eq!((page.total, page.runs.len(), page.next_cursor), (11, 11, None));
    let refused = fixture.store.list_runs(&odd, Some("no cursor"), 1);
    assert!(matches!(refused, Err(StoreError::BadCursor { .. })));
}

/// Batches of any sizes read in pages of any sizes give every event once, in order.
#[test]
fn pages_of_events_put_together_are_all_events() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let fixture = Fixture::new();
    let sizes = prop::collection::vec(1_u64..9, 1..8);
    let mut runner = proptest::test_runner::TestRunner::new(Config { cases: 40, ..Config::default() });
    runner
        .run(&(sizes, 1_u32..7, 1_usize..2000), |(sizes, limit, max_bytes)| {
            let mut stored = Vec::new();
            let mut record = runtime.block_on(fixture.run());
            for size in sizes {
                let commit = messages(fixture.host, &mut record, size);
                stored.extend(commit.events.clone());
                runtime.block_on(fixture.store.commit(commit)).unwrap();
            }
            let (mut read, mut after) = (Vec::new(), 0);
            loop {
                let slice = fixture.store.events(record.run_id, after, limit, max_bytes).unwrap();
                prop_assert!(slice.events.len() <= limit as usize);
                let size: usize = slice.events.iter().map(|e| serde_json::to_string(e).unwrap().len()).sum();
                prop_assert!(size <= max_bytes || slice.events.len() == 1);
                let Some(last) = slice.events.last() else {
                    return Err(TestCaseError::fail("an empty page before the end"));
                };
                after = last.seq;
                let more = slice.more;
                read.extend(slice.events);
                if !more {
                    break;
                }
            }
            prop_assert_eq!(read, stored);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn waiters_see_each_changed_run_once() {
    let fixture = Fixture::new();
    let (host, store) = (fixture.host, &fixture.store);
    assert_eq!(store.latest_change().unwrap(), 0);
    let mut changes = store.changes();
    changes.mark_unchanged();
    let mut first = fixture.run().await;
    assert!(changes.has_changed().unwrap());
    let second = fixture.run().await;
    let seen = store.latest_change().unwrap();
    store.commit(messages(host, &mut first, 1)).await.unwrap();
    store.commit(messages(host, &mut first, 1)).await.unwrap();

    let changed = store.changed_since(seen, None, 10).unwrap();
    assert_eq!(changed, [(store.latest_change().unwrap(), first.clone())]);
    let all = store.changed_since(0, None, 10).unwrap();
    assert_eq!(all.iter().map(|(_, run)| run.run_id).collect::<Vec<_>>(), [second.run_id, first.run_id]);
    let some = [first.run_id, RunId::from_random(random()), second.run_id];
    assert_eq!(store.changed_since(0, Some(&some), 10).unwrap(), all);
    assert_eq!(store.changed_since(0, Some(&some), 1).unwrap(), all[..1]);
    assert_eq!(store.changed_since(seen, Some(&[second.run_id]), 10).unwrap(), []);
}

#[tokio::test]
async fn a_key_is_known_to_whoever_used_it_alone() {
    let fixture = Fixture::new();
    let by = |run: Option<RunId>| {
        let mut new = new_run(fixture.host, "/project");
        new.spec.idempotency_key = Some("the same".to_owned());
        let role = if run.is_some() { "worker" } else { "client" };
        let run_id = run.map(|run| run.to_string());
        new.spec.chain = vec![Principal { name: "who".to_owned(), role: role.to_owned(), run_id, depth: 1 }];
        new
    };
    let client = fixture.create(by(None)).await;
    let (one, other) = (fixture.run().await.run_id, fixture.run().await.run_id);
    // The same request in every word, so that only who asks tells them apart.
    let first = fixture.create(by(Some(one))).await;
    let second = fixture.create(by(Some(other))).await;
    assert_eq!(BTreeSet::from([client.run_id, first.run_id, second.run_id]).len(), 3);
    for (run, known) in [(None, &client), (Some(one), &first), (Some(other), &second)] {
        assert_eq!(fixture.store.create_run(by(run)).await.unwrap().record().run_id, known.run_id);
    }
}
