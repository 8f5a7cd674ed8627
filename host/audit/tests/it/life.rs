//! What happens by itself: crashes, rotation, a full disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pointsman_audit::{Audit, AuditError, Fact, Filter, Keep, Options, Reader};
use serde_json::Value;

use crate::support::{Place, SMALL, draft};

#[test]
fn a_torn_line_is_marked_by_the_next_record_wherever_it_broke() {
    let before = Place::filled();
    let after = before.copy();
    after.log(SMALL).append(&[draft(1)]).unwrap();
    let next = after.lines().last().unwrap().1.clone();
    for cut in (1..next.len()).step_by(19).chain([next.len() - 1, next.len()]) {
        let place = before.copy();
        let last = place.files().pop().unwrap();
        let torn = [fs::read(&last).unwrap(), next.as_bytes()[..cut].to_vec()].concat();
        fs::write(&last, torn).unwrap();
        assert_eq!(place.faults(), Vec::<String>::new(), "cut at {cut}");
        assert_eq!(place.verify().notes.len(), 1, "cut at {cut}");
        place.log(SMALL).append(&[draft(2)]).unwrap();
        assert_eq!(place.faults(), Vec::<String>::new(), "cut at {cut}");
        let notes = place.verify().notes;
        if cut < next.len() {
            assert!(notes.len() == 1 && notes[0].what.starts_with("torn"), "cut at {cut}: {notes:?}");
        } else {
            assert_eq!(notes.len(), 0, "nothing but its end was missing");
        }
    }
}

#[test]
fn a_second_crash_at_the_mark_is_no_harm() {
    let place = Place::filled();
    let last = place.files().pop().unwrap();
    let text = fs::read_to_string(&last).unwrap();
    fs::write(&last, format!("{text}{{\"at\":\"2026\n{{\"at\":")).unwrap();
    place.log(SMALL).append(&[draft(2)]).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new());
    assert_eq!(place.verify().notes.len(), 2);
}

#[test]
fn files_are_their_owners_alone_and_follow_each_other() {
    let place = Place::filled();
    for file in place.files().into_iter().chain([place.head()]) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let folder = fs::metadata(place.path().join("audit")).unwrap().permissions().mode();
    assert_eq!(folder & 0o777, 0o700);
    let report = place.verify();
    assert_eq!(report.records, 25, "24, and the beginning");
    assert_eq!(report.files, place.files().len() as u64);
    assert_eq!(report.head.unwrap().seq, 25);
}

#[test]
fn rotation_says_what_it_removes() {
    let place = Place::new();
    let mut log = place.log(Options { rotate: 1500, keep: Keep::Newest(2) });
    for number in 0..30 {
        log.append(&[draft(number)]).unwrap();
    }
    assert_eq!(place.files().len(), 2);
    assert_eq!(place.faults(), Vec::<String>::new());
    assert!(!place.verify().notes.is_empty());
    // The files' own removal looks like anybody's: only what the log says of it counts.
    let files = place.files();
    fs::remove_file(&files[0]).unwrap();
    assert!(place.faults()[0].contains("what stood before was removed"), "{:?}", place.faults());
}

#[test]
fn a_full_disk_is_told_and_leaves_no_half_record() {
    let place = Place::filled();
    let files = place.files();
    let next = files.last().unwrap().with_file_name("000099.jsonl");
    std::os::unix::fs::symlink("/dev/full", &next).unwrap();
    let mut log = place.log(SMALL);
    let error = log.append(&[draft(1)]).unwrap_err();
    assert!(matches!(error, AuditError::Full { .. }), "{error}");
    assert!(error.to_string().contains("no space is left"), "{error}");
    fs::remove_file(&next).unwrap();
    log.miss(3);
    log.append(&[draft(2)]).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new());
    let notes = place.verify().notes;
    assert!(notes.iter().any(|note| note.what.starts_with("3 records")), "{notes:?}");
}

#[test]
fn records_can_be_filtered_and_followed() {
    let place = Place::new();
    let mut log = place.log(SMALL);
    let run = "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10";
    let mut ended = draft(1);
    ended.fact = Fact::CancelRequested {
        run_id: run.parse().unwrap(),
        by: None,
        reason: pointsman_model::Digest::of(b"enough"),
    };
    log.append(&[draft(3), ended]).unwrap();
    let mut reader = Reader::new(place.path());
    let mut seen: Vec<Value> = Vec::new();
    let mut take = |reader: &mut Reader| -> Vec<Value> {
        seen.clear();
        let read = reader.read(|record| -> Result<(), AuditError> {
            seen.push(record);
            Ok(())
        });
        read.unwrap();
        seen.clone()
    };
    let first = take(&mut reader);
    assert_eq!(first.len(), 3);
    let filter = Filter { run: Some(run[..8].to_owned()), ..Filter::default() };
    assert_eq!(first.iter().filter(|record| filter.takes(record)).count(), 1);
    let filter = Filter { kinds: vec!["began".to_owned()], ..Filter::default() };
    assert_eq!(first.iter().filter(|record| filter.takes(record)).count(), 1);
    let filter = Filter { since: Some(pointsman_model::Timestamp::from_millis(2)), ..Filter::default() };
    assert_eq!(first.iter().filter(|record| filter.takes(record)).count(), 2);
    assert_eq!(take(&mut reader).len(), 0);
    for number in 0..20 {
        log.append(&[draft(number)]).unwrap();
    }
    assert_eq!(take(&mut reader).len(), 20, "over the ends of files");
}

#[tokio::test]
async fn many_tasks_write_at_once() {
    let place = Place::new();
    let audit = Audit::open(place.path(), SMALL).unwrap();
    let tasks: Vec<_> = (0..50u8)
        .map(|number| {
            let audit = audit.clone();
            tokio::spawn(async move { audit.write(vec![draft(number), draft(number)]).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(place.faults(), Vec::<String>::new());
    assert_eq!(place.verify().records, 101);
}
