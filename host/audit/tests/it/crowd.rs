//! Several processes, and some that are killed.

use std::process::{Child, Command};

use crate::support::{Place, SMALL, draft};

fn writer(place: &Place, count: u32, rotate: u32) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit-test-writer"));
    command.arg(place.path()).args([count.to_string(), rotate.to_string()]);
    command.spawn().unwrap()
}

#[test]
fn processes_that_write_at_once_make_one_chain() {
    let place = Place::new();
    let writers: Vec<_> = (0..4).map(|_| writer(&place, 60, 5_000)).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(place.faults(), Vec::<String>::new());
    let report = place.verify();
    assert_eq!(report.records, 4 * 60 + 1);
    assert!(report.files > 5, "{report:?}");
}

#[test]
fn a_killed_process_leaves_a_whole_log() {
    let place = Place::new();
    for _ in 0..10 {
        let before = place.verify().records;
        let mut killed = writer(&place, u32::MAX, 20_000);
        while place.verify().records < before + 5 {
            std::thread::yield_now();
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        assert_eq!(place.faults(), Vec::<String>::new());
    }
    place.log(SMALL).append(&[draft(1)]).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new());
}
