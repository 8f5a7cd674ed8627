//! How a story is told.

use serde_json::json;

use super::*;

fn event(at: u64, kind: &str, data: Value) -> Event {
    serde_json::from_value(json!({
        "seq": 1, "ts": Timestamp::from_millis(1_795_230_000_000 + at), "type": kind, "data": data,
        "run_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11",
        "session_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e12", "backend": "codex",
    }))
    .unwrap()
}

#[test]
fn a_run_is_told_in_few_words() {
    let mut story = Story::new(Paint::plain(), false);
    let mut told = Vec::new();
    let events = [
        event(0, "run_started", json!({})),
        event(0, "reasoning", json!({ "text": "**Looking** \u{1b}[31maround" })),
        event(0, "agent_message", json!({ "text": "I will look.\nThen I act." })),
        event(0, "command_started", json!({ "item_id": "1", "command": "make\ntest" })),
        event(1, "tool_started", json!({ "item_id": "2", "server": "s", "tool": "t", "input": { "a": 1 } })),
        event(
            1500,
            "command_finished",
            json!({ "item_id": "1", "command": "make\ntest", "exit_code": 2, "output": "one\ntwo\n" }),
        ),
        event(61_001, "tool_finished", json!({ "item_id": "2" })),
        event(0, "command_finished", json!({ "item_id": "3", "command": "rm x", "status": "declined" })),
        event(
            0,
            "file_changed",
            json!({ "changes": [
                { "path": "a", "kind": "add" }, { "path": "b", "kind": "delete" }, { "path": "c", "kind": "update" },
            ] }),
        ),
        event(
            0,
            "todo_updated",
            json!({ "items": [
                { "text": "look", "completed": true },
                { "text": "act", "status": "in_progress" },
                { "text": "rest", "completed": false },
            ] }),
        ),
        event(0, "approval_resolved", json!({ "resolution": "denied", "by": "cli:ada", "feedback": "no" })),
        event(0, "agent_message", json!({ "text": "All done." })),
        event(0, "run_completed", json!({ "final_response": "All done." })),
    ];
    for (at, event) in events.iter().enumerate() {
        told.extend(story.take(event));
        match at {
            3 => assert_eq!(story.doing(), "$ make test"),
            4 => assert_eq!(story.doing(), "s/t {\"a\":1} (and 1 more)"),
            _ => {}
        }
    }
    told.extend(story.end(Some("All done.\n")));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_nobody_is_told_of_leaves_the_last_words_alone() {
    let mut story = Story::new(Paint::plain(), false);
    story.take(&event(0, "agent_message", json!({ "text": "Done." })));
    for (kind, data) in [
        ("x_codex_turn_diff", json!({ "diff": "…" })),
        ("status_changed", json!({ "status": "running" })),
        ("run_completed", json!({ "final_response": "Done." })),
    ] {
        assert!(story.take(&event(0, kind, data)).is_empty(), "{kind}");
    }
    assert!(story.end(Some("Done.")).is_empty());
}

#[test]
fn an_edit_is_told_once() {
    let mut story = Story::new(Paint::plain(), false);
    let tool = json!({ "item_id": "1", "tool": "apply_patch", "input": { "a": 1 } });
    let change = json!({ "item_id": "1", "changes": [{ "path": "a", "kind": "add" }] });
    let told = [("tool_started", tool.clone()), ("file_changed", change), ("tool_finished", tool)];
    let told: Vec<_> = told.into_iter().flat_map(|(kind, data)| story.take(&event(0, kind, data))).collect();
    assert_eq!(told, ["+ a"]);
}

#[test]
fn a_command_is_told_without_the_shell_around_it() {
    for (command, told) in [
        ("/bin/bash -lc 'ls -la; false'", "ls -la; false"),
        ("bash -c 'ls'", "ls"),
        ("/bin/sh -c 'a' 'b'", "/bin/sh -c 'a' 'b'"),
        ("bash -lc ls", "bash -lc ls"),
        ("make", "make"),
    ] {
        assert_eq!(unwrapped(command), told);
    }
}

#[test]
fn last_words_that_are_not_the_answer_are_told() {
    let mut story = Story::new(Paint::plain(), true);
    assert!(story.take(&event(0, "agent_message", json!({ "text": "I give up." }))).is_empty());
    assert_eq!(story.end(None), ["• I give up."]);
    let begun = story.take(&event(0, "command_started", json!({ "item_id": "1", "command": "ls" })));
    assert_eq!(begun, ["→ $ ls"], "without a spinner a beginning is a line");
}
