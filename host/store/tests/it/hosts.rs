//! Hosts that live and die, and the runs they leave behind.

use pointsman_model::HostId;
use pointsman_store::StoreError;

use crate::support::{Fixture, completion, messages, new_run, random};

/// Invariant 11, as far as the store goes: what a dead host left is found, and taken over by one host alone.
#[tokio::test]
async fn runs_of_a_dead_host_are_found_and_taken_over_once() {
    let fixture = Fixture::new();
    let dead = HostId::from_random(random());
    let lease = fixture.open_again().register_host(dead).unwrap();
    let mut left = fixture.create(new_run(dead, "/project")).await;
    let mut over = fixture.create(new_run(dead, "/project")).await;
    fixture.store.commit(completion(dead, &mut over)).await.unwrap();

    assert!(fixture.store.is_alive(dead).unwrap());
    assert_eq!(fixture.store.dead_hosts().unwrap(), []);
    let refused = fixture.store.adopt(left.run_id, dead, fixture.host).await;
    assert!(matches!(refused, Err(StoreError::HostAlive { .. })));

    drop(lease);
    assert!(!fixture.store.is_alive(dead).unwrap());
    assert_eq!(fixture.store.dead_hosts().unwrap(), [dead]);
    assert_eq!(fixture.store.unfinished_runs_of(dead).unwrap(), [left.clone()]);
    assert!(fixture.store.adopt(left.run_id, dead, fixture.host).await.unwrap());
    let third = HostId::from_random(random());
    assert!(!fixture.store.adopt(left.run_id, dead, third).await.unwrap(), "somebody was faster");
    assert!(!fixture.store.adopt(over.run_id, dead, third).await.unwrap(), "it is over");
    fixture.store.commit(messages(fixture.host, &mut left, 1)).await.unwrap();
    assert_eq!(fixture.store.dead_hosts().unwrap(), []);
    assert_eq!(fixture.store.unfinished_runs().unwrap(), [left]);
}

#[test]
fn locks_of_the_dead_are_cleared_away() {
    let fixture = Fixture::new();
    let hosts = fixture.folder.path().join("state/hosts");
    let dead = hosts.join(format!("{}.lock", HostId::from_random(random())));
    std::fs::write(&dead, "").unwrap();
    std::fs::write(hosts.join("something else"), "").unwrap();
    assert_eq!(fixture.store.dead_hosts().unwrap(), []);
    assert!(!dead.exists());
    assert!(hosts.join("something else").exists());
    assert!(fixture.store.is_alive(fixture.host).unwrap());
}
