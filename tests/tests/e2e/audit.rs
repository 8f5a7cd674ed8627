//! What runs leave in the audit log, and what becomes of them when it cannot be written.

use std::fs;
use std::os::unix::fs::symlink;

use pointsman_tests::{Place, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

/// The records of a run, or of everything.
pub(crate) fn records(place: &Place, more: &[&str]) -> Vec<Value> {
    let output = place.pointsman().args(["audit", "show", "--json"]).args(more).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["kind"].as_str().unwrap()).collect()
}

fn verify(place: &Place) -> (bool, Value) {
    let output = place.pointsman().args(["audit", "verify", "--json"]).output().unwrap();
    (output.status.success(), serde_json::from_slice(&output.stdout).unwrap())
}

fn all_text(place: &Place) -> String {
    let files = fs::read_dir(place.state().join("audit")).unwrap();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn a_run_leaves_who_decided_what_and_nothing_of_what_was_said() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say xyzzy-the-secret", json!({"access": "full"}));
    let id = run["run_id"].as_str().unwrap();
    let asked = place.cli(&["approvals", "list"])[0].clone();
    place.cli(&["approvals", "allow", asked["approval_id"].as_str().unwrap()]);
    assert_eq!(host.finish(&run)["status"], "completed");

    let told = records(&place, &["--run", id]);
    assert_eq!(
        kinds(&told),
        ["decision", "asked", "settled", "used", "launched", "decision", "ended"],
        "{told:#?}"
    );
    let [decision, question, settled, used, launched, process, ended] = told.as_slice() else {
        panic!("seven records")
    };
    assert_eq!((&decision["action"], &decision["verdict"]), (&json!("spawn"), &json!("ask")));
    assert!(decision["rule"].is_string() && decision["question"].is_string(), "{decision}");
    assert_eq!(question["digest"], asked["digest"]);
    assert_eq!((&settled["state"], &settled["digest"]), (&json!("approved"), &asked["digest"]));
    assert!(settled["by"].as_str().unwrap().starts_with("cli:"), "{settled}");
    assert_eq!(used["approval_id"], asked["approval_id"]);
    assert_eq!(launched["access"], "full");
    assert_eq!(launched["grants"], json!(["process/spawn@1 script", "timer/set@1 *"]));
    assert!(launched["component"].as_str().unwrap().starts_with("sha256:"), "{launched}");
    assert_eq!((&process["action"], &process["verdict"]), (&json!("process"), &json!("allow")));
    assert_eq!(ended["status"], "completed");

    host.hang_up().well();
    let everything = records(&place, &[]);
    assert_eq!(everything[0]["kind"], "began");
    assert!(kinds(&everything).contains(&"policy_loaded"), "{everything:#?}");
    assert_eq!(kinds(&everything).last(), Some(&"host_stopped"));
    let text = all_text(&place);
    assert!(!text.contains("xyzzy") && !text.contains(&*place.project().to_string_lossy()), "{text}");
    let (whole, report) = verify(&place);
    assert!(whole && report["records"] == everything.len(), "{report}");

    // Another verdict in the first line that has one.
    let file = place.state().join("audit/000001.jsonl");
    fs::write(&file, fs::read_to_string(&file).unwrap().replacen("\"ask\"", "\"allow\"", 1)).unwrap();
    let (whole, report) = verify(&place);
    assert!(!whole, "{report}");
    let line = 1 + everything.iter().position(|record| record["verdict"] == "ask").unwrap();
    assert_eq!(report["faults"][0]["line"], line, "{report}");
}

