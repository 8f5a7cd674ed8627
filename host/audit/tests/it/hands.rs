//! Hands that change the files.

use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Place, SMALL, draft};

/// What somebody may do to the lines of a log.
#[derive(Debug, Clone)]
enum Deed {
    /// One byte becomes another.
    Byte(Index, Index, u8),
    Remove(Index, Index),
    Swap(Index, Index),
    Repeat(Index),
    Move(Index, Index),
    /// A line of one's own.
    Insert(Index, String),
    /// The last so many lines.
    Cut(Index),
}

fn deed() -> impl Strategy<Value = Deed> {
    let any = any::<Index>;
    prop_oneof![
        4 => (any(), any(), 1..=255u8).prop_map(|(line, at, by)| Deed::Byte(line, at, by)),
        1 => (any(), any()).prop_map(|(from, count)| Deed::Remove(from, count)),
        1 => (any(), any()).prop_map(|(a, b)| Deed::Swap(a, b)),
        1 => any().prop_map(Deed::Repeat),
        1 => (any(), any()).prop_map(|(from, to)| Deed::Move(from, to)),
        1 => (any(), "[ -~]{0,40}").prop_map(|(at, text)| Deed::Insert(at, text)),
        1 => any().prop_map(Deed::Cut),
    ]
}

fn do_it(place: &Place, deed: &Deed) {
    let mut lines = place.lines();
    let count = lines.len();
    match deed {
        Deed::Byte(line, at, by) => {
            let file = &lines[line.index(count)].0;
            let mut bytes = fs::read(file).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            fs::write(file, bytes).unwrap();
            return;
        }
        Deed::Remove(from, many) => {
            let from = from.index(count);
            lines.drain(from..from + 1 + many.index(count - from));
        }
        Deed::Swap(a, b) => {
            let (a, b) = (a.index(count), b.index(count));
            let text = lines[a].1.clone();
            lines[a].1 = std::mem::replace(&mut lines[b].1, text);
        }
        Deed::Repeat(line) => lines.insert(line.index(count), lines[line.index(count)].clone()),
        Deed::Move(from, to) => {
            let (_, text) = lines.remove(from.index(count));
            let to = to.index(count - 1);
            let file = lines[to].0.clone();
            lines.insert(to, (file, text));
        }
        Deed::Insert(at, text) => {
            let at = at.index(count);
            lines.insert(at, (lines[at].0.clone(), text.clone()));
        }
        Deed::Cut(many) => lines.truncate(count - 1 - many.index(count)),
    }
    place.put(&lines);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_to_the_files_is_found(deed in deed()) {
        static PRISTINE: LazyLock<Place> = LazyLock::new(Place::filled);
        let place = PRISTINE.copy();
        let head = place.verify().head;
        do_it(&place, &deed);
        if place.bytes() == PRISTINE.bytes() {
            return Ok(());
        }
        let found = place.verify();
        prop_assert!(!found.faults.is_empty() || !found.notes.is_empty());
        // The very last line may lack its end without a fault: that is what a crash looks like, and nothing is lost.
        if found.faults.is_empty() {
            prop_assert_eq!(found.head, head);
        }

        // A host that goes on writing covers nothing.
        place.log(SMALL).append(&[draft(77)]).unwrap();
        let later = place.verify();
        prop_assert!(found.faults.is_empty() || !later.faults.is_empty(), "{:?}", later);
    }
}

#[test]
fn faults_name_file_and_line() {
    let place = Place::filled();
    let mut lines = place.lines();
    lines[1].1 = lines[1].1.replace("module", "modulf");
    place.put(&lines);
    let faults = place.faults();
    assert!(faults[0].starts_with("000001.jsonl:2: changed"), "{faults:?}");

    let place = Place::filled();
    let mut lines = place.lines();
    lines.remove(1);
    place.put(&lines);
    assert!(
        place.faults()[0].starts_with("000001.jsonl:2: record 3 where 2 should stand"),
        "{:?}",
        place.faults()
    );
}

#[test]
fn a_cut_end_is_found_before_and_after_a_host_goes_on() {
    let place = Place::filled();
    let mut lines = place.lines();
    lines.pop();
    place.put(&lines);
    let faults = place.faults();
    assert!(faults.len() == 1 && faults[0].starts_with("audit.head:0: it names record"), "{faults:?}");
    place.log(SMALL).append(&[draft(9)]).unwrap();
    let faults = place.faults();
    assert!(faults.len() == 1 && faults[0].contains("its end was cut or replaced"), "{faults:?}");
}

