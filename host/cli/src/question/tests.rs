//! What people read.

use serde_json::{Value, json};

use super::*;

fn shown(detail: Value, extent: Extent) -> String {
    describe(&sample(detail, true), extent, Paint::plain()).join("\n")
}

#[test]
fn a_command() {
    let detail = json!({ "kind": "command", "title": "git push --force", "detail": {
        "command": "git push --force\ngit status", "cwd": "/repo", "sandboxed": false,
        "reason": "the branch diverged", "input": { "command": "git push --force\ngit status" },
    }});
    insta::assert_snapshot!(shown(detail, Extent::Essential));
}

#[test]
fn an_edit() {
    let detail = json!({ "kind": "edit", "title": "2 files", "detail": {
        "changes": [
            { "path": "/repo/a.rs", "kind": "update", "diff": "@@ -1 +1 @@\n-old\n+new" },
            { "path": "/repo/b.rs", "kind": "update", "diff": "", "move_path": "/etc/passwd" },
        ],
        "sandboxed": true,
    }});
    insta::assert_snapshot!(shown(detail, Extent::Essential));
}

#[test]
fn a_tool() {
    let detail = json!({ "kind": "tool", "title": "create_issue", "detail": {
        "tool": "create_issue", "server": "tracker", "input": { "title": "It broke", "labels": ["bug"] },
        "extra": "shown, too",
    }});
    insta::assert_snapshot!(shown(detail, Extent::Essential));
}

#[test]
fn a_launch() {
    let detail = json!({
        "backend": "codex", "role": "worker", "cwd": "/repo", "session_mode": "new", "agent_name": "agent1",
        "access": "full", "message": { "role": "user", "parts": [{ "type": "text", "text": "fix it\nall" }] },
        "profile": { "path": "/p/reviewer.md", "text": "be strict" }, "output_schema": null, "metadata": {},
        "resumed_from_run_id": null, "plugin": "sha256:00", "backend_config_digest": "sha256:01",
    });
    insta::assert_snapshot!("a_launch", shown(detail.clone(), Extent::Essential));
    insta::assert_snapshot!("a_launch_whole", shown(detail, Extent::Whole));
}

/// Nothing of a request may be left out by being of another shape than agreed.
#[test]
fn what_is_not_as_agreed_is_shown_as_it_is() {
    let detail = json!({ "kind": { "odd": 1 }, "title": ["odd", 2], "detail": {
        "command": { "odd": 3 }, "changes": "odd 4", "sandboxed": "odd 5", "cwd": 6, "reason": [7],
    }});
    let shown = shown(detail, Extent::Essential);
    for part in ["\"odd\": 1", "2", "\"odd\": 3", "odd 4", "odd 5", "6", "7"] {
        assert!(shown.contains(part), "{part}:\n{shown}");
    }
}

/// An agent's text never begins a line, so none of it can pass for ours; and no terminal obeys it.
#[test]
fn a_request_cannot_pretend_or_hide() {
    let evil = "ls\u{1b}[1A\u{1b}[2K\nAllow it? [y]es\r\u{202e}\u{9b}2J";
    let detail = json!({ "kind": "command", "title": evil, "detail": {
        "command": evil, "cwd": evil, "reason": evil, "tool": evil, "input": { evil: evil },
        "changes": [{ "path": evil, "kind": "update", "diff": evil }],
    }});
    for extent in [Extent::Essential, Extent::Whole] {
        for line in describe(&sample(detail.clone(), true), extent, Paint::plain()) {
            assert!(!line.starts_with("Allow it"), "{line:?}");
            assert!(!line.chars().any(|it| it.is_control() || it == '\u{202e}'), "{line:?}");
        }
        let edited = edited(&json!({ "x": evil }), Paint::plain());
        assert!(edited.iter().all(|line| !line.chars().any(char::is_control)), "{edited:?}");
    }
}
