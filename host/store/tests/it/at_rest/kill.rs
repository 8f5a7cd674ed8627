//! A process that rewrites a state is killed at many points; nothing is lost, and it goes on from there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pointsman_store::{Migrated, Progress, Stands, StateKey, Store, StoreError};
use rstest::rstest;

use super::{MARK, all_of, copy, files_with, filled, quietly};

const STATE: &str = "POINTSMAN_STORE_TEST_STATE";
const WORK: &str = "POINTSMAN_STORE_TEST_WORK";

fn old() -> StateKey {
    StateKey::new([1; 32])
}

fn new() -> StateKey {
    StateKey::new([2; 32])
}

fn work(work: &str, state: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Migrated, StoreError> {
    match work {
        "encrypt" => pointsman_store::encrypt(state, &old(), progress),
        "decrypt" => pointsman_store::decrypt(state, &old(), progress),
        "rotate" => pointsman_store::rekey(state, &[&old()], &new(), true, progress),
        "rewrap" => pointsman_store::rekey(state, &[&old()], &new(), false, progress),
        other => panic!("{other}"),
    }
}

/// The process that is killed: after each step it waits for a line. Only a test when started by those below.
#[test]
#[ignore = "started by the tests below"]
fn rewrite_until_killed() {
    let (Some(state), Ok(what)) = (std::env::var_os(STATE), std::env::var(WORK)) else { return };
    let say = |word: &str| {
        println!("step {word}");
        std::io::stdout().flush().unwrap();
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).unwrap();
    };
    if what == "hold" {
        let _store = Store::open(Path::new(&state)).unwrap();
        return say("held");
    }
    work(&what, Path::new(&state), &mut |progress: Progress| say(progress.table)).unwrap();
    say("done");
}

/// That process.
pub(super) struct Child {
    process: std::process::Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Child {
    /// Starts it, and waits for its first step.
    pub(super) fn start(what: &str, state: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "at_rest::kill::rewrite_until_killed"])
            .env(STATE, state)
            .env(WORK, what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut child = Self { process, lines };
        child.step().unwrap();
        child
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets it go on.
    fn go(&mut self) {
        self.process.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Gives its next step.
    fn step(&mut self) -> Option<String> {
        let mut steps = self.lines.by_ref().map_while(Result::ok);
        // The name of the test stands before the first.
        steps.find_map(|line| line.split_once("step ").map(|(_, word)| word.to_owned()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Makes the state that the work begins with.
async fn begin(what: &str) -> (tempfile::TempDir, String) {
    let (folder, held) = filled(14).await;
    if what != "encrypt" {
        pointsman_store::encrypt(&folder.path().join("state"), &old(), &mut quietly()).unwrap();
    }
    (folder, held)
}

fn check_done(what: &str, state: &Path, held: &str, at: &str) {
    let key = match what {
        "encrypt" => Some(old()),
        "decrypt" => None,
        _ => Some(new()),
    };
    assert_eq!(all_of(state, key.as_ref()), held, "{what} killed at {at}");
    if what == "decrypt" {
        return;
    }
    assert_eq!(files_with(state, MARK), [] as [PathBuf; 0], "{what} killed at {at}");
}

/// Killed after each transaction, between it and the next.
#[rstest]
#[case("encrypt")]
#[case("decrypt")]
#[case("rotate")]
#[case("rewrap")]
#[tokio::test]
async fn killed_after_any_step_it_goes_on(#[case] what: &str) {
    let (folder, held) = begin(what).await;
    let began = folder.path().join("state");
    let mut steps = 0;
    for kill_at in 0.. {
        let state = folder.path().join(format!("killed-{kill_at}"));
        copy(&began, &state);
        let mut child = Child::start(what, &state);
        let mut at = "the first step".to_owned();
        for _ in 0..kill_at {
            child.go();
            at = child.step().unwrap();
        }
        drop(child);
        let stands = Stands::of(&state).unwrap();
        if at == "done" {
            check_done(what, &state, &held, &at);
            steps = kill_at;
            break;
        }
        if let Stands::Half { phase, command, .. } = &stands {
            // Nobody opens it, whatever the key, and everybody is told what helps.
            for key in [None, Some(old()), Some(new())] {
                let refused = Store::open_with(&state, key.as_ref()).unwrap_err();
                assert!(matches!(refused, StoreError::HalfMigrated { .. }), "{refused:?}");
                assert!(refused.to_string().contains(&format!("`pointsman state {command}`")), "{refused}");
            }
            assert_eq!(*phase, if what == "rotate" { "rotating".to_owned() } else { format!("{what}ing") });
            // Nothing else goes on from here.
            let other = if what == "encrypt" { "decrypt" } else { "encrypt" };
            let key_fits = !(what == "rotate" && other == "encrypt");
            let refused = work(other, &state, &mut quietly());
            let half = matches!(refused, Err(StoreError::HalfMigrated { .. }));
            assert!(half || (!key_fits && refused.is_err()), "{what}: {refused:?}");
        }
        work(what, &state, &mut quietly()).unwrap();
        check_done(what, &state, &held, &at);
        std::fs::remove_dir_all(&state).unwrap();
    }
    assert!(steps >= if what == "rewrap" { 1 } else { 14 }, "{what} had {steps} steps");
}

/// Killed at any moment, again and again, while it runs freely.
#[rstest]
#[case("encrypt")]
#[case("decrypt")]
#[case("rotate")]
#[tokio::test]
async fn killed_again_and_again_it_ends_well(#[case] what: &str) {
    let (folder, held) = begin(what).await;
    let state = folder.path().join("state");
    for round in 0_u64..25 {
        let mut child = Child::start(what, &state);
        // More lines than there are steps: it does not wait for any of them.
        child.process.stdin.as_mut().unwrap().write_all(&[b'\n'; 400]).unwrap();
        std::thread::sleep(Duration::from_micros((round * 7919) % 30_011));
        drop(child);
        if matches!(Stands::of(&state).unwrap(), Stands::Half { .. }) {
            let refused = Store::open_with(&state, Some(&old())).unwrap_err();
            assert!(matches!(refused, StoreError::HalfMigrated { .. }), "{refused:?}");
        }
    }
    work(what, &state, &mut quietly()).unwrap();
    check_done(what, &state, &held, "many moments");
}
