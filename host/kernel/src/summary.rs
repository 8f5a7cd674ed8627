//! One line about a run's newest event.

use pointsman_model::{Event, EventKind};
use serde_json::Value;

/// Longest text that is shown whole, in characters.
const LONGEST: usize = 120;

/// Writes the line for an event.
pub(crate) fn of(event: &Event) -> String {
    let text = |key: &str| event.data.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let kind = &event.kind;
    match () {
        () if *kind == EventKind::RUN_STARTED => "Run started".to_owned(),
        () if *kind == EventKind::STATUS_CHANGED => match text("status") {
            Some("cancelled") => "Run cancelled".to_owned(),
            Some(status) => format!("Status: {status}"),
            None => kind.to_string(),
        },
        () if *kind == EventKind::FILE_CHANGED => {
            let count = event.data.get("changes").and_then(Value::as_array).map_or(0, Vec::len);
            format!("Updated {count} file(s)")
        }
        () if *kind == EventKind::ARTIFACT_ADDED => {
            format!(
                "Artifact: {}",
                shortened(text("name").or_else(|| text("artifact_id")).unwrap_or("unnamed"))
            )
        }
        () if *kind == EventKind::RUN_FAILED => {
            format!("Run failed: {}", shortened(text("message").unwrap_or("no reason given")))
        }
        () if *kind == EventKind::REJECTED => {
            format!("Rejected: {}", shortened(text("message").unwrap_or("no reason given")))
        }
        () if *kind == EventKind::APPROVAL_REQUIRED => {
            format!("Approval required: {}", shortened(text("reason").unwrap_or("no reason given")))
        }
        () if *kind == EventKind::APPROVAL_RESOLVED => {
            format!("Approval {}", text("resolution").unwrap_or("resolved"))
        }
        () if *kind == EventKind::RUN_COMPLETED => {
            text("final_response").map_or_else(|| "Run completed".to_owned(), shortened)
        }
        () => match text("command").or_else(|| text("tool")) {
            Some(what) => format!("{kind}: {}", shortened(what)),
            None => text("text").map_or_else(|| kind.to_string(), shortened),
        },
    }
}

/// Collapses whitespace and cuts what is too long.
fn shortened(text: &str) -> String {
    // A long text is not walked to its end just to show its beginning.
    let mut line = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
            count += 1;
        }
        line.push_str(word);
        count += word.chars().count();
        if count > LONGEST {
            break;
        }
    }
    if count <= LONGEST {
        return line;
    }
    let mut cut: String = line.chars().take(LONGEST - 3).collect();
    cut.push_str("...");
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_117_characters_and_three_dots() {
        assert_eq!(shortened("  a\n\tb "), "a b");
        assert_eq!(shortened(&"ä".repeat(120)), "ä".repeat(120));
        assert_eq!(shortened(&"ä".repeat(121)), format!("{}...", "ä".repeat(117)));
    }
}