#[test]
fn a_file_or_all_of_them_cannot_go_unnoticed() {
    for which in 0..3 {
        let place = Place::filled();
        let files = place.files();
        fs::remove_file(&files[which]).unwrap();
        assert!(!place.faults().is_empty(), "file {which}");
    }
    let place = Place::filled();
    fs::remove_dir_all(place.path().join("audit")).unwrap();
    assert!(!place.faults().is_empty());
    place.log(SMALL).append(&[draft(1)]).unwrap();
    assert!(place.faults()[0].contains("the log ended with record 0"), "{:?}", place.faults());
}

#[test]
fn a_head_that_is_gone_or_false_is_found() {
    let place = Place::filled();
    let head = fs::read(place.head()).unwrap();
    fs::remove_file(place.head()).unwrap();
    assert_eq!(place.faults().len(), 1);
    place.log(SMALL).append(&[draft(1)]).unwrap();
    assert!(place.faults()[0].contains("the head of the log was missing"), "{:?}", place.faults());

    let place = Place::filled();
    assert_ne!(fs::read(place.head()).unwrap(), head, "every log has a beginning of its own");
    fs::write(place.head(), head).unwrap();
    assert_eq!(place.faults().len(), 1, "the head of another log");
}

/// A host that runs remembers where the log ended, even if somebody sets back all that lies on disk.
#[test]
fn a_running_host_notices_that_everything_was_set_back() {
    let place = Place::new();
    let mut log = place.log(SMALL);
    log.append(&[draft(1)]).unwrap();
    let (lines, head) = (place.lines(), fs::read(place.head()).unwrap());
    log.append(&[draft(2)]).unwrap();
    place.put(&lines);
    fs::write(place.head(), head).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new(), "nothing on disk tells");
    log.append(&[draft(3)]).unwrap();
    assert!(place.faults()[0].contains("record 3 had been written before"), "{:?}", place.faults());
}

#[test]
fn a_digest_that_was_noted_elsewhere_must_be_there() {
    let place = Place::filled();
    let noted = place.verify().head.unwrap().hash;
    place.log(SMALL).append(&[draft(5)]).unwrap();
    assert!(pointsman_audit::verify(place.path(), &[noted]).unwrap().faults.is_empty());
    let other = Place::filled();
    let report = pointsman_audit::verify(other.path(), &[noted]).unwrap();
    assert_eq!(report.faults.len(), 1, "{report:?}");
}

#[test]
fn files_under_other_names_are_found_and_so_is_what_is_no_file() {
    let place = Place::filled();
    for file in place.files().iter().rev() {
        let number: u32 = file.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        fs::rename(file, file.with_file_name(format!("{:06}.jsonl", number + 1))).unwrap();
    }
    assert!(place.faults()[0].contains("files were renamed"), "{:?}", place.faults());

    let place = Place::filled();
    let files = place.files();
    fs::remove_file(&files[1]).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &files[1], rustix::fs::Mode::RUSR).unwrap();
    assert!(place.faults()[0].contains("it is no file any more"), "{:?}", place.faults());
}

#[test]
fn a_line_longer_than_any_record_is_one_fault_and_shifts_no_numbers() {
    let place = Place::filled();
    let file = &place.files()[0];
    let mut text = fs::read_to_string(file).unwrap();
    let second = text.find('\n').unwrap() + 1;
    text.insert_str(second, &format!("{}\n\n", "x".repeat(1_000_000)));
    fs::write(file, text).unwrap();
    assert_eq!(
        place.faults(),
        ["000001.jsonl:2: no record: longer than any", "000001.jsonl:3: no record: an empty line"]
    );
}

/// An auditor's copy may lie on a medium that takes no more, and may lack the lock.
#[test]
fn a_copy_that_cannot_be_written_to_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::filled();
    let lock = place.path().join("audit/lock");
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new());
    fs::remove_file(&lock).unwrap();
    assert_eq!(place.faults(), Vec::<String>::new());
    assert!(!lock.exists(), "reading leaves nothing");
}
