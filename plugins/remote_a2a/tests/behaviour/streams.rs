//! Streams that break off, say things twice or in the wrong order, or never end.

use pointsman_sdk::backend::{Ending, RequestFault};
use rstest::rstest;
use serde_json::{Value, json};

use crate::stage::{LINGER, POLL, Stage, chunk, said, status, task};

const LINES: usize = 5;

/// What an agent says in all, event by event.
fn script() -> Vec<Value> {
    let mut events =
        vec![task("submitted", json!([]), json!([])), status("working", Some(said("m0", "started")))];
    for line in 0..LINES {
        events.push(chunk(&format!("line {line}\n"), line > 0, line == LINES - 1));
        events.push(status("working", Some(said(&format!("m{}", line + 1), &format!("{line} done")))));
    }
    events.push(status("completed", Some(said("end", "all done"))));
    events
}

/// What the task is after so many events.
fn as_it_stands(after: usize) -> Value {
    let (mut state, mut parts, mut history) = (json!({"state": "submitted"}), Vec::new(), Vec::new());
    for event in script().into_iter().take(after).skip(1) {
        if let Some(artifact) = event.get("artifact") {
            parts.extend(artifact["parts"].as_array().unwrap().clone());
        } else {
            let before = std::mem::replace(&mut state, event["status"].clone());
            history.extend(before.get("message").cloned());
        }
    }
    let artifacts = if parts.is_empty() { json!([]) } else { json!([{"artifactId": "a", "parts": parts}]) };
    let ours = json!({"messageId": "11111111-1111-4111-8111-111111111111-1", "role": "user", "parts": []});
    let history: Vec<Value> = std::iter::once(ours).chain(history).collect();
    let mut task = task("", artifacts, json!(history));
    task["status"] = state;
    task
}

/// Ends the test unless all was told, once and whole.
fn all_was_told(stage: &Stage, case: &str) {
    let outcome = stage.outcome().unwrap_or_else(|| panic!("{case}: it has not ended"));
    assert_eq!((outcome.ending, stage.response()), (Ending::Completed, "all done"), "{case}");
    let whole: String = (0..LINES).map(|line| format!("line {line}\n")).collect();
    assert_eq!(stage.told("artifact_added", "text").last(), Some(&json!(whole)), "{case}");
    let mut messages = vec!["started".to_owned()];
    messages.extend((0..LINES).map(|line| format!("{line} done")));
    messages.push("all done".to_owned());
    assert_eq!(stage.told("agent_message", "text"), json!(messages).as_array().unwrap().clone(), "{case}");
}

#[test]
fn a_stream_of_1_0_is_taken_up_wherever_it_breaks_and_whatever_was_lost() {
    let events = script();
    for cut in 1..events.len() {
        for resumed in cut..events.len() {
            let case = format!("cut after {cut}, taken up after {resumed}");
            let mut stage = Stage::set("1.0");
            let stream = stage.stream("SendStreamingMessage");
            stage.events(stream, events[..cut].iter().cloned());
            stage.fail(stream, RequestFault::Broken);
            let stream = stage.stream("SubscribeToTask");
            stage.event(stream, json!({ "task": as_it_stands(resumed) }));
            for event in &events[resumed..] {
                stage.event(stream, event.clone());
            }
            stage.end(stream);
            all_was_told(&stage, &case);
            assert!(stage.open.is_empty(), "{case}: {:?}", stage.names());
        }
    }
}

#[test]
fn a_task_of_0_3_is_looked_up_after_its_stream_broke() {
    let events = script();
    for cut in 1..events.len() {
        let case = format!("cut after {cut}");
        let mut stage = Stage::set("0.3");
        let stream = stage.stream("message/stream");
        stage.events(stream, events[..cut].iter().cloned());
        stage.fail(stream, RequestFault::Broken);
        // At once, and then from time to time.
        stage.result("tasks/get", as_it_stands(cut));
        for seen in [cut + 1, events.len() - 1, events.len()] {
            if stage.outcome().is_none() {
                stage.ring(POLL);
                stage.result("tasks/get", as_it_stands(seen.min(events.len())));
            }
        }
        all_was_told(&stage, &case);
        assert!(!stage.run.seen().iter().any(|effect| effect.to_string().contains("resubscribe")), "{case}");
    }
}

