//! Changes of files: the texts before and after that an agent shows, as the diff that people and policies read.

use serde_json::{Map, Value, json};
use similar::TextDiff;

/// Texts that are longer together are not compared line by line: it could take as many steps as lines times lines.
const COMPARED_BYTES: usize = 256 * 1024;

/// Reads a change out of a tool call's content of type `diff`.
pub(crate) fn change(content: &Map<String, Value>) -> Option<Value> {
    let path = content.get("path").and_then(Value::as_str)?;
    let text = |key: &str| content.get(key).and_then(Value::as_str);
    let (old, new) = (text("oldText"), text("newText").unwrap_or_default());
    let said = content.get("_meta").and_then(|meta| meta.get("kind")).and_then(Value::as_str);
    let kind = match said {
        Some(kind @ ("add" | "update" | "delete")) => kind,
        Some("modify") => "update",
        // Some agents say of a new file that it was empty before.
        _ if old.unwrap_or_default().is_empty() => "add",
        _ => "update",
    };
    Some(json!({ "path": path, "kind": kind, "diff": unified(old.unwrap_or_default(), new) }))
}

/// Gives the hunks between two texts.
fn unified(old: &str, new: &str) -> String {
    if old.len() + new.len() <= COMPARED_BYTES {
        return TextDiff::from_lines(old, new).unified_diff().context_radius(3).to_string();
    }
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut diff = format!("@@ -1,{} +1,{} @@\n", before.len(), after.len());
    for (mark, lines) in [('-', before), ('+', after)] {
        for line in lines {
            diff.push(mark);
            diff.push_str(line);
            diff.push('\n');
        }
    }
    diff
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(content: Value) -> Option<Value> {
        content.as_object().and_then(change)
    }

    #[rstest]
    #[case::new_file(json!({ "path": "/a", "oldText": null, "newText": "x\n" }), "add", "@@ -0,0 +1 @@\n+x\n")]
    #[case::said_to_be_empty(json!({ "path": "/a", "oldText": "", "newText": "x\n" }), "add", "@@ -0,0 +1 @@\n+x\n")]
    #[case::change(json!({ "path": "/a", "oldText": "x\ny\n", "newText": "x\nz\n" }), "update", "@@ -1,2 +1,2 @@\n x\n-y\n+z\n")]
    #[case::the_agent_knows(json!({ "path": "/a", "oldText": "", "newText": "x\n", "_meta": { "kind": "update" } }), "update", "@@ -0,0 +1 @@\n+x\n")]
    fn a_change_is_told(#[case] content: Value, #[case] kind: &str, #[case] diff: &str) {
        assert_eq!(read(content), Some(json!({ "path": "/a", "kind": kind, "diff": diff })));
    }

    #[test]
    fn long_texts_are_shown_whole() {
        let (old, new) = ("a\n".repeat(100_000), "b\n".repeat(100_000));
        let diff = unified(&old, &new);
        assert!(diff.starts_with("@@ -1,100000 +1,100000 @@\n-a\n") && diff.ends_with("+b\n"));
        assert_eq!(diff.lines().count(), 200_001);
    }

    #[test]
    fn without_a_path_it_is_none() {
        assert_eq!(read(json!({ "newText": "x" })), None);
    }
}
