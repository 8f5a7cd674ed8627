//! Answers that have to satisfy a schema: the host holds them against it and gives one more chance.

use std::fs;

use pointsman_tests::{Host, Place};
use serde_json::{Value, json};

/// A place with the backend `answers`, which says these one after the other.
fn place(more: &str, answers: [&str; 2]) -> Place {
    let agent = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/answers.sh");
    let place = Place::with(&format!(
        "[programs.answers]\ncommand = \"/bin/sh\"\nargs = [{}]\n\
         [backends.answers]\ncomponent = \"bundled:command\"\ngrants = [\"process/spawn@1 answers\", \"timer/set@1 *\"]\n\
         [backends.answers.config]\nprogram = \"answers\"\nprompt = \"json\"\noutput = \"jsonl\"\naccess = \"workspace-write\"\n\
         {more}",
        Value::from(agent.to_string_lossy()),
    ));
    for (file, answer) in ["first", "second"].into_iter().zip(answers) {
        fs::write(place.project().join(file), answer).expect("the folder is ours");
    }
    place
}

fn asked(host: &mut Host, place: &Place) -> Value {
    let schema = json!({
        "type": "object", "required": ["count"], "properties": {"count": {"type": "integer"}},
    });
    let run = host.spawn(place, "answers", "count them", json!({"output_schema": schema}));
    host.finish(&run)
}

#[test]
fn an_agent_whose_answer_breaks_the_schema_is_told_so_once_and_goes_on() {
    let place = place("", [r#"{"count": "many"}"#, r#"{"count": 12}"#]);
    let mut host = place.host();
    let record = asked(&mut host, &place);
    assert_eq!(record["status"], "completed", "{record}");
    assert_eq!(record["structured_output"], json!({"count": 12}));
    // What both turns used, together.
    assert_eq!(record["usage"]["input_tokens"], 6, "{record}");

    let events = host.events(&record);
    let told = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(told("run_started"), 1, "one run, however many turns: {events:?}");
    assert_eq!(told("run_completed"), 1);
    let again = events.iter().find(|event| event["data"]["corrective_turn"] == 1);
    let again = again.expect("the second chance is told");
    assert!(again["data"]["message"].as_str().unwrap().contains("/count"), "{again}");

    let task: Value =
        serde_json::from_str(&fs::read_to_string(place.project().join("asked-again")).unwrap()).unwrap();
    assert_eq!(task["resume"], json!({"talk": 1}), "the conversation goes on: {task}");
    assert!(task.to_string().contains("is not of type"), "the agent hears what is wrong: {task}");
    host.hang_up().well();
}

#[test]
fn an_agent_that_breaks_the_schema_twice_has_failed_and_its_answer_is_kept() {
    let place = place("", [r#"{"count": "many"}"#, r#"{"count": "more"}"#]);
    let mut host = place.host();
    let record = asked(&mut host, &place);
    assert_eq!(record["status"], "failed", "{record}");
    assert_eq!(record["error"]["reason"], "output_schema_mismatch");
    assert!(record["error"]["message"].as_str().unwrap().contains("\"more\" is not of type"), "{record}");
    assert_eq!(record["structured_output"], json!({"count": "more"}));
    assert_eq!(record["final_response"], "so be it");
    host.hang_up().well();
}

#[test]
fn an_operator_may_want_no_second_chance() {
    let place = place("[runs]\ncorrective_turns = 0\n", [r#"{"count": "many"}"#, r#"{"count": 12}"#]);
    let mut host = place.host();
    let record = asked(&mut host, &place);
    assert_eq!(record["status"], "failed", "{record}");
    assert!(!place.project().join("asked-again").exists());
    host.hang_up().well();
}