#[test]
fn a_stream_that_ends_too_early_is_taken_up_as_one_that_broke() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.events(stream, script()[..4].iter().cloned());
    stage.end(stream);
    // The agent says that there is nothing to subscribe to any more.
    stage.error("SubscribeToTask", -32004, "it has ended");
    stage.result("GetTask", as_it_stands(script().len()));
    all_was_told(&stage, "ended early");
}

#[test]
fn an_agent_that_breaks_every_stream_is_looked_up_in_the_end() {
    let mut stage = Stage::set("1.0");
    let mut stream = stage.stream("SendStreamingMessage");
    let mut taken_up = 0;
    loop {
        stage.event(stream, as_it_stands(3));
        stage.fail(stream, RequestFault::Broken);
        if stage.names() != ["SubscribeToTask"] {
            break;
        }
        taken_up += 1;
        stream = stage.stream("SubscribeToTask");
    }
    assert!((10..1_000).contains(&taken_up), "{taken_up}");
    stage.result("GetTask", as_it_stands(script().len()));
    all_was_told(&stage, "broken again and again");
}

#[test]
fn what_is_said_twice_is_told_once() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    for event in script() {
        stage.events(stream, [event.clone(), event]);
    }
    stage.end(stream);
    // A chunk does not say which it is: the task knows.
    stage.result("GetTask", as_it_stands(script().len()));
    all_was_told(&stage, "everything twice");
}

#[test]
fn the_same_words_again_are_no_repetition_if_the_task_has_them_twice() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    let laugh = [chunk("ha", false, false), chunk("ha", true, false), chunk("ha", true, true)];
    stage.events(stream, [task("working", json!([]), json!([]))].into_iter().chain(laugh));
    stage.events(stream, [status("completed", None)]);
    stage.end(stream);
    let artifacts = json!([{"artifactId": "a", "parts": [{"text": "ha"}, {"text": "ha"}, {"text": "ha"}]}]);
    stage.result("GetTask", task("completed", artifacts, json!([])));
    assert_eq!(stage.response(), "hahaha");
}

#[rstest]
#[case::a_chunk_behind_the_last(&[0, 2, 1])]
#[case::the_first_chunk_missing(&[1, 2])]
#[case::the_first_chunk_late(&[1, 0, 2])]
fn chunks_out_of_order_are_put_right_by_the_task(#[case] order: &[usize]) {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    let chunks = [chunk("a", false, false), chunk("b", true, false), chunk("c", true, true)];
    stage.event(stream, task("working", json!([]), json!([])));
    stage.events(stream, order.iter().map(|at| chunks[*at].clone()));
    stage.event(stream, status("completed", None));
    stage.end(stream);
    if stage.outcome().is_none() {
        let parts = json!([{"artifactId": "a", "parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}]);
        stage.result("GetTask", task("completed", parts, json!([])));
    }
    assert_eq!(stage.response(), "abc");
}

#[test]
fn an_agent_that_does_not_keep_its_tasks_is_believed_as_it_streamed() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.events(
        stream,
        [task("working", json!([]), json!([])), chunk("b", true, true), status("completed", None)],
    );
    stage.end(stream);
    stage.error("GetTask", -32001, "no such task");
    assert_eq!(stage.response(), "b");
}

#[test]
fn a_status_that_comes_too_late_changes_nothing_but_is_told() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    let at = |mut event: Value, time: &str| {
        event["status"]["timestamp"] = time.into();
        event
    };
    stage.events(
        stream,
        [
            at(status("input-required", Some(said("q", "which?"))), "2026-01-01T00:00:05.000000Z"),
            at(status("working", Some(said("m", "thinking"))), "2026-01-01T00:00:04.000000Z"),
        ],
    );
    stage.end(stream);
    assert_eq!(stage.questions(), ["which?"]);
    assert_eq!(stage.told("agent_message", "text"), ["which?", "thinking"]);
}

#[test]
fn what_comes_behind_the_end_still_counts() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.events(stream, [task("working", json!([]), json!([])), status("completed", None)]);
    assert!(stage.outcome().is_none(), "the stream is still open");
    stage.event(stream, chunk("late", false, true));
    stage.event(stream, status("working", Some(said("m", "really?"))));
    stage.end(stream);
    assert_eq!((stage.outcome().unwrap().ending, stage.response()), (Ending::Completed, "late"));
}

