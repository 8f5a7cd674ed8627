//! Invariant 10: no process outlives its run, wherever it has moved to and however the run ends.
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{Bench, HOST, PATIENCE, alive, all, exit, next, output, script, until};
use pointsman_capabilities::process::ProcessEvent;
use pointsman_model::plugin::{Argument, Exit, Process, Stop};

/// Ways to get out of sight; each leaves processes with `$MARK` in their arguments, and says `ready` when they run.
/// A shell's own children are named by it: `sh -c 'sleep 600; :' MARK` stays a shell as long as its sleep lives.
const ESCAPES: [(&str, &str); 6] = [
    ("a child", "sh -c 'echo ready; sleep 600; :' MARK; :"),
    ("a session of its own", "setsid sh -c 'echo ready; sleep 600; :' MARK & wait"),
    (
        "a double fork",
        "(setsid sh -c '(sh -c \"echo ready; sleep 600; :\" MARK &)' MARK &) ; sleep 600; : MARK",
    ),
    (
        "deaf to all but kill",
        "trap '' INT TERM HUP; setsid sh -c 'trap \"\" INT TERM HUP; echo ready; while :; do sleep 600; done' MARK; : MARK",
    ),
    ("stopped", "setsid sh -c 'sh -c \"echo ready; kill -STOP \\$\\$; sleep 600\" MARK; :' MARK; :"),
    (
        "started again whenever it ends",
        "echo ready; while :; do setsid sh -c 'sleep 600; :' MARK; done; : MARK",
    ),
];

async fn ready(events: &mut tokio::sync::mpsc::Receiver<ProcessEvent>) {
    let event = next(events).await;
    assert!(matches!(&event, ProcessEvent::Output { lines, .. } if lines == &["ready"]), "{event:?}");
}

#[rstest::rstest]
#[case(0)]
#[case(1)]
#[case(2)]
#[case(3)]
#[case(4)]
#[case(5)]
#[tokio::test]
async fn kill_reaches_every_descendant(#[case] escape: usize) {
    let bench = Bench::new();
    let (mark, (name, text)) = (bench.mark(), ESCAPES[escape]);
    let (child, mut events) = bench.start(&script(&text.replace("MARK", &mark))).await;
    ready(&mut events).await;
    assert!(!alive(&mark).is_empty(), "{name}");
    child.stop(Stop::Kill);
    let events = all(&mut events).await;
    assert_eq!(alive(&mark), [0_u32; 0], "{name}");
    assert_eq!(exit(&events).0, Exit::Signal(9), "{name}");
}

#[rstest::rstest]
#[case(0)]
#[case(2)]
#[case(3)]
#[tokio::test]
async fn a_graceful_stop_returns_when_nothing_lives(#[case] escape: usize) {
    let bench = Bench::new();
    let (mark, (name, text)) = (bench.mark(), ESCAPES[escape]);
    let (child, mut events) = bench.start(&script(&text.replace("MARK", &mark))).await;
    ready(&mut events).await;
    // Nobody takes the events meanwhile.
    tokio::time::timeout(PATIENCE, child.stop_gracefully(Duration::from_millis(50))).await.unwrap();
    assert_eq!(alive(&mark), [0_u32; 0], "{name}");
    all(&mut events).await;
}

/// As a fork bomb, but slow enough for the machine to bear.
#[tokio::test]
async fn a_crowd_that_grows_while_it_is_killed_is_killed() {
    let bench = Bench::new();
    let mark = bench.mark();
    let text = "i=0; while :; do setsid sh -c 'sleep 600; :' MARK & i=$((i+1)); [ $i = 20 ] && echo ready; done; : MARK";
    let (child, mut events) = bench.start(&script(&text.replace("MARK", &mark))).await;
    ready(&mut events).await;
    child.stop(Stop::Kill);
    all(&mut events).await;
    assert_eq!(alive(&mark), [0_u32; 0]);
}

