//! Originals of events, where the operator has them kept: sealed, and shown to a person at a terminal alone.

use std::fs;

use pointsman_tests::{Place, Published, Terminal, holds};
use rusqlite::Connection;
use serde_json::{Value, json};

/// Nothing but its digest could find it: it has no shape, and words around it.
const HANDED_OUT: &str = "six patient lanterns hum";
const APPROVER: &str = "correct horse battery";
const KEPT: &str = r#"
[[sanitizers]]
name = "redact"
component = "bundled:redact"
keep_originals = true
[[sanitizers]]
name = "spill"
component = "bundled:spill"
"#;

/// Says a thing that is no secret, one that is, and answers with one.
const AGENT: &str = r#"
echo '{"type":"agent_message","data":{"text":"nothing to hide"}}'
printf '{"type":"agent_message","data":{"text":"I use %s now"}}\n' "$ACME_TOKEN"
printf '{"type":"result","text":"it was %s"}\n' "$ACME_TOKEN"
"#;

fn place(sanitizers: &str) -> Place {
    let place = Place::new();
    let script = place.root().join("teller.sh");
    fs::write(&script, AGENT).expect("the folder is ours");
    let more = format!(
        r#"
[programs.teller]
command = "/bin/sh"
args = [{script}]
set_env = {{ ACME_TOKEN = "{HANDED_OUT}", POINTSMAN_TEST_AGENT = {mark} }}
[backends.teller]
component = "bundled:command"
grants = ["process/spawn@1 teller", "timer/set@1 *"]
config = {{ program = "teller", prompt = "none", output = "jsonl", access = "workspace-write" }}
{sanitizers}"#,
        script = Value::from(script.to_string_lossy()),
        mark = Value::from(place.root().to_string_lossy()),
    );
    place.configure(&more);
    place
}

/// Lets the agent work; gives its run and what MCP says of it.
fn tell(place: &Place) -> (String, Value) {
    let mut host = place.host();
    let run = host.spawn(place, "teller", "tell", json!({}));
    let record = host.finish(&run);
    assert_eq!(record["status"], "completed", "{record}");
    let events = host.events(&run);
    host.hang_up().well();
    (record["run_id"].as_str().expect("an id").to_owned(), json!({"record": record, "events": events}))
}

/// Gives the number of the event of a kind whose data has a text.
fn seq(answers: &Value, kind: &str, text: &str) -> String {
    let events = answers["events"].as_array().unwrap();
    let found = events.iter().find(|it| it["type"] == kind && it["data"].to_string().contains(text));
    found.unwrap_or_else(|| panic!("no {kind} with {text}: {answers}"))["seq"].to_string()
}

/// Runs the program at a terminal and types these lines; gives how it ended and what was on the screen.
fn at_terminal(place: &Place, args: &[&str], lines: &[&str]) -> (Option<i32>, String) {
    let mut command = place.pointsman();
    command.args(args);
    let mut terminal = Terminal::start(&command);
    for line in lines {
        terminal.expect(": ");
        terminal.line(line);
    }
    terminal.end()
}

fn facts(place: &Place, kind: &str) -> Vec<Value> {
    let output = place.pointsman().args(["audit", "show", "--json", "--kind", kind]).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_person_sees_what_was_there_and_nobody_else_does() {
    let place = place(KEPT);
    let (run, answers) = tell(&place);
    assert!(!answers.to_string().contains(HANDED_OUT), "{answers}");
    // Neither the journal, nor the run folder, nor the audit log, nor any other file.
    assert!(!holds(&place.state(), HANDED_OUT) && !holds(&place.project(), HANDED_OUT));

    for (kind, was) in [
        ("agent_message", format!("I use {HANDED_OUT} now")),
        ("run_completed", format!("it was {HANDED_OUT}")),
    ] {
        let seq = seq(&answers, kind, "redacted:");
        let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, &seq], &[]);
        assert_eq!(exit, Some(0), "{screen}");
        assert!(screen.contains(&was), "{kind}: {screen}");
    }
    // What the other commands print is what was stored.
    for args in [["runs", "events", &run], ["runs", "show", &run], ["runs", "result", &run]] {
        let (_, screen) = at_terminal(&place, &args, &[]);
        assert!(screen.contains("redacted:") && !screen.contains(HANDED_OUT), "{args:?}: {screen}");
    }

    // Of an event that nothing was taken out of, nothing is kept.
    let plain = seq(&answers, "agent_message", "nothing to hide");
    let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, &plain], &[]);
    assert_eq!(exit, Some(4), "{screen}");
    assert!(screen.contains("no original is kept of event") && screen.contains("are kept of"), "{screen}");
    let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, "4711"], &[]);
    assert_eq!(exit, Some(4), "{screen}");
    assert!(screen.contains("has no event 4711"), "{screen}");

    let revealed = facts(&place, "revealed");
    assert_eq!(revealed.len(), 2, "{revealed:?}");
    assert_eq!(revealed[0]["run_id"], Value::from(run.clone()));
    assert_eq!(revealed[0]["seq"].to_string(), seq(&answers, "agent_message", "redacted:"));
    assert!(!holds(&place.state(), HANDED_OUT));
}

