//! Changes of files.

use serde_json::Value;

use super::sheet::Sheet;
use crate::terminal::{Paint, visible};

/// Shows one change of one file.
pub(super) fn change(sheet: &mut Sheet, change: &Value) {
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
    let paint = sheet.paint();
    let diff = change["diff"].as_str();
    if let Some(diff) = diff {
        sheet.marked("", diff.lines().map(|line| painted(line, paint)).collect());
    }
    let known = |key: &str, value: &Value| {
        key == "path"
            || (key == "diff" && value.is_string())
            || (key == "kind" && matches!(value.as_str(), Some("add" | "delete" | "update")))
    };
    let rest = fields.iter().filter(|(key, value)| !known(key, value));
    sheet.rest(rest.map(|(key, value)| (key.clone(), value.clone())).collect());
}

fn painted(line: &str, paint: Paint) -> String {
    let shown = visible(line);
    match line.as_bytes().first() {
        Some(b'+') => paint.added(shown),
        Some(b'-') => paint.removed(shown),
        Some(b'@') => paint.dim(shown),
        _ => shown.into_owned(),
    }
}
