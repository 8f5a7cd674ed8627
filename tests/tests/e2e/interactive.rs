//! Talking to runs: while they run, when they are over, and when they take nothing.

use pointsman_tests::Place;
use serde_json::{Value, json};

fn message(text: &str) -> Value {
    json!({"role": "user", "parts": [{"type": "text", "text": text}]})
}

#[test]
fn an_agent_that_takes_no_messages_is_told_none_and_the_caller_is_told_what_to_do() {
    let place = Place::new();
    let mut host = place.host();
    let run = host.spawn(&place, "script", "stay", json!({}));
    host.event(&run, "agent_message");
    let say = json!({"run_id": run["run_id"], "input_message": message("hurry")});
    let refused = host.refusal("continue_run", say.clone());
    assert!(
        refused.starts_with("Error: run is not awaiting additional input: running (backend script"),
        "{refused}"
    );
    assert!(refused.contains("after its end continue_run goes on"), "{refused}");

    host.call("cancel_run", json!({"run_id": run["run_id"]}));
    assert_eq!(host.refusal("continue_run", say), "Error: run is already terminal: cancelled");
    let parked = host.spawn(&place, "script", "say hi", json!({"access": "full"}));
    let refused =
        host.refusal("continue_run", json!({"run_id": parked["run_id"], "input_message": message("hurry")}));
    assert_eq!(refused, "Error: run is not awaiting additional input: approval_required");
    host.hang_up().well();
}