/// Neither a client of MCP, whatever it calls, nor one of A2A.
#[test]
fn no_face_shows_an_original() {
    let place = place(KEPT);
    let (run, _) = tell(&place);
    let mut host = place.host();
    let listed = host.request("tools/list", json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert!(tools.len() > 5, "{listed}");
    let mut told = Vec::new();
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        let known = |key: &str| tool["inputSchema"]["properties"].get(key).is_some();
        let mut arguments = json!({});
        for (key, value) in [
            ("run_id", json!(run)),
            ("seq", json!(2)),
            ("field_path", json!("/text")),
            ("after_seq", json!(0)),
            ("message", json!("again")),
        ] {
            if known(key) {
                arguments[key] = value;
            }
        }
        told.push(host.request("tools/call", json!({"name": name, "arguments": arguments})).to_string());
    }
    let told = told.join("\n");
    assert!(told.contains("redacted:host-secret") && !told.contains(HANDED_OUT), "{told}");
    host.hang_up().well();

    let agent = Published::start(&place, "teller", &[]);
    let says = json!({"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "tell"}]});
    let task = agent.until(&agent.send(&says), "TASK_STATE_COMPLETED").to_string();
    assert!(task.contains("redacted:host-secret") && !task.contains(HANDED_OUT), "{task}");
    agent.end();
    // They were kept all the same: there was something that could have been shown.
    let journal = Connection::open(place.state().join("journal.sqlite")).unwrap();
    let rows: u64 = journal.query_row("SELECT count(*) FROM originals", [], |row| row.get(0)).unwrap();
    assert!(rows >= 4, "{rows}");
}

#[test]
fn no_pipe_and_no_agent_gets_it() {
    let place = place(KEPT);
    let (run, answers) = tell(&place);
    let seq = seq(&answers, "agent_message", "redacted:");
    let output = place.cli_output(&["runs", "reveal", &run, &seq]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("on a terminal alone"), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(HANDED_OUT), "{output:?}");

    // A terminal that an agent makes for itself.
    let mut command = place.pointsman();
    command.args(["runs", "reveal", &run, &seq]).env("POINTSMAN_RUN_ID", &run);
    let (exit, screen) = Terminal::start(&command).end();
    assert_eq!(exit, Some(1), "{screen}");
    assert!(screen.contains("it is an agent") && !screen.contains(HANDED_OUT), "{screen}");
    assert!(facts(&place, "revealed").is_empty());
    // Nor does it get everything at once.
    let mut command = place.pointsman();
    command.args(["state", "export", "--sealed"]).env("POINTSMAN_RUN_ID", &run);
    let output = command.output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(facts(&place, "exported").is_empty());
    let output = place.cli_output(&["state", "export"]);
    assert!(!String::from_utf8_lossy(&output.stdout).contains(HANDED_OUT), "{output:?}");
    let output = place.cli_output(&["state", "export", "--sealed"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains(HANDED_OUT), "{output:?}");
    assert_eq!(facts(&place, "exported").len(), 1);
}

#[test]
fn the_approvers_secret_is_asked_for_and_guesses_are_few() {
    let place = place(KEPT);
    let (run, answers) = tell(&place);
    let seq = seq(&answers, "agent_message", "redacted:");
    let (exit, screen) = at_terminal(&place, &["approver", "set"], &[APPROVER, APPROVER]);
    assert_eq!(exit, Some(0), "{screen}");
    let reveal = ["runs", "reveal", run.as_str(), seq.as_str()];
    let (exit, screen) = at_terminal(&place, &reveal, &[APPROVER]);
    assert_eq!(exit, Some(0), "{screen}");
    assert!(screen.contains(HANDED_OUT) && !screen.contains(APPROVER), "{screen}");
    for guess in 0..5 {
        let (exit, screen) = at_terminal(&place, &reveal, &[&format!("guess number {guess}")]);
        assert_eq!(exit, Some(1), "{screen}");
        assert!(screen.contains("secret is wrong") && !screen.contains(HANDED_OUT), "{screen}");
    }
    let (exit, screen) = at_terminal(&place, &reveal, &[APPROVER]);
    assert_eq!(exit, Some(1), "{screen}");
    assert!(screen.contains("too many wrong secrets") && !screen.contains(HANDED_OUT), "{screen}");
    let attempts: Vec<_> = facts(&place, "approver").iter().map(|it| it["attempt"].clone()).collect();
    assert_eq!(attempts, ["right", "wrong", "wrong", "wrong", "wrong", "wrong", "locked"]);
    assert_eq!(facts(&place, "revealed").len(), 1);
}

#[test]
fn a_key_that_is_gone_is_said_and_not_made_anew() {
    let place = place(KEPT);
    let (run, answers) = tell(&place);
    let seq = seq(&answers, "agent_message", "redacted:");
    let key = place.state().join("seal.key");
    fs::rename(&key, place.root().join("elsewhere")).unwrap();
    let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, &seq], &[]);
    assert_eq!(exit, Some(1), "{screen}");
    assert!(screen.contains("there is no key at"), "{screen}");
    assert!(!key.exists() && facts(&place, "revealed").is_empty());
    fs::rename(place.root().join("elsewhere"), &key).unwrap();
    let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, &seq], &[]);
    assert_eq!(exit, Some(0), "{screen}");
}

/// Off by default: then there is nothing to reveal, whoever asks.
#[test]
fn nothing_is_kept_unless_the_operator_says_so() {
    let place = place("");
    let (run, answers) = tell(&place);
    let seq = seq(&answers, "agent_message", "redacted:");
    let (exit, screen) = at_terminal(&place, &["runs", "reveal", &run, &seq], &[]);
    assert_eq!(exit, Some(4), "{screen}");
    assert!(screen.contains("no original is kept") && screen.contains("keep_originals = true"), "{screen}");
    let journal = Connection::open(place.state().join("journal.sqlite")).unwrap();
    let rows: u64 = journal.query_row("SELECT count(*) FROM originals", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}
