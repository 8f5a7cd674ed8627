//! `pointsman run` on a real terminal: what a person sees, and what their keys do.

#![cfg(target_os = "linux")] // `script` has other options elsewhere.

use serde_json::Value;

use crate::program::Home;
use crate::running::{home, pending};
use crate::terminal::Terminal;

/// What stands before the cursor.
const PROMPT: &str = "[q]uit: ";

fn start(home: &Home) -> Terminal {
    run(home, &["echo", "the answer", "--access", "full"])
}

fn run(home: &Home, args: &[&str]) -> Terminal {
    Terminal::start(&home.command(&[&["run"], args].concat()))
}

/// The newest question.
fn question(home: &Home) -> Value {
    let listed = home.run(&["--json", "approvals", "list", "--all"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    listed[0].clone()
}

#[test]
fn a_person_allows_in_place_and_the_agent_goes_on() {
    let home = home();
    let mut terminal = start(&home);
    let shown = terminal.expect(PROMPT);
    for part in
        ["Launch", "echo", "the answer", "full: whatever your user may do", "full access reaches", "sha256:"]
    {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
    // Whatever is no answer is none, least of all a yes.
    terminal.line("yes please");
    terminal.expect("Answer y, n, v or q");
    terminal.expect(PROMPT);
    terminal.line("y");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(
        screen.contains('⠁') || screen.contains('⠋') || screen.contains("starting"),
        "a spinner: {screen}"
    );
    let (_, after) = screen.rsplit_once(PROMPT).unwrap();
    // The spinner may show it, too, while it is not clear whether it is the answer.
    let lasting = |line: &&str| !line.chars().any(|glyph| ('\u{2800}'..='\u{28ff}').contains(&glyph));
    let answers = after.split(['\r', '\n']).filter(lasting).filter(|line| line.contains("the answer"));
    assert_eq!(answers.count(), 1, "the answer stands there once: {after}");
    let question = question(&home);
    assert_eq!(question["state"], "consumed");
    assert!(question["settled_by"].as_str().unwrap().starts_with("cli:"), "{question}");
}

#[test]
fn a_person_denies_and_says_why() {
    let home = home();
    let mut terminal = start(&home);
    terminal.expect(PROMPT);
    terminal.line("n");
    terminal.expect("What should the agent know?");
    terminal.line("not on a Friday");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(5), "{screen}");
    assert_eq!(question(&home)["feedback"], "not on a Friday");
}

#[test]
fn what_a_running_agent_asks_is_answered_in_place_and_it_goes_on() {
    let home = home();
    let built = home.path().join("built");
    let mut terminal = run(&home, &["builder", "build it"]);
    let shown = terminal.expect(PROMPT);
    assert!(shown.contains("touch built"), "the exact command is shown:\n{shown}");
    assert!(!built.exists(), "it waits");
    terminal.line("n");
    terminal.expect("What should the agent know?");
    terminal.line("not today");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("not built: not today"), "the agent heard it: {screen}");
    assert!(!built.exists());
    assert_eq!(question(&home)["state"], "denied");

    let mut terminal = run(&home, &["builder", "build it"]);
    terminal.expect(PROMPT);
    terminal.line("y");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("it is built"), "{screen}");
    assert!(built.exists());
    assert_eq!(question(&home)["state"], "consumed");
}

#[test]
fn what_was_typed_before_the_question_is_no_answer() {
    let home = home();
    let mut terminal = start(&home);
    terminal.keys(b"y\ry\ry\r");
    terminal.expect(PROMPT);
    assert_eq!(question(&home)["state"], "pending");
    terminal.line("q");
    assert_eq!(terminal.end().0, Some(6));
    assert_eq!(question(&home)["state"], "withdrawn");
}

#[test]
fn control_c_ends_the_run() {
    let home = home();
    let mut terminal = start(&home);
    terminal.expect(PROMPT);
    terminal.keys(b"\x03");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(6), "{screen}");

    let mut terminal = run(&home, &["stay", "x"]);
    terminal.expect("staying");
    terminal.keys(b"\x03");
    terminal.expect("Ctrl-C again");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(6), "{screen}");
}

#[test]
fn an_answer_from_elsewhere_takes_the_question_off_the_screen() {
    let home = home();
    let mut terminal = start(&home);
    terminal.expect(PROMPT);
    assert_eq!(home.run(&["approvals", "allow", &pending(&home)]).exit, Some(0));
    terminal.expect("settled meanwhile");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(0), "{screen}");
}

/// Whoever asks cannot answer: an agent that has a terminal is still an agent.
#[test]
fn below_an_agent_nobody_is_asked_in_place() {
    let home = home();
    let mut agents = home.command(&["run", "echo", "x", "--access", "full"]);
    agents.env("POINTSMAN_RUN_ID", "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10");
    let mut terminal = Terminal::start(&agents);
    terminal.expect("pointsman approvals allow");
    terminal.line("y");
    terminal.keys(b"\x03");
    let (exit, screen) = terminal.end();
    assert_eq!(exit, Some(6), "{screen}");
    assert_eq!(question(&home)["state"], "withdrawn");
}

#[test]
fn no_terminal_obeys_an_agent() {
    let home = home();
    let (exit, screen) = run(&home, &["events", "x"]).end();
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains("\\x1b]0;fooled\\x07done"), "{screen}");
    assert!(!screen.contains("\u{1b}]0;") && !screen.contains("\u{1b}[2J"), "{screen}");
    for line in ["$ make \\x1b[2J", "no rule", "a.txt"] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
}