/// Each process starts the next and ends: whoever is looked up is gone when the signal comes.
#[tokio::test]
async fn a_chain_that_is_never_where_it_was_seen_is_killed() {
    let bench = Bench::new();
    let mark = bench.mark();
    let chain = Process {
        program: "self".into(),
        args: vec![Argument::Plain("chain".into()), Argument::Plain(mark.clone())],
        ..script("")
    };
    let (_child, mut events) = bench.start(&chain).await;
    // Its first process ends at once; what is left behind is ended without being asked.
    let events = all(&mut events).await;
    assert_eq!(exit(&events).0, Exit::Code(0));
    assert_eq!(alive(&mark), [0_u32; 0]);
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_and_its_output_comes_to_an_end() {
    let bench = Bench::new();
    let mark = bench.mark();
    let text = format!("setsid sh -c 'echo background; sleep 600; :' {mark} & echo main; exit 3");
    let events = bench.run(&script(&text)).await;
    assert!(output(&events).contains(&"main"));
    assert_eq!(exit(&events), (Exit::Code(3), ""));
    assert_eq!(alive(&mark), [0_u32; 0]);
}

/// An agent ends its own commands when it is interrupted; a session of its own is not interrupted under its hands.
#[tokio::test]
async fn an_interrupt_is_for_the_agent() {
    let bench = Bench::new();
    let mark = bench.mark();
    let text = format!(
        "setsid sh -c 'trap \"echo tool interrupted; exit\" INT; echo ready; while :; do sleep 0.01; done' {mark} &
         tool=$!; trap 'echo agent interrupted; kill -TERM $tool; wait $tool; echo tool ended with $?; exit 130' INT
         wait $tool"
    );
    let (child, mut events) = bench.start(&script(&text)).await;
    ready(&mut events).await;
    child.stop(Stop::Interrupt);
    let events = all(&mut events).await;
    assert_eq!(output(&events), ["agent interrupted", "tool ended with 143"]);
    assert_eq!(exit(&events).0, Exit::Code(130));
}

#[tokio::test]
async fn a_tree_dies_when_its_handle_is_dropped() {
    let bench = Bench::new();
    let mark = bench.mark();
    let text = format!("setsid sh -c 'echo ready; sleep 600; :' {mark}; :");
    let (child, mut events) = bench.start(&script(&text)).await;
    ready(&mut events).await;
    drop(child);
    all(&mut events).await;
    assert_eq!(alive(&mark), [0_u32; 0]);

    let (child, mut events) = bench.start(&script(&text)).await;
    ready(&mut events).await;
    drop(events);
    tokio::time::timeout(PATIENCE, child.gone()).await.unwrap();
    assert_eq!(alive(&mark), [0_u32; 0]);
}

#[tokio::test]
async fn a_program_dies_with_its_supervisor() {
    let bench = Bench::new();
    let mark = bench.mark();
    let (child, mut events) = bench.start(&script(&format!("echo ready; sleep 600; : {mark}"))).await;
    ready(&mut events).await;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.pid())).unwrap();
    let supervisor = stat.rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
    assert!(Command::new("kill").args(["-KILL", &supervisor]).status().unwrap().success());
    let events = all(&mut events).await;
    assert!(exit(&events).1.contains("the supervisor was ended by somebody else"), "{events:?}");
    until("the program is gone", || alive(&mark).is_empty());
}

/// Seed defect 13: `kill -9` of the host left its agents running.
#[rstest::rstest]
#[case(0)]
#[case(1)]
#[case(2)]
#[case(3)]
#[case(4)]
#[case(5)]
fn nothing_survives_the_death_of_its_host(#[case] escape: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (name, text) = ESCAPES[escape];
    let mark =
        format!("mark-{}", folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'));
    let mut host = Command::new(HOST)
        .args(["host", &text.replace("MARK", &mark)])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(host.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("ready"), "{name}: {line}");
    host.kill().unwrap();
    host.wait().unwrap();
    // Whoever waits for the host's output to end waits for no supervisor.
    said.read_to_string(&mut line).unwrap();
    until(name, || alive(&mark).is_empty());
}

/// What other systems than Linux get: the process group.
#[tokio::test]
async fn the_portable_tree_ends_what_shares_the_group() {
    let bench = Bench::portable();
    let mark = bench.mark();
    let deaf =
        format!("sh -c 'trap \"\" INT TERM; echo ready; while :; do sleep 600; done' {mark} & wait; :");
    let (child, mut events) = bench.start(&script(&deaf)).await;
    ready(&mut events).await;
    tokio::time::timeout(PATIENCE, child.stop_gracefully(Duration::from_millis(50))).await.unwrap();
    all(&mut events).await;
    until("the group is gone", || alive(&mark).is_empty());

    let events = bench.run(&script(&format!("sh -c 'sleep 600; :' {mark} & exit 3"))).await;
    assert_eq!(exit(&events).0, Exit::Code(3));
    until("leftovers are gone", || alive(&mark).is_empty());
}