#[test]
fn a_stream_that_stays_open_behind_its_end_does_not_hold_the_run() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("completed", json!([]), json!([])));
    stage.ring(LINGER);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn a_task_that_was_cancelled_elsewhere_ends_though_its_stream_never_says_so() {
    let mut stage = Stage::set("0.3");
    let stream = stage.stream("message/stream");
    stage.events(stream, [task("submitted", json!([]), json!([])), status("working", None)]);
    stage.ring(POLL);
    stage.result("tasks/get", task("canceled", json!([]), json!([])));
    assert!(stage.outcome().is_none(), "the stream may be about to say it");
    stage.ring(LINGER);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Cancelled);
}

#[test]
fn a_look_that_is_ahead_of_the_stream_does_not_double_what_the_stream_says() {
    let events = script();
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.events(stream, events[..3].iter().cloned());
    stage.ring(POLL);
    stage.result("GetTask", as_it_stands(7));
    stage.ring(POLL);
    stage.result("GetTask", as_it_stands(events.len()));
    stage.events(stream, events[3..].iter().cloned());
    stage.end(stream);
    all_was_told(&stage, "a look ahead");
    // It rested for two looks, and was told as it was by then.
    assert_eq!(stage.told("artifact_added", "updated"), [Value::Null, json!(true)]);
}

#[test]
fn a_silent_agent_is_asked_seldom_and_never_given_up_while_it_streams() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    let mut last = 0;
    for _ in 0..500 {
        last = stage.timers[&POLL];
        stage.ring(POLL);
        stage.result("GetTask", task("working", json!([]), json!([])));
    }
    assert_eq!(last, 30_000);
    stage.event(stream, status("completed", None));
    stage.end(stream);
    assert_eq!(stage.outcome().unwrap().ending, Ending::Completed);
}

#[test]
fn an_agent_of_0_3_that_crashed_is_given_up() {
    let mut stage = Stage::set("0.3");
    let stream = stage.stream("message/stream");
    stage.event(stream, task("submitted", json!([]), json!([])));
    stage.fail(stream, RequestFault::Broken);
    let mut looks = 0;
    while stage.names() == ["tasks/get"] {
        looks += 1;
        stage.result("tasks/get", task("submitted", json!([]), json!([])));
        if stage.timers.contains_key(&POLL) {
            stage.ring(POLL);
        }
    }
    assert!((3..30).contains(&looks), "{looks}");
    // Nobody knows whether it is dead: it is told.
    stage.error("tasks/cancel", -32002, "cannot");
    let (reason, error) = stage.failure();
    assert_eq!(reason, "agent_lost");
    assert!(error.contains("submitted") && error.contains("it went away"), "{error}");
}

#[test]
fn an_agent_of_1_0_that_crashed_says_why() {
    let mut stage = Stage::set("1.0");
    let stream = stage.stream("SendStreamingMessage");
    stage.event(stream, task("working", json!([]), json!([])));
    let data = json!({"error": {"code": -32603, "message": "it fell over"}, "id": 2}).to_string();
    let event = pointsman_sdk::backend::ServerEvent { name: Some("error".to_owned()), id: None, data };
    stage.input(pointsman_sdk::backend::Input::ResponseEvents((stream, vec![event])));
    stage.result("GetTask", task("failed", json!([]), json!([])));
    assert_eq!(stage.failure(), ("agent_failed".to_owned(), "it fell over".to_owned()));
}
