//! The approver's secret: a person at a terminal has it, and an agent with a terminal of its own does not.

use std::fs;

use pointsman_tests::{Place, Terminal};
use serde_json::{Value, json};

const SECRET: &str = "correct horse battery";

/// Runs the program at a terminal and types these lines, each when it is asked for something; gives how it ended.
fn typed(place: &Place, args: &[&str], lines: &[&str]) -> (Option<i32>, String) {
    let mut command = place.pointsman();
    command.args(args);
    let mut terminal = Terminal::start(&command);
    for line in lines {
        terminal.expect(": ");
        terminal.line(line);
    }
    terminal.end()
}

fn set_secret(place: &Place) {
    let (exit, screen) = typed(place, &["approver", "set"], &[SECRET, SECRET]);
    assert_eq!(exit, Some(0), "{screen}");
    assert!(!screen.contains(SECRET), "what is typed is not shown: {screen}");
}

fn attempts(place: &Place) -> Vec<String> {
    let output = place.pointsman().args(["audit", "show", "--json", "--kind", "approver"]).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let word =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["attempt"].as_str().unwrap().to_owned();
    lines.lines().map(word).collect()
}

#[test]
fn only_who_types_the_secret_gets_an_answer_through() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let asked = place.cli(&["approvals", "list"])[0]["approval_id"].as_str().unwrap().to_owned();
    set_secret(&place);
    assert_eq!(place.cli(&["approver", "status"]), json!({"set": true}));

    // No terminal at all, and the secret in all the wrong places.
    let mut piped = place.command("setsid");
    piped.args(["--wait", "sh", "-c", "echo \"$SECRET\" | \"$0\" approvals allow \"$1\""]);
    piped.arg(place.pointsman().get_program()).arg(&asked).env("SECRET", SECRET);
    let output = piped.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("typed at a terminal"), "{output:?}");

    // A terminal of one's own is not enough.
    let (exit, screen) = typed(&place, &["approvals", "allow", &asked], &["open sesame"]);
    assert_eq!(exit, Some(1), "{screen}");
    assert!(screen.contains("the approver's secret is wrong; 4 more may be tried"), "{screen}");
    assert_eq!(host.record(&run)["status"], "approval_required");

    let (exit, screen) = typed(&place, &["approvals", "allow", &asked], &[SECRET]);
    assert_eq!(exit, Some(0), "{screen}");
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
    assert_eq!(attempts(&place), ["wrong", "right"]);
    for entry in fs::read_dir(place.state()).unwrap().map(|entry| entry.unwrap().path()) {
        let bytes = fs::read(&entry).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "{}", entry.display());
    }
}

#[test]
fn guesses_are_few_with_and_without_a_host() {
    let place = Place::new();
    let mut host = place.host();
    host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let asked = place.cli(&["approvals", "list"])[0]["approval_id"].as_str().unwrap().to_owned();
    set_secret(&place);
    let guess = |word: &str| typed(&place, &["approvals", "allow", &asked], &[word]);
    for number in 0..3 {
        let (exit, screen) = guess(&format!("guess number {number}"));
        assert_eq!(exit, Some(1), "{screen}");
    }
    host.hang_up().well();
    for number in 3..5 {
        let (exit, screen) = guess(&format!("guess number {number}"));
        assert_eq!(exit, Some(1), "{screen}");
    }
    let (exit, screen) = guess(SECRET);
    assert_eq!(exit, Some(1), "{screen}");
    assert!(screen.contains("too many wrong secrets"), "{screen}");
    assert_eq!(attempts(&place), ["wrong", "wrong", "wrong", "wrong", "wrong", "locked"]);
    assert_eq!(place.cli(&["approvals", "list"])[0]["state"], "pending");
}

#[test]
fn a_running_host_takes_no_answer_once_the_secret_was_replaced_behind_its_back() {
    let place = Place::new();
    set_secret(&place);
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let asked = place.cli(&["approvals", "list"])[0]["approval_id"].as_str().unwrap().to_owned();
    fs::remove_file(place.state().join("approver.json")).unwrap();
    let output = place.cli_output(&["approvals", "allow", &asked]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("was replaced"), "{output:?}");
    assert_eq!(host.record(&run)["status"], "approval_required");
    host.hang_up().well();
    assert_eq!(attempts(&place), ["replaced"]);
}

#[test]
fn the_secret_is_typed_once_however_many_are_answered() {
    let place = Place::new();
    let mut host = place.host();
    let runs: Vec<Value> =
        (0..3).map(|_| host.spawn(&place, "script", "say hi", json!({"access": "full"}))).collect();
    set_secret(&place);
    let asked = place.cli(&["approvals", "list", "--run", runs[1]["run_id"].as_str().unwrap()]);
    assert_eq!(asked.as_array().unwrap().len(), 1, "one run's alone: {asked}");
    let asked = asked[0]["approval_id"].as_str().unwrap();
    let (exit, screen) = typed(&place, &["approvals", "allow", asked, "--alike"], &[SECRET]);
    assert_eq!(exit, Some(0), "{screen}");
    assert_eq!(screen.matches("secret: ").count(), 1, "{screen}");
    for run in &runs {
        assert_eq!(host.finish(run)["status"], "completed");
    }
    host.hang_up().well();
    assert_eq!(attempts(&place), ["right", "right", "right"], "each answer is checked");
}
