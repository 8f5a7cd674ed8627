//! The same inputs, the same outputs.

use std::time::{Duration, Instant};

use pointsman_model::Timestamp;

use crate::support::{NOW, backend, found, run, task, timer};

#[test]
fn the_clock_shows_what_the_host_feeds_and_stands_still_meanwhile() {
    let backend = backend();
    let (_run, effects) = backend.start(&task("clock"), [0; 32]).expect("effects");
    assert_eq!(found(&effects), format!("{NOW} ms, 0 ns passed"));

    let mut later = task("clock");
    later.started_at = Timestamp::from_millis(NOW + 7);
    let (_run, effects) = backend.start(&later, [0; 32]).expect("effects");
    assert_eq!(found(&effects), format!("{} ms, 0 ns passed", NOW + 7));

    let mut run = run(&backend, "clock");
    let effects = run.handle(&[timer(20), timer(30)]).expect("effects");
    assert_eq!(found(&effects), format!("{} ms, 0 ns passed", NOW + 30));
}

#[test]
fn random_numbers_follow_from_the_seed() {
    let backend = backend();
    let order = |seed: u8| {
        let (_run, effects) = backend.start(&task("random"), [seed; 32]).expect("effects");
        found(&effects).to_owned()
    };
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
}

/// A guest that sleeps sees the time go by, and holds up nobody.
#[test]
fn sleep_takes_no_time() {
    let backend = backend();
    let began = Instant::now();
    let (_run, effects) = backend.start(&task("nap"), [0; 32]).expect("effects");
    assert_eq!(found(&effects), "slept 3600 s, 3600 s by the wall");
    let mut run = run(&backend, "sleep");
    run.handle(&[timer(2)]).expect("it slept for an hour");
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// A sleep that never ends is computed away too, or stopped by the fuel; either way the thread is free again.
#[test]
fn endless_sleep_ends() {
    let began = Instant::now();
    let _whatever = backend().start(&task("sleep_for_ever"), [0; 32]);
    assert!(began.elapsed() < Duration::from_secs(60));
}
