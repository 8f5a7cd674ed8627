//! How hosts begin and end, and what of their runs outlives them: on disk everything, as processes nothing.

use pointsman_tests::{Host, Place};
use rustix::process::Signal;
use serde_json::{Value, json};

#[test]
fn a_client_that_hangs_up_ends_everything() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "stay", json!({}));
    let told = host.event(&run, "agent_message");
    let parked = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    // Nobody will ever read the answers to these.
    let poll = json!({"run_id": run["run_id"], "after_seq": told["seq"], "wait_ms": 30_000});
    host.begin("tools/call", json!({"name": "poll_events", "arguments": poll}));
    host.begin("tools/call", json!({"name": "wait_for_runs", "arguments": {"mode": "all"}}));
    host.hang_up().in_time();
    place.mark().no_agent_left();

    let mut next = place.host();
    let record = next.record(&run);
    assert_eq!(record["status"], "cancelled", "{record}");
    assert_eq!(next.record(&parked)["status"], "approval_required", "a question outlives its host");
    next.hang_up().well();
}

#[test]
fn whatever_hides_and_resists_ends_as_well() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "linger", json!({}));
    host.event(&run, "agent_message");
    assert!(place.mark().agents().len() >= 4, "{:?}", place.mark().agents());
    host.hang_up().in_time();
    place.mark().wait_until_gone();
}

#[test]
fn a_cancelled_run_leaves_no_process() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "linger", json!({}));
    host.event(&run, "agent_message");
    let cancelled = host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(cancelled["status"], "cancelled");
    // Not eventually: the answer says that they are gone.
    place.mark().no_agent_left();
    let again = host.refusal("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(again, "Error: run is already terminal: cancelled");
    host.hang_up().well();
}

#[test]
fn an_idle_host_ends_when_it_is_told() {
    let place = Place::new();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        place.host().end_by(signal).in_time();
    }
    place.mark().wait_until_gone();
}

#[test]
fn a_client_that_never_speaks_is_no_error() {
    let place = Place::new();
    place.silent_host().hang_up().in_time();
    let mut host = place.silent_host();
    host.write("who is there?");
    host.hang_up().well();
}

#[test]
fn hosts_share_their_state() {
    let place = Place::new();
    let (mut one, mut other) = (place.host(), place.host());
    let stays = one.spawn(&place, "script", "stay", json!({"nickname": "one"}));
    one.event(&stays, "agent_message");
    // The other reads everything of it, waits for it, and leaves it alone.
    assert_eq!(other.event(&stays, "agent_message")["data"]["text"], "staying");
    assert_eq!(other.record(&stays)["status"], "running");
    let refused = other.refusal("cancel_run", json!({"run_id": stays["run_id"]}));
    assert!(refused.starts_with("Error: run is not active in this process"), "{refused}");
    let taken = other.refusal(
        "spawn_run",
        json!({
            "backend": "script", "role": "worker", "cwd": place.project(), "session_mode": "new",
            "prompt": "say hi", "nickname": "one",
        }),
    );
    assert_eq!(taken, "Error: Agent name is already in use: one");

    let mut runs: Vec<Value> = Vec::new();
    for number in 0..4 {
        for host in [&mut one, &mut other] {
            runs.push(host.spawn(&place, "script", &format!("say {number}"), json!({})));
        }
    }
    let mut names: Vec<String> = runs.iter().map(|run| run["agent_name"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8, "every agent has a name of its own");
    for run in &runs {
        // Each of them waits for the runs of both.
        let (seen, also) = (one.finish(run), other.finish(run));
        assert_eq!(seen["status"], "completed", "{seen}");
        assert_eq!(seen, also);
        assert_eq!(one.events(run), other.events(run));
    }
    one.call("cancel_run", json!({"run_id": stays["run_id"]}));
    assert_eq!(other.finish(&stays)["status"], "cancelled");
    one.hang_up().well();
    other.hang_up().well();
}

#[test]
fn a_host_that_was_killed_leaves_no_process_and_no_run_running() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "linger", json!({}));
    host.event(&run, "agent_message");
    let told = host.events(&run);
    let ended = host.end_by(Signal::KILL);
    assert!(!ended.status.success());
    place.mark().wait_until_gone();

    let mut next = place.host();
    let record = next.record(&run);
    assert_eq!(record["status"], "failed", "{record}");
    assert_eq!(record["error"]["reason"], "host_restarted");
    let events = next.events(&run);
    assert_eq!(events[..told.len()], told, "what was told once stays told");
    let ends = events.iter().filter(|event| event["type"] == "run_failed").count();
    assert_eq!((ends, events.last().unwrap()["type"].as_str()), (1, Some("run_failed")));
    next.hang_up().well();
}

#[test]
fn who_waits_learns_that_the_host_of_a_run_was_killed() {
    let place = Place::new();
    let (mut one, mut other) = (place.host(), place.host());
    let run = one.spawn(&place, "script", "stay", json!({}));
    other.event(&run, "agent_message");
    let wait = json!({"run_ids": [run["run_id"]], "cursor": cursor(&mut other, &run), "wait_ms": 40_000});
    let waiting = other.begin("tools/call", json!({"name": "wait_for_runs", "arguments": wait}));
    one.end_by(Signal::KILL);
    let waited = other.answer(waiting)["result"]["structuredContent"].clone();
    assert_eq!(waited["changes"][0]["status"], "failed", "{waited}");
    assert_eq!(other.record(&run)["error"]["reason"], "host_restarted");
    other.hang_up().well();
    place.mark().wait_until_gone();
}

#[test]
fn a_client_that_hangs_up_at_the_worst_moment_is_not_waited_for() {
    let place = Place::new();
    // Nothing is compiled yet, so the first launch with a backend takes its time.
    std::fs::remove_file(place.state().join("components")).unwrap();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "linger", json!({}));
    host.event(&run, "agent_message");
    let spawn = json!({
        "backend": "codex", "role": "worker", "cwd": place.project(), "session_mode": "new", "prompt": "say hi",
    });
    host.begin("tools/call", json!({"name": "spawn_run", "arguments": spawn}));
    // Answered while that launch goes on.
    host.request("tools/list", json!({}));
    host.hang_up().in_time();
    place.mark().wait_until_gone();
}

#[test]
fn a_question_outlives_a_killed_host() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "write proof", json!({"access": "full"}));
    assert_eq!(run["status"], "approval_required");
    assert!(run["note"].as_str().unwrap().contains("pointsman approvals allow"), "{run}");
    host.end_by(Signal::KILL);

    let mut next = place.host();
    let waiting = next.record(&run)["waiting_for"].clone();
    let asked = waiting["approval_id"].as_str().unwrap();
    assert!(!place.project().join("proof").exists(), "nothing starts before the answer");
    place.cli(&["approvals", "allow", asked]);
    let record = next.finish(&run);
    // The script could do less than was allowed, and does it.
    assert_eq!(record["status"], "completed", "{record}");
    assert!(place.project().join("proof").is_file());
    let kinds: Vec<Value> = next.events(&run).iter().map(|event| event["type"].clone()).collect();
    let at = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
    assert!(at("approval_required") < at("approval_resolved") && at("approval_resolved") < at("run_started"));
    let twice = place.cli_output(&["approvals", "allow", asked]);
    assert!(!twice.status.success(), "an answer is used once");
    next.hang_up().well();
}

/// Gives the cursor that stands behind everything a run has told by now.
fn cursor(host: &mut Host, run: &Value) -> Value {
    let now = json!({"run_ids": [run["run_id"]], "wait_ms": 0});
    host.call("wait_for_runs", now)["next_cursor"].clone()
}
