//! A question for tests.

use pointsman_model::{Approval, Digest};
use serde_json::json;

/// A question about a command, which waits.
pub(crate) fn question() -> Approval {
    serde_json::from_value(json!({
        "approval_id": "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10",
        "run_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11",
        "action": "permission",
        "chain": [
            { "name": "claude-code", "role": "client", "depth": 0 },
            { "name": "brave-otter", "role": "worker", "run_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11", "depth": 1 },
        ],
        "detail": {
            "kind": "command",
            "title": "git push --force",
            "detail": { "command": "git push --force\n<b>origin</b>", "cwd": "/work", "sandboxed": false },
        },
        "digest": Digest::of(b"request"),
        "scope": "session",
        "rule": "unsandboxed-command",
        "reason": "nothing confines it",
        "asked_at": "2026-11-21T06:00:00.000Z",
        "expires_at": "2026-11-21T06:30:00.000Z",
        "state": "pending",
    }))
    .expect("a question")
}
