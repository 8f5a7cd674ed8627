//! What an agent says, and what is made of it.

use super::*;

#[test]
fn news_behind_the_answer_still_counts() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "tool_call", "toolCallId": "t", "title": "ls", "kind": "execute", "status": "in_progress" }));
    scene.ends_turn("end_turn");
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "rawOutput": "x" }));
    scene.update(
        json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "late" } }),
    );
    let outcome = scene.exits();
    assert_eq!(outcome.final_response.as_deref(), Some("late"));
    let finished = scene.events("command_finished");
    assert_eq!((finished.len(), &finished[0]["data"]["status"]), (1, &json!("completed")));
}

#[test]
fn pieces_of_a_message_are_one_event() {
    let mut scene = Scene::prompted();
    let piece = |kind: &str, id: Value, text: &str| json!({ "sessionUpdate": kind, "messageId": id, "content": { "type": "text", "text": text } });
    for (kind, id, text) in [
        ("agent_thought_chunk", json!("m"), "hm"),
        ("agent_thought_chunk", json!("m"), "m"),
        ("agent_message_chunk", json!("m"), "a"),
        ("agent_message_chunk", json!("m"), "b"),
        ("agent_message_chunk", json!("n"), "c"),
        ("agent_message_chunk", Value::Null, "d"),
    ] {
        scene.update(piece(kind, id, text));
        // Figures between two pieces do not part them.
        scene.update(json!({ "sessionUpdate": "usage_update", "used": 1, "size": 2 }));
    }
    scene.ends_turn("end_turn");
    let texts = |kind: &str| -> Vec<Value> {
        scene.events(kind).iter().map(|event| event["data"]["text"].clone()).collect()
    };
    assert_eq!(texts("reasoning"), ["hmm"]);
    assert_eq!(texts("agent_message"), ["ab", "c", "d"]);
}

#[test]
fn a_message_without_end_is_told_in_parts_and_the_answer_is_whole() {
    let mut scene = Scene::prompted();
    let piece = "0123456789".repeat(10_000);
    for _ in 0..25 {
        scene.update(
            json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": piece } }),
        );
    }
    scene.ends_turn("end_turn");
    let outcome = scene.exits();
    let told = scene.events("agent_message");
    assert!(told.len() >= 2 && told[0]["data"]["partial"] == true, "{} events", told.len());
    assert_eq!(outcome.final_response.unwrap().len(), 2_500_000);
}

#[test]
fn plans_are_todo_lists() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "plan", "entries": [
        { "content": "look", "priority": "high", "status": "completed" },
        { "content": "leap", "priority": "low", "status": "pending" },
    ] }));
    assert_eq!(
        scene.events("todo_updated")[0]["data"]["items"],
        json!([
            { "text": "look", "completed": true, "status": "completed", "priority": "high" },
            { "text": "leap", "completed": false, "status": "pending", "priority": "low" },
        ])
    );
}

#[test]
fn the_events_of_a_call_are_of_one_sort_whatever_it_becomes() {
    let mut scene = Scene::prompted();
    scene.update(
        json!({ "sessionUpdate": "tool_call", "toolCallId": "t", "title": "?", "status": "in_progress" }),
    );
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "kind": "execute" }));
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed" }));
    scene.update(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "title": "again" }));
    assert_eq!((scene.events("tool_started").len(), scene.events("tool_finished").len()), (1, 1));
    assert_eq!(scene.events("x_acp_tool_call_update").len(), 1, "behind its end");
}

#[test]
fn what_nobody_knows_is_kept() {
    let mut scene = Scene::prompted();
    scene.update(json!({ "sessionUpdate": "mood_update", "mood": "blue" }));
    scene.says(&json!({ "method": "_vendor/hello", "params": { "a": 1 } }));
    scene.says(&json!({ "id": 99, "result": "to nobody" }));
    scene.update(json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "image", "data": "AA==", "mimeType": "image/png" } }));
    scene.says(&json!({ "method": "session/update", "params": { "sessionId": "another", "update": { "sessionUpdate": "plan", "entries": [] } } }));
    scene.run.lines(PROCESS, ["warning: no JSON", "[1, 2]", r#"{"jsonrpc":"2.0"}"#]).unwrap();
    let kinds: Vec<String> = scene
        .run
        .events()
        .iter()
        .rev()
        .take(8)
        .rev()
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        kinds,
        [
            "x_acp_mood_update",
            "x_acp_vendor_hello",
            "x_acp_answer",
            "x_acp_content",
            "x_acp_other_session",
            "x_acp_output",
            "x_acp_output",
            "x_acp_output",
        ]
    );
}

#[rstest]
#[case("fs/read_text_file")]
#[case("terminal/create")]
#[case("elicitation/create")]
fn what_is_not_offered_is_declined(#[case] method: &str) {
    let mut scene = Scene::prompted();
    scene.says(&json!({ "id": "r", "method": method, "params": { "path": "/etc/shadow" } }));
    assert_eq!((&scene.last()["id"], &scene.last()["error"]["code"]), (&json!("r"), &json!(-32601)));
    assert_eq!(scene.events("x_acp_request_declined")[0]["data"]["method"], method);
}
