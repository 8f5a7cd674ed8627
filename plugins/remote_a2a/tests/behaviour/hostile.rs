//! Agents that mean no good, or do not know better.

use pointsman_sdk::backend::Ending;
use serde_json::{Value, json};

use crate::stage::{CANCEL, LINGER, POLL, Stage, chunk, said, status, task};

/// Gives every place in a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                places(field, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_wrong_type_anywhere_breaks_a_run() {
    let mut asked = task(
        "working",
        json!([{"artifactId": "a", "name": "n", "parts": [{"text": "x"}]}]),
        json!([said("h", "y")]),
    );
    asked["metadata"] = json!({"k": 1});
    let events = [
        asked,
        status("working", Some(said("m", "z"))),
        chunk("1", false, false),
        chunk("2", true, true),
        status("input-required", Some(said("q", "?"))),
    ];
    let wrong = [
        json!(null),
        json!(7),
        json!(-1.5),
        json!(""),
        json!([]),
        json!({}),
        json!([[{}]]),
        json!("TASK_STATE_ODD"),
        json!(true),
    ];
    for (at, event) in events.iter().enumerate() {
        let mut found = Vec::new();
        places(event, "", &mut found);
        for place in found {
            for value in &wrong {
                let mut mutated = events.to_vec();
                *mutated[at].pointer_mut(&place).unwrap() = value.clone();
                let mut stage = Stage::set("1.0");
                let stream = stage.stream("SendStreamingMessage");
                for event in mutated {
                    if stage.outcome().is_none() && !stage.names().contains(&"CancelTask".to_owned()) {
                        stage.event(stream, event);
                    }
                }
                // The stage is as strict as a host: it has to end, or to wait for something that can come.
                let waits = !stage.timers.is_empty() || !stage.open.is_empty();
                assert!(stage.outcome().is_some() || waits, "{at} {place} {value}");
            }
        }
    }
}

#[test]
fn what_nobody_knows_is_kept() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    stage.event(stream, json!({"dream": {"of": "sheep"}}));
    stage.event(stream, status("TASK_STATE_DREAMING", Some(said("m", "zzz"))));
    let mut other = status("completed", None);
    other["taskId"] = "somebody else's".into();
    stage.event(stream, other);
    let mut more = status("working", None);
    more["progress"] = json!(0.5);
    stage.event(stream, more);
    assert_eq!(stage.told("x_remote_a2a_event", "event"), [json!({"dream": {"of": "sheep"}})]);
    assert_eq!(stage.told("x_remote_a2a_state", "state"), ["TASK_STATE_DREAMING"]);
    assert_eq!(stage.told("x_remote_a2a_foreign_task", "event")[0]["task"], "somebody else's");
    assert_eq!(stage.told("status_changed", "extra").last().unwrap(), &json!({"progress": 0.5}));
    assert_eq!(stage.told("agent_message", "text"), ["zzz"]);
    assert!(stage.outcome().is_none());
}

#[test]
fn an_agent_that_never_stops_is_stopped() {
    // Artifacts without end.
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    let piece = "x".repeat(64 << 10);
    let mut pieces = 0;
    while !stage.names().contains(&"CancelTask".to_owned()) {
        stage.event(stream, chunk(&format!("{pieces}{piece}"), pieces > 0, false));
        pieces += 1;
        assert!(pieces < 100);
    }
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    assert_eq!((stage.outcome().unwrap().ending, stage.failure().0.as_str()), (Ending::Failed, "too_large"));

    // Nonsense without end.
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    stage.events(stream, (0..5_000).map(|n| json!({ "n": n })));
    stage.ring(CANCEL);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Failed);

    // A body without end.
    let mut stage = Stage::with("1.0", json!({"streaming": false}), pointsman_sdk::rehearsal::a_task("x"));
    let id = stage.take("SendMessage").id;
    stage.head(id, 200, "application/json");
    let mut pieces = 0;
    while stage.outcome().is_none() {
        stage.input(pointsman_sdk::backend::Input::ResponseBytes((id, vec![b' '; 64 << 10])));
        pieces += 1;
        assert!(pieces < 100);
    }
    assert_eq!(stage.failure().0, "too_large");
}

#[test]
fn an_event_that_is_no_json_ends_it() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    let event =
        |data: &str| pointsman_sdk::backend::ServerEvent { name: None, id: None, data: data.to_owned() };
    stage.input(pointsman_sdk::backend::Input::ResponseEvents((stream, vec![event(""), event("{\"a\":")])));
    stage.result("CancelTask", task("canceled", json!([]), json!([])));
    let (reason, error) = stage.failure();
    assert_eq!(reason, "protocol_error");
    assert!(error.contains("is not JSON"), "{error}");
}

#[test]
fn json_that_is_too_deep_for_a_host_is_not_handed_on() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
    stage.event(stream, json!({"deep": serde_json::from_str::<Value>(&deep).unwrap()}));
    assert_eq!(stage.failure().0, "protocol_error");
}

#[test]
fn a_stream_that_says_nothing_and_an_answer_that_names_no_task_are_errors() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.end(stream);
    assert!(stage.failure().1.contains("holds nothing"));

    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, json!({"statusUpdate": {"status": {"state": "TASK_STATE_WORKING"}}}));
    stage.end(stream);
    assert_eq!(stage.failure().0, "protocol_error");
}

#[test]
fn questions_without_words_and_without_end_do_not_loop() {
    let mut stage = Stage::with("1.0", json!({"streaming": false}), pointsman_sdk::rehearsal::a_task("x"));
    stage.result("SendMessage", task("input-required", json!([]), json!([])));
    for round in 1..20 {
        assert_eq!(stage.questions().len(), round);
        stage.say("yes");
        stage.result("SendMessage", task("input-required", json!([]), json!([])));
        assert!(!stage.timers.contains_key(&LINGER));
    }
    stage.ring(POLL);
    stage.result("GetTask", task("input-required", json!([]), json!([])));
    assert_eq!(stage.questions().len(), 20);
}
