//! An agent of the demo's own: reads a task, works a little, and says what it does, one object a line, as
//! `bundled:command` reads it.

use std::io::{self, Read, Write};

use serde_json::{Value, json};

use crate::Failure;

/// Does what the second run of the demo asks if the task speaks of outside, else what the first one asks.
pub(crate) fn agent() -> Result<(), Failure> {
    let mut task = String::new();
    io::stdin().read_to_string(&mut task)?;
    if task.contains("outside") { outside() } else { notes() }
}

fn notes() -> Result<(), Failure> {
    say("I will look around first.")?;
    let mut names: Vec<_> = std::fs::read_dir(".")?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    command("1", "ls -a", &names.join("\n"))?;
    say("Now I write what I found.")?;
    std::fs::write("NOTES.md", "# Notes\n\nOne file.\n")?;
    let changes = json!([{ "path": "NOTES.md", "kind": "add" }]);
    tell(
        &json!({ "type": "file_changed", "item_id": "2", "data": { "status": "completed", "changes": changes } }),
    )?;
    say("And a command that prints much.")?;
    let numbers: Vec<_> = (1..=30_000).map(|number: u32| number.to_string()).collect();
    command("3", "seq 1 30000", &numbers.join("\n"))?;
    tell(&json!({ "type": "result", "text": "Done: NOTES.md says what is here." }))
}

fn outside() -> Result<(), Failure> {
    say("I write outside of the project.")?;
    std::fs::write("../outside.txt", "an agent with full access was here\n")?;
    tell(&json!({ "type": "result", "text": "Done: ../outside.txt is written." }))
}

fn say(text: &str) -> Result<(), Failure> {
    tell(&json!({ "type": "agent_message", "data": { "text": text } }))
}

/// Tells of a command from its start to its end.
fn command(item: &str, command: &str, output: &str) -> Result<(), Failure> {
    tell(&json!({ "type": "command_started", "item_id": item, "data": { "command": command } }))?;
    let data = json!({ "command": command, "output": output, "exit_code": 0, "status": "completed" });
    tell(&json!({ "type": "command_finished", "item_id": item, "data": data }))
}

fn tell(event: &Value) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{event}")?;
    Ok(stdout.flush()?)
}
