//! Events as lines.

use serde_json::Value;

use crate::say;

/// A line is so long, in characters.
const LINE: usize = 100;

/// Shows one event.
pub(super) fn event(event: &Value) {
    let kind = event["type"].as_str().unwrap_or("?");
    let padded = format!("{kind:<17}");
    let padded = match kind {
        "run_completed" => say::good(padded),
        "run_failed" | "rejected" => say::bad(padded),
        "approval_required" | "approval_resolved" => say::warn(padded),
        _ => say::bold(padded),
    };
    let data = &event["data"];
    let text = |key: &str| data[key].as_str();
    let gist = match kind {
        "command_finished" => text("command").map(|command| {
            let output = text("output").map_or(0, str::len);
            format!("{command}  (exit {}, {output} bytes of output in the event)", data["exit_code"])
        }),
        "file_changed" => data["changes"].as_array().map(|changes| {
            let change = |it: &Value| {
                format!("{} {}", it["kind"].as_str().unwrap_or("?"), it["path"].as_str().unwrap_or("?"))
            };
            changes.iter().map(change).collect::<Vec<_>>().join(", ")
        }),
        "command_started" | "command_updated" => text("command").map(str::to_owned),
        "approval_resolved" => {
            Some(format!("{} by {}", text("resolution").unwrap_or("?"), text("by").unwrap_or("nobody")))
        }
        _ => None,
    };
    let gist = gist.or_else(|| {
        ["text", "final_response", "message", "reason", "status"]
            .into_iter()
            .find_map(text)
            .map(str::to_owned)
    });
    let refs =
        data["artifact_refs"].as_object().map(|refs| refs.keys().cloned().collect::<Vec<_>>().join(", "));
    let beside =
        refs.map(|refs| say::warn(format!("  [the whole of {refs} is kept beside it]"))).unwrap_or_default();
    say::line(format!(
        "  {:>3} {padded} {}{beside}",
        event["seq"].as_u64().unwrap_or(0),
        shorten(&gist.unwrap_or_default())
    ));
}

/// Cuts a text to one line.
pub(super) fn shorten(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LINE) {
        Some((cut, _)) => format!("{}…", &words[..cut]),
        None => words,
    }
}
