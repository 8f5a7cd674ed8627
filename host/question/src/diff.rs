//! Changes of files.

use serde_json::Value;

use crate::sheet::{Mark, Marked, Sheet};
use crate::visible;

/// Shows one change of one file.
pub(crate) fn change(sheet: &mut Sheet, change: &Value) {
    let (Some(path), Some(fields)) = (change["path"].as_str(), change.as_object()) else {
        sheet.value("change", change);
        return;
    };
    let name = match change["kind"].as_str() {
        Some("add") => "adds",
        Some("delete") => "deletes",
        Some("update") => "changes",
        _ => "touches",
    };
    sheet.field(name, path);
    let diff = change["diff"].as_str();
    if let Some(diff) = diff {
        sheet.marked("", diff.lines().map(marked).collect());
    }
    let known = |key: &str, value: &Value| {
        key == "path"
            || (key == "diff" && value.is_string())
            || (key == "kind" && matches!(value.as_str(), Some("add" | "delete" | "update")))
    };
    let rest = fields.iter().filter(|(key, value)| !known(key, value));
    sheet.rest(rest.map(|(key, value)| (key.clone(), value.clone())).collect());
}

fn marked(line: &str) -> Marked {
    let kind = match line.as_bytes().first() {
        Some(b'+') => Mark::Added,
        Some(b'-') => Mark::Removed,
        Some(b'@') => Mark::Place,
        _ => Mark::Plain,
    };
    Marked { kind, text: visible(line).into_owned() }
}
