//! A question to a person on the screen: the sheet of `pointsman-question`, painted.
//!
//! The same text in `pointsman approvals show` and in place. Whatever the request says is behind a mark, so that no
//! line of it can pass for a line of this program.

use pointsman_model::Approval;
use pointsman_question::{Body, Line, Mark, Marked, Sheet};
pub(crate) use pointsman_question::{Extent, title};
use serde_json::Value;

use crate::terminal::Paint;

/// So wide are the names.
const NAME: usize = 10;

/// Describes the exact request.
pub(crate) fn describe(approval: &Approval, extent: Extent, paint: Paint) -> Vec<String> {
    painted(&pointsman_question::describe(approval, extent), paint)
}

/// Describes what is allowed in place of what was asked for.
pub(crate) fn edited(input: &Value, paint: Paint) -> Vec<String> {
    painted(&pointsman_question::edited(input), paint)
}

fn painted(sheet: &Sheet, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for line in sheet.lines() {
        put(&mut lines, line, paint);
    }
    lines
}

fn put(lines: &mut Vec<String>, line: &Line, paint: Paint) {
    let mut name = paint.dim(format!("  {:<NAME$} ", line.name));
    match &line.body {
        Body::Title { what, more } => {
            let more = more.as_ref().map(|more| format!(": {more}")).unwrap_or_default();
            lines.push(format!("{}{more}", paint.warn(what)));
        }
        Body::Value(value) => lines.push(format!("{name}{value}")),
        Body::Warning(value) => lines.push(format!("{name}{}", paint.warn(value))),
        Body::Text(text) => {
            for marked in text {
                lines.push(format!("{name}{} {}", paint.dim("│"), colored(marked, paint)));
                name = " ".repeat(NAME + 3);
            }
        }
    }
}

fn colored(Marked { kind, text }: &Marked, paint: Paint) -> String {
    match kind {
        Mark::Added => paint.added(text),
        Mark::Removed => paint.removed(text),
        Mark::Place => paint.dim(text),
        Mark::Plain => text.clone(),
    }
}

/// Makes a question for tests.
#[cfg(test)]
pub(crate) fn sample(detail: Value, editable: bool) -> Approval {
    let mut approval: Approval = serde_json::from_value(serde_json::json!({
        "approval_id": "6f1c2a34-0f5e-4c6b-9a51-2f0f7c1d9e10",
        "run_id": "0b0e5d5c-93b5-4b0a-8a55-2f0f7c1d9e11",
        "action": "permission",
        "chain": [{ "name": "cli:ada", "role": "client", "run_id": null, "depth": 0 }],
        "detail": detail,
        "editable": editable,
        "digest": pointsman_model::Digest::of(b"request"),
        "rule": "unsandboxed-command",
        "reason": "nothing confines it",
        "asked_at": "2026-11-21T06:00:00.000Z",
        "expires_at": "2026-11-21T06:30:00.000Z",
        "state": "pending",
    }))
    .expect("a question");
    if approval.detail.get("kind").is_none() {
        approval.action = "spawn".to_owned();
    }
    approval
}

#[cfg(test)]
mod tests;