#[test]
fn what_cannot_be_recorded_does_not_happen() {
    let place = Place::new();
    let mut host = place.host();
    assert_eq!(host.spawn(&place, "script", "say hi", json!({}))["status"], "queued");
    let full = place.state().join("audit/000002.jsonl");
    symlink("/dev/full", &full).unwrap();
    let refused = host.spawn(&place, "script", "say hi", json!({}));
    assert_eq!(refused["status"], "rejected", "{refused}");
    let why = refused["note"].as_str().unwrap();
    assert!(why.contains("audit log cannot be written: no space is left"), "{why}");
    // What was missed meanwhile is counted.
    fs::remove_file(&full).unwrap();
    let run = host.spawn(&place, "script", "say hi", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
    let missed: Vec<Value> = records(&place, &["--kind", "missed"]);
    assert!(!missed.is_empty());
    assert!(verify(&place).0, "{:?}", verify(&place));
}

#[test]
fn an_operator_may_let_things_happen_unrecorded() {
    let place = Place::with("[audit]\non_failure = \"warn\"\n");
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    symlink("/dev/full", place.state().join("audit/000002.jsonl")).unwrap();
    let run = host.spawn(&place, "script", "say hi", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
    assert!(fs::read_to_string(place.root().join("host.log")).unwrap().contains("could not be recorded"));
}

#[test]
fn several_hosts_and_a_killed_one_leave_one_chain() {
    let place = Place::with("[audit]\nrotate = \"2KiB\"\n");
    let mut hosts = [place.host(), place.host(), place.host()];
    let runs: Vec<Value> = (0..9)
        .map(|number| hosts[number % 3].spawn(&place, "script", &format!("say {number}"), json!({})))
        .collect();
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(hosts[number % 3].finish(run)["status"], "completed");
    }
    let [mut one, two, three] = hosts;
    let stays = one.spawn(&place, "script", "stay", json!({}));
    one.event(&stays, "agent_message");
    one.end_by(Signal::KILL);
    drop(two);
    drop(three);
    let mut next = place.host();
    eventually("the run of the killed host is ended", || {
        (next.record(&stays)["status"] == "failed").then_some(())
    });
    next.hang_up().well();
    let (whole, report) = verify(&place);
    assert!(whole, "{report}");
    assert!(report["files"].as_u64() > Some(3), "{report}");
    let told = records(&place, &["--run", stays["run_id"].as_str().unwrap()]);
    assert_eq!(kinds(&told), ["decision", "launched", "decision", "ended"], "{told:#?}");
    assert_eq!(told[3]["reason"], "host_restarted");
}

#[test]
fn whoever_is_turned_away_before_policies_are_asked_is_recorded() {
    let place = Place::with("[delegation.roles.client]\nmay_delegate = { access = \"read-only\" }\n");
    let mut host = place.host();
    let cwd = place.project();
    let told = host.refusal(
        "spawn_run",
        json!({"backend": "script", "role": "worker", "cwd": cwd, "session_mode": "new", "prompt": "say hi", "access": "full"}),
    );
    assert!(told.contains("access full is beyond what this client may delegate"), "{told}");
    let denied = records(&place, &["--kind", "denied"]);
    let [denied] = denied.as_slice() else { panic!("one record: {denied:?}") };
    assert_eq!((&denied["action"], &denied["reason"]), (&json!("spawn"), &json!("beyond_rights")));
    assert!(denied["chain"][0]["name"].is_string() && denied["why"].is_string(), "{denied}");

    // A token that is no run's.
    let mut attach = place.pointsman();
    attach.args(["serve", "--attach"]).env("POINTSMAN_RUN_TOKEN", "forged-xyzzy");
    let output = attach.output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let denied = records(&place, &["--kind", "denied"])[1].clone();
    assert_eq!((&denied["action"], &denied["reason"]), (&json!("attach"), &json!("dead_token")));
    assert!(!all_text(&place).contains("xyzzy"));
    host.hang_up().well();
    assert!(verify(&place).0);
}

#[test]
fn whoever_ends_a_run_is_named() {
    let place = Place::new();
    let mut host = place.host();
    let runs: Vec<Value> = (0..3).map(|_| host.spawn(&place, "script", "stay", json!({}))).collect();
    for run in &runs {
        host.event(run, "agent_message");
    }
    host.call("cancel_run", json!({"run_id": runs[0]["run_id"]}));
    place.cli(&["runs", "cancel", runs[1]["run_id"].as_str().unwrap()]);
    host.hang_up().well();
    let by = |run: &Value| {
        let id = run["run_id"].as_str().unwrap();
        records(&place, &["--kind", "cancel_requested", "--run", id])[0]["by"].clone()
    };
    let chain = &records(&place, &["--kind", "decision"])[0]["chain"];
    assert_eq!(by(&runs[0]), chain[0]["name"]);
    assert!(by(&runs[1]).as_str().unwrap().starts_with("cli:"));
    assert_eq!(by(&runs[2]), Value::Null, "the host itself, as its client has gone");
}

#[test]
fn a_log_that_was_taken_away_whole_is_missed() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "say hi", json!({}));
    assert_eq!(host.finish(&run)["status"], "completed");
    host.hang_up().well();
    fs::remove_dir_all(place.state().join("audit")).unwrap();
    fs::remove_file(place.state().join("audit.head")).unwrap();
    for begun_anew in [false, true] {
        if begun_anew {
            place.host().hang_up().well();
        }
        let (whole, report) = verify(&place);
        assert!(!whole, "{report}");
        let fault = report["faults"][0]["what"].as_str().unwrap();
        assert!(fault.starts_with("1 runs of the journal have no record"), "{fault}");
        assert!(fault.contains(run["run_id"].as_str().unwrap()), "{fault}");
    }
}
