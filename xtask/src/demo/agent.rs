//! An agent of the demo's own: reads a task, works a little, and says what it does, one object a line.

use std::io::{self, Read, Write};

use serde_json::{Value, json};

use crate::Failure;

pub(crate) fn agent() -> Result<(), Failure> {
    let mut task = String::new();
    io::stdin().read_to_string(&mut task)?;
    if task.contains("outside") {
        let text = "an agent with full access was here\n";
        std::fs::write("../outside.txt", text)?;
        return tell(&json!({ "type": "message", "text": "Done: ../outside.txt is written." }));
    }
    let mut names: Vec<_> = std::fs::read_dir(".")?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    tell(&json!({ "type": "message", "text": format!("I see {} entries here.", names.len()) }))?;
    std::fs::write("NOTES.md", "# Notes\n\nOne file.\n")?;
    let numbers: Vec<_> = (1..=30_000).map(|number: u32| number.to_string()).collect();
    tell(&json!({ "type": "message", "text": numbers.join("\n") }))?;
    tell(&json!({ "type": "message", "text": "Done: NOTES.md says what is here." }))
}

fn tell(event: &Value) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{event}")?;
    Ok(stdout.flush()?)
}
