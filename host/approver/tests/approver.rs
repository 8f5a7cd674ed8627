//! Who gets through, and who does not.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pointsman_approver::{Approver, ApproverError, Secret, is_set};
use pointsman_model::Timestamp;

const MINUTE: u64 = 60_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_795_230_897_123 + millis)
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn right() -> Secret {
    secret("correct horse")
}

fn with_secret() -> (tempfile::TempDir, Approver) {
    let state = tempfile::tempdir().unwrap();
    let approver = Approver::open(state.path());
    approver.set(None, &right(), at(0)).unwrap();
    (state, approver)
}

#[test]
fn only_the_secret_gets_through_and_it_is_nowhere_in_the_files() {
    let (state, approver) = with_secret();
    assert!(approver.check(Some(&right()), at(1)).unwrap());
    assert!(matches!(approver.check(None, at(1)), Err(ApproverError::Missing)));
    let wrong = approver.check(Some(&secret("correct house")), at(2));
    assert!(matches!(wrong, Err(ApproverError::Wrong { left: 4, minutes: 10 })), "{wrong:?}");
    for file in fs::read_dir(state.path()).unwrap().map(|file| file.unwrap()) {
        assert!(!fs::read_to_string(file.path()).unwrap().contains("correct"));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(format!("{:?}", right()), "Secret");
}

#[test]
fn few_may_be_tried_in_a_while_over_all_processes() {
    let (state, approver) = with_secret();
    for number in 0..5 {
        // Each as a process of its own would.
        let other = Approver::open(state.path());
        let tried = other.check(Some(&secret("wrong wrong")), at(number * MINUTE));
        assert!(matches!(tried, Err(ApproverError::Wrong { .. })), "{number}: {tried:?}");
    }
    let locked = approver.check(Some(&right()), at(5 * MINUTE));
    assert!(matches!(locked, Err(ApproverError::Locked { seconds: 300 })), "{locked:?}");
    // The first is forgotten: one more.
    assert!(approver.check(Some(&right()), at(10 * MINUTE)).unwrap());
}

#[test]
fn who_knows_of_attempts_does_not_forget_them_with_the_file() {
    let (state, approver) = with_secret();
    for _ in 0..5 {
        approver.check(Some(&secret("wrong wrong")), at(0)).unwrap_err();
        fs::remove_file(state.path().join("approver.attempts")).unwrap();
    }
    assert!(matches!(approver.check(Some(&right()), at(1)), Err(ApproverError::Locked { .. })));
}

#[test]
fn a_hash_that_is_put_in_its_place_or_taken_away_stops_a_running_host() {
    let (state, approver) = with_secret();
    let (other, _) = with_secret();
    let path = state.path().join("approver.json");
    let own = fs::read(&path).unwrap();
    fs::copy(other.path().join("approver.json"), &path).unwrap();
    assert!(matches!(approver.check(Some(&right()), at(1)), Err(ApproverError::Replaced)));
    fs::remove_file(&path).unwrap();
    assert!(matches!(approver.check(None, at(1)), Err(ApproverError::Replaced)));
    fs::write(&path, "{}").unwrap();
    assert!(matches!(approver.check(None, at(1)), Err(ApproverError::Damaged { .. })));
    fs::write(&path, own).unwrap();
    assert!(approver.check(Some(&right()), at(1)).unwrap());
}

#[test]
fn one_that_is_set_later_holds_from_then_on() {
    let state = tempfile::tempdir().unwrap();
    let host = Approver::open(state.path());
    assert!(!host.check(None, at(0)).unwrap());
    Approver::open(state.path()).set(None, &right(), at(0)).unwrap();
    assert!(matches!(host.check(None, at(1)), Err(ApproverError::Missing)));
    assert!(host.check(Some(&right()), at(1)).unwrap());
}

#[test]
fn a_change_needs_the_secret_that_is_set() {
    let (state, approver) = with_secret();
    assert!(matches!(approver.set(None, &secret("another one"), at(0)), Err(ApproverError::Missing)));
    assert!(matches!(
        approver.set(Some(&right()), &secret("short"), at(0)),
        Err(ApproverError::TooShort { .. })
    ));
    approver.set(Some(&right()), &secret("another one"), at(0)).unwrap();
    assert!(matches!(approver.clear(Some(&right()), at(0)), Err(ApproverError::Wrong { .. })));
    assert!(is_set(state.path()));
    assert!(approver.clear(Some(&secret("another one")), at(0)).unwrap());
    assert!(!is_set(state.path()));
    assert!(!approver.check(None, at(0)).unwrap());
}

/// Whoever opens the files after somebody replaced them knows by the fingerprint what was set.
#[test]
fn what_was_replaced_before_it_is_opened_is_noticed_by_its_fingerprint() {
    let (state, approver) = with_secret();
    let pin = approver.fingerprint();
    let opened = || Approver::open(state.path()).pinned(pin.clone());
    assert!(opened().check(Some(&right()), at(1)).unwrap());
    let file = state.path().join("approver.json");
    let kept = fs::read(&file).unwrap();

    fs::remove_file(&file).unwrap();
    assert!(matches!(opened().check(None, at(2)), Err(ApproverError::Replaced)));
    assert!(matches!(opened().set(None, &secret("another one"), at(2)), Err(ApproverError::Replaced)));
    assert!(!is_set(state.path()), "nothing was set");
    Approver::open(state.path()).set(None, &secret("of the agent"), at(3)).unwrap();
    let got_in = opened().check(Some(&secret("of the agent")), at(3));
    assert!(matches!(got_in, Err(ApproverError::Replaced)), "{got_in:?}");

    fs::write(&file, kept).unwrap();
    let again = opened();
    assert!(again.check(Some(&right()), at(4)).unwrap());
    again.set(Some(&right()), &secret("a new secret"), at(5)).unwrap();
    assert!(again.check(Some(&secret("a new secret")), at(6)).unwrap());
    assert_ne!(again.fingerprint(), pin);
    assert!(again.clear(Some(&secret("a new secret")), at(7)).unwrap());
    assert_eq!((again.fingerprint(), again.check(None, at(8)).unwrap()), (None, false));
}
