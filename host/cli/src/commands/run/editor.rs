//! The person's own editor.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

/// Gives the editor that the person chose, if any.
pub(super) fn chosen() -> Option<String> {
    ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|it| !it.trim().is_empty()))
}

/// Opens the editor on a value and waits for its end; `None` if the person left the file empty.
pub(super) async fn edit(editor: &str, value: &Value) -> Result<Option<Value>, String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    // Only this user can read it: a tool's input may hold what others must not see.
    let mut file = tempfile::Builder::new()
        .prefix("pointsman-input-")
        .suffix(".json")
        .tempfile()
        .map_err(|error| format!("no file for the editor: {error}"))?;
    writeln!(file, "{text}").and_then(|()| file.flush()).map_err(|error| error.to_string())?;
    // The variable may hold arguments, too, so a shell reads it, as for git.
    let status = tokio::process::Command::new("/bin/sh")
        .args(["-c", &format!("{editor} \"$1\""), "sh"])
        .arg(file.path())
        .stdout(Stdio::from(std::io::stderr()))
        .status()
        .await
        .map_err(|error| format!("{editor}: {error}"))?;
    if !status.success() {
        return Err(format!("{editor} ended with {status}"));
    }
    // Read by its name: some editors put another file in its place.
    let edited = std::fs::read_to_string(file.path()).map_err(|error| error.to_string())?;
    if edited.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&edited).map(Some).map_err(|error| error.to_string())
}
