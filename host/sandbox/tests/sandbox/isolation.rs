//! One guest's trouble is nobody else's.

use std::time::Duration;

use pointsman_sandbox::Cause;

use crate::support::{backend, cause, component, run, sandbox, sandbox_with, task, timer};

#[test]
fn a_spinning_guest_delays_nobody() {
    let limit = Duration::from_secs(5);
    let sandbox = sandbox_with(|limits| {
        limits.fuel = u64::MAX;
        limits.deadline = limit;
    });
    let backend = sandbox.load_backend("hostile", component()).expect("a backend");
    let spinning = std::thread::spawn({
        let backend = backend.clone();
        move || cause(backend.start(&task("spin"), [0; 32]), "run.start")
    });
    let mut other = run(&backend, "nothing");
    for after in 2..200 {
        other.handle(&[timer(after)]).expect("the other run goes on");
    }
    assert!(!spinning.is_finished(), "two hundred calls took longer than the deadline of one");
    assert_eq!(spinning.join().expect("no panic"), Cause::Deadline { limit });
}

#[test]
fn one_runs_failure_is_not_anothers() {
    let backend = backend();
    let mut well = run(&backend, "nothing");
    let mut ill = run(&backend, "trap");
    cause(ill.handle(&[timer(2)]), "run.handle");
    well.handle(&[timer(2)]).expect("the other run goes on");
    sandbox().load_policy("hostile", component()).expect("so do other plugins");
}

/// A thousand runs live at the same time.
#[test]
fn there_is_room_for_many_runs() {
    let backend = backend();
    let runs: Vec<_> =
        (0..1_100).map(|_| backend.start(&task("nothing"), [0; 32]).expect("a run").0).collect();
    assert_eq!(runs.len(), 1_100);
}

#[test]
fn a_full_pool_is_named() {
    let backend = backend();
    let mut runs = Vec::new();
    let error = loop {
        match backend.start(&task("nothing"), [0; 32]) {
            Ok((run, _)) => runs.push(run),
            Err(error) => break error,
        }
        assert!(runs.len() < 100_000, "the pool has no bound");
    };
    assert!(matches!(cause::<()>(Err(error), "instantiate"), Cause::NoRoom { .. }));
    runs.pop();
    backend.start(&task("nothing"), [0; 32]).expect("there is room again");
}

/// The engine calls from threads that belong to Tokio, the command line from threads that do not.
#[test]
fn it_works_with_tokio_around_it_and_without() {
    let backend = backend();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    for word in ["print", "nap", "open_socket", "stdin"] {
        backend.start(&task(word), [0; 32]).expect("without Tokio");
        let theirs = backend.clone();
        let call = runtime.spawn_blocking(move || theirs.start(&task(word), [0; 32]).map(|_| ()));
        runtime.block_on(call).expect("no panic").expect("on a blocking thread of Tokio");
    }
}
