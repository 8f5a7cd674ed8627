//! Several processes over one state, as far as two stores in one process stand for them.

use std::collections::BTreeSet;

use pointsman_model::HostId;

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
