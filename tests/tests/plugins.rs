//! Hostile plugins in a whole host: each is contained, named in what people read, and nobody else's trouble.

use std::sync::OnceLock;

use pointsman_tests::{Host, Place, eventually, holds};
use rstest::rstest;
use serde_json::{Value, json};

/// As many as the host has threads that must never wait.
const SPINNING: usize = 2;

/// What an agent prints that is told to print much: it stands in no prompt.
const SECRET: &str = "0123456789abcdef";

/// Gives the path of the hostile guest as TOML has it.
fn hostile() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let built = pointsman_guest_build::build(&["pointsman-hostile"]).expect("the hostile guest builds");
        Value::from(built[0].display().to_string()).to_string()
    })
}

/// Configures a backend that does a word in an export.
fn backend(name: &str, word: &str, export: &str) -> String {
    let path = hostile();
    format!(
        "[backends.{name}]\ncomponent = {path}\n[backends.{name}.config]\ndo = \"{word}\"\nin = \"{export}\"\n"
    )
}

fn project_holds(place: &Place, text: &str) -> bool {
    [place.project(), place.state()].iter().any(|folder| holds(folder, text))
}

/// What a failure has to say of itself.
fn assert_failed_in(record: &Value, export: &str, cause: &str) {
    assert_eq!((&record["status"], &record["error"]["reason"]), (&json!("failed"), &json!("plugin_failed")));
    let message = record["error"]["message"].as_str().expect("a failure has a message");
    let backend = record["backend"].as_str().expect("a run has a backend");
    for part in [backend, &format!("`{export}`"), cause] {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn a_backend_that_fails_ends_its_run_and_no_other() {
    let cases = [
        ("trap-start", "trap", "start", "run.start", "unreachable"),
        ("trap-later", "trap", "first_input", "run.handle", "unreachable"),
        ("panic-later", "panic", "first_input", "run.handle", "trapped"),
        ("bomb-start", "memory", "start", "run.start", "ran out of memory"),
        ("bomb-later", "memory", "first_input", "run.handle", "ran out of memory"),
        ("huge-start", "huge_return", "start", "run.start", "returned too much"),
        ("huge-later", "huge_return", "first_input", "run.handle", "returned too much"),
        ("deep-later", "deep_json", "first_input", "run.handle", "levels of JSON"),
    ];
    let tables: String = cases.iter().map(|(name, word, export, ..)| backend(name, word, export)).collect();
    let place = Place::with(&tables);
    let mut host = place.host();
    let honest = host.spawn(&place, "script", "say still here\nlinger", json!({}));
    host.event(&honest, "agent_message");
    let runs: Vec<_> = cases.iter().map(|(name, ..)| host.spawn(&place, name, "do it", json!({}))).collect();
    for (run, (.., export, cause)) in runs.iter().zip(&cases) {
        let record = host.finish(run);
        assert_failed_in(&record, export, cause);
        let events = host.events(run);
        assert_eq!(events.last().expect("a run has events")["type"], "run_failed", "{events:?}");
    }
    assert_eq!(host.record(&honest)["status"], "running");
    host.hang_up().well();
}

#[test]
fn a_backend_that_spins_delays_nobody() {
    let place = Place::with(&backend("spinner", "spin", "start"));
    let mut host = place.host();
    // What is loaded once is loaded by now.
    let first = host.spawn(&place, "script", "say hello", json!({}));
    host.finish(&first);
    let spinning: Vec<_> = (0..SPINNING).map(|_| host.spawn(&place, "spinner", "spin", json!({}))).collect();
    for run in &spinning {
        eventually("the launch of a run that spins", || {
            (host.record(run)["status"] == "running").then_some(())
        });
    }
    let honest = host.spawn(&place, "script", "say hello", json!({}));
    let honest = host.finish(&honest);
    assert_eq!(honest["status"], "completed", "{honest}");
    let at = |record: &Value| record["completed_at"].as_str().expect("the run is over").to_owned();
    for run in &spinning {
        let record = host.finish(run);
        let message = record["error"]["message"].as_str().unwrap_or_default();
        let cause = if message.contains("fuel") { "ran out of fuel" } else { "passed its deadline" };
        assert_failed_in(&record, "run.start", cause);
        assert!(at(&honest) < at(&record), "an honest run had to wait for one that spins");
    }
    host.hang_up().well();
}

/// What a sanitizer did not see to its end is withheld: nobody reads it, in no answer and in no file.
#[rstest]
#[case("trap", "it trapped")]
#[case("refuse", "not today")]
#[case("too_few", "not valid")]
fn what_a_sanitizer_fails_on_is_withheld(#[case] word: &str, #[case] cause: &str) {
    let path = hostile();
    let place = Place::with(&format!(
        "[[sanitizers]]\nname = \"hostile\"\ncomponent = {path}\nconfig = {{ do = \"{word}\" }}\n\
         [[sanitizers]]\nname = \"spill\"\ncomponent = \"bundled:spill\"\n"
    ));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "big 100", json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let events = host.events(&run);
    let withheld: Vec<_> =
        events.iter().filter_map(|event| event["data"]["withheld"]["reason"].as_str()).collect();
    assert!(!withheld.is_empty(), "{events:?}");
    for reason in withheld {
        assert!(reason.contains(cause), "{reason}");
    }
    for answer in [json!(events), record] {
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
    host.hang_up().well();
    assert!(!project_holds(&place, SECRET), "a file holds what was withheld");
}

/// An honest chain lets the same text pass, so the test above sees what it says it sees.
#[test]
fn what_sanitizers_keep_is_read() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "big 100", json!({}));
    let record = host.finish(&run);
    for answer in [json!(host.events(&run)), record] {
        assert!(answer.to_string().contains(SECRET), "{answer}");
    }
    host.hang_up().well();
    assert!(project_holds(&place, SECRET));
}

/// Configures the rules that ship, and the hostile guest behind them.
fn policies(config: &str) -> String {
    let path = hostile();
    format!(
        "[[policies]]\nname = \"careful\"\ncomponent = \"bundled:rules\"\nrules = \"bundled:careful\"\n\
         [[policies]]\nname = \"hostile\"\ncomponent = {path}\ninline = '{config}'\n"
    )
}

fn reason(host: &mut Host, run: &Value) -> String {
    assert_eq!(run["status"], "approval_required", "{run}");
    host.record(run)["waiting_for"]["reason"].as_str().expect("a question has a reason").to_owned()
}

/// The rules that ship allow this run; a module behind them that fails asks a person.
#[rstest]
#[case("trap", "it trapped")]
#[case("memory", "ran out of memory")]
#[case("huge_return", "returned too much")]
#[case("refuse", "not today")]
fn a_policy_that_fails_never_allows(#[case] word: &str, #[case] cause: &str) {
    let place = Place::with(&policies(&format!(r#"{{"decide": "{word}"}}"#)));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({}));
    let reason = reason(&mut host, &run);
    assert!(reason.contains("policy hostile could not decide") && reason.contains(cause), "{reason}");
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}

#[test]
fn a_policy_that_allows_loosens_nothing() {
    let place = Place::with(&policies(r#"{"decide": "allow"}"#));
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write it", json!({"access": "full"}));
    let reason = reason(&mut host, &run);
    assert!(reason.contains("full access"), "{reason}");
    host.hang_up().well();
}

/// A chain of which one link cannot be loaded judges nothing.
#[test]
fn a_host_whose_policy_fails_to_load_does_not_start() {
    let place = Place::with(&policies(r#"{"do": "trap"}"#));
    let output = place.pointsman().arg("serve").output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("hostile") && said.contains("rulebook.load") && said.contains("trapped"), "{said}");
}

#[test]
fn a_capability_that_was_not_given_is_refused_with_the_line_that_gives_it() {
    let place = Place::with(
        "[backends.bare]\ncomponent = \"bundled:command\"\n\
         [backends.bare.config]\nprogram = \"script\"\naccess = \"workspace-write\"\n",
    );
    let mut host = place.host();
    let run = host.spawn(&place, "bare", "write it", json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "failed", "{record}");
    let message = record["error"]["message"].as_str().expect("a failure has a message");
    let line = "[backends.bare] grants = [\"process/spawn@1 script\"]";
    assert!(message.contains("not granted") && message.contains(line), "{message}");
    assert!(!place.project().join("it").exists());
    host.hang_up().well();
}

#[test]
fn a_person_is_not_flooded_and_sees_what_each_question_is_about() {
    let tables = backend("twice", "ask_twice", "start") + &backend("flood", "ask_without_end", "start");
    let place = Place::with(&tables);
    let mut host = place.host();
    for (name, most) in [("twice", 1), ("flood", 64)] {
        let run = host.spawn(&place, name, "do it", json!({}));
        // Said behind the two that are one, or when it hears the refusals: all questions had been put by then.
        host.event(&run, "x_hostile_said");
        let events = host.events(&run);
        let asked: Vec<_> = events.iter().filter(|event| event["type"] == "approval_required").collect();
        assert_eq!(asked.len(), most, "{name}");
        for question in asked {
            let item = &question["data"]["item_id"];
            let begun =
                |event: &&Value| event["type"] == "command_started" && event["data"]["item_id"] == *item;
            let begun = events.iter().find(begun).expect("what it is about was told");
            assert!(begun["seq"].as_u64() < question["seq"].as_u64());
            assert_eq!(begun["data"]["command"], "rm -rf /");
        }
        host.call("cancel_run", json!({"run_id": run["run_id"]}));
        let open = place.cli(&["approvals", "list"]);
        assert_eq!(open, json!([]), "nothing waits for a person when the run is over");
        let events = host.events(&run);
        let count = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
        assert_eq!(count("command_started"), count("command_finished"), "what was begun has its end");
    }
    host.hang_up().well();
}
