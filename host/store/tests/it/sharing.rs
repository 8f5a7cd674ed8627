//! Several processes over one state, as far as two stores in one process stand for them.

use std::collections::BTreeSet;

use pointsman_model::{HostId, Limits, Principal};
use pointsman_store::{Creation, Store};

use crate::support::{Fixture, messages, new_run, random};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_stay_unique_however_many_spawn_at_once() {
    let fixture = Fixture::new();
    let other = fixture.open_again();
    let mut spawning = tokio::task::JoinSet::new();
    for n in 0..200 {
        let store = if n % 2 == 0 { fixture.store.clone() } else { other.clone() };
        let new = new_run(fixture.host, "/project");
        spawning.spawn(async move { store.create_run(new).await.unwrap().record().agent_name.clone() });
    }
    let names: BTreeSet<String> = spawning.join_all().await.into_iter().collect();
    let expected: BTreeSet<String> = (1..=200).map(|n| format!("agent{n}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_drives_its_own_and_reads_all() {
    let fixture = Fixture::new();
    let other = fixture.open_again();
    let other_host = HostId::from_random(random());
    let _lease = other.register_host(other_host).unwrap();
    let mut driving = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, host) =
            if n % 2 == 0 { (fixture.store.clone(), fixture.host) } else { (other.clone(), other_host) };
        driving.spawn(async move {
            let mut record = store.create_run(new_run(host, "/project")).await.unwrap().record().clone();
            for _ in 0..25 {
                store.commit(messages(host, &mut record, 2)).await.unwrap();
            }
            record
        });
    }
    let records = driving.join_all().await;
    let mut changes = BTreeSet::new();
    for record in records {
        assert_eq!(fixture.store.run(record.run_id).unwrap(), Some(record.clone()));
        assert_eq!(other.run(record.run_id).unwrap(), Some(record.clone()));
        let events = other.events(record.run_id, 0, 1000, usize::MAX).unwrap().events;
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=50).collect::<Vec<_>>());
        changes
            .extend(other.changed_since(0, Some(&[record.run_id]), 1).unwrap().into_iter().map(|(c, _)| c));
    }
    assert_eq!(changes.len(), 8, "no two runs have the same change");
    assert_eq!(changes.last().copied(), Some(fixture.store.latest_change().unwrap()));
}

/// Only the transaction that stores a run may look at what is left: whoever looks before it looks at the past.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_of_a_tree_is_taken_once_however_many_processes_take_at_once() {
    const MOST: usize = 20;
    let fixture = Fixture::new();
    let top = fixture.run().await.run_id;
    let stores: Vec<Store> = (0..4).map(|_| fixture.open_again()).collect();
    let mut spawning = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = stores[n % stores.len()].clone();
        let mut new = new_run(fixture.host, "/project");
        new.spec.idempotency_key = (n % 10 == 0).then(|| format!("key {}", n % 20));
        let parent = Principal {
            name: "agent1".to_owned(),
            role: "worker".to_owned(),
            run_id: Some(top.to_string()),
            depth: 1,
        };
        new.spec.chain = vec![parent];
        spawning.spawn(async move {
            let grant = move |tree: Vec<pointsman_store::TreeRun>| {
                let taken = tree.iter().filter(|run| run.parent == Some(top)).count();
                if taken < MOST {
                    Ok(Limits { tokens: Some(taken as u64), ..Limits::default() })
                } else {
                    Err(taken)
                }
            };
            store.create_run_below(new, top, grant).await.unwrap()
        });
    }
    let (mut created, mut existing, mut refused) = (0, 0, 0);
    for outcome in spawning.join_all().await {
        match outcome {
            Ok(Creation::Created(_)) => created += 1,
            // Nothing is taken for it, so it is there also when nothing is left.
            Ok(Creation::Existing(_)) => existing += 1,
            Err(taken) => {
                assert_eq!(taken, MOST);
                refused += 1;
            }
        }
    }
    assert_eq!((created, existing + refused), (MOST, 100 - MOST));
    let tree = fixture.store.tree(top).unwrap();
    assert_eq!(tree.len(), MOST + 1, "who was refused is not there");
    let granted: BTreeSet<u64> = tree.iter().filter_map(|run| run.budget.tokens).collect();
    assert_eq!(
        granted,
        (0..MOST as u64).collect(),
        "each saw what stood before it, and was stored with its grant"
    );
}
