//! What is played.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::client::Client;
use super::folder::{Folder, shown};
use super::{Cast, show};
use crate::{Failure, say};

/// Calls that wait come back after so long, in milliseconds, if nothing happens.
const WAIT: u64 = 10_000;
/// A run of the demo takes seconds; so many waits without an end are a failure.
const PATIENCE: u32 = 12;

pub(super) fn play(client: &mut Client, folder: &Folder, cast: &Cast, program: &Path) -> Result<(), Failure> {
    let first = allowed(client, folder, cast)?;
    artifact(client, &first)?;
    asked(client, folder, cast, program)
}

/// What the agent is to do, for an agent that takes a script and for one that is one.
fn prompt(cast: &Cast, steps: &Value, plain: &str) -> String {
    match cast {
        Cast::Codex(_) => format!("{plain}\n\nmock:script {}", json!({ "steps": steps })),
        Cast::Own => plain.to_owned(),
    }
}

/// The first run: inside the repository, without network. The rules allow it.
fn allowed(client: &mut Client, folder: &Folder, cast: &Cast) -> Result<String, Failure> {
    say::line("");
    say::step("a run that policy allows: work inside a repository");
    let steps = json!([
        { "text": "I will look around first.", "calls": [{ "shell": "ls -a" }] },
        { "text": "Now I write what I found.", "calls": [{ "write": "NOTES.md", "content": "# Notes\n\nOne file.\n" }] },
        { "text": "And a command that prints much.", "calls": [{ "shell": "seq 1 30000" }] },
        { "text": "Done: NOTES.md says what is here." },
    ]);
    let run = spawn(
        client,
        folder,
        json!({
            "backend": cast.backend(),
            "role": "worker",
            "session_mode": "new",
            "nickname": "notes",
            "prompt": prompt(cast, &steps, "Look around and write NOTES.md."),
        }),
    )?;
    follow(client, &run)?;
    result(client, &run)?;
    Ok(run)
}

/// The second run: full access. The rules want a person's word before anything is launched.
fn asked(client: &mut Client, folder: &Folder, cast: &Cast, program: &Path) -> Result<(), Failure> {
    say::line("");
    say::step("a run that policy asks about: full access");
    let steps = json!([
        { "text": "I write outside of the project.", "calls": [{ "shell": "echo 'an agent with full access was here' > ../outside.txt" }] },
        { "text": "Done: ../outside.txt is written." },
    ]);
    let run = spawn(
        client,
        folder,
        json!({
            "backend": cast.backend(),
            "role": "worker",
            "session_mode": "new",
            "nickname": "outside",
            "access": "full",
            "prompt": prompt(cast, &steps, "Write a file outside of the project."),
        }),
    )?;
    let record = client.call("get_run", json!({ "run_id": run }))?;
    let waiting = &record["waiting_for"];
    let Some(approval) = waiting["approval_id"].as_str() else {
        return Err(format!("the run does not wait for a person: {record}").into());
    };
    say::line(format!(
        "  {} {}",
        say::warn("a person must confirm:"),
        waiting["reason"].as_str().unwrap_or("?")
    ));
    say::line(format!("  rule {}; nothing was launched yet", waiting["rule"].as_str().unwrap_or("?")));
    say::line("");
    say::step("the answer, from another process: no tool of the client can give it");
    terminal(program, folder, &["approvals", "list"])?;
    terminal(program, folder, &["approvals", "allow", approval])?;
    say::line("");
    follow(client, &run)?;
    result(client, &run)?;
    say::line("");
    terminal(program, folder, &["runs", "list"])
}

fn spawn(client: &mut Client, folder: &Folder, mut arguments: Value) -> Result<String, Failure> {
    arguments["cwd"] = json!(folder.project());
    // The first call compiles the components; their machine code is kept for the next start.
    let bar = ProgressBar::new_spinner().with_message("spawn_run: the host compiles its components, once");
    bar.enable_steady_tick(Duration::from_millis(100));
    let run = client.call("spawn_run", arguments);
    bar.finish_and_clear();
    let run = run?;
    let id = run["run_id"].as_str().ok_or_else(|| format!("spawn_run gave no run_id: {run}"))?;
    say::line(format!("  spawn_run: {} ({})", say::bold(id), run["status"].as_str().unwrap_or("?")));
    Ok(id.to_owned())
}

/// Shows events until the run is over.
fn follow(client: &mut Client, run: &str) -> Result<(), Failure> {
    let mut after = 0;
    let mut idle = 0;
    loop {
        let page =
            client.call("poll_events", json!({ "run_id": run, "after_seq": after, "wait_ms": WAIT }))?;
        for event in page["events"].as_array().into_iter().flatten() {
            show::event(event);
        }
        let seen = page["next_after_seq"].as_u64().unwrap_or(after);
        idle = if seen == after { idle + 1 } else { 0 };
        after = seen;
        let over = matches!(page["status"].as_str(), Some("completed" | "failed" | "cancelled" | "rejected"));
        if over && page["truncated"] != true && page["last_seq"].as_u64() == Some(after) {
            return Ok(());
        }
        if idle >= PATIENCE {
            return Err(format!("run {run} is still {} and says nothing", page["status"]).into());
        }
    }
}

fn result(client: &mut Client, run: &str) -> Result<(), Failure> {
    let record = client.call("get_run", json!({ "run_id": run }))?;
    let status = record["status"].as_str().unwrap_or("?");
    if status != "completed" {
        return Err(format!(
            "run {run} is {status}: {}",
            record["error"]["message"].as_str().unwrap_or("no reason")
        )
        .into());
    }
    let said = record["final_response"].as_str().unwrap_or_default();
    say::line(format!("  {} {}", say::good("completed:"), show::shorten(said)));
    if let Some(usage) = record["usage"].as_object() {
        say::line(say::dim(format!(
            "  {} tokens read, {} written",
            usage["input_tokens"], usage["output_tokens"]
        )));
    }
    Ok(())
}

/// Shows a page of the first value that was too long for its event.
fn artifact(client: &mut Client, run: &str) -> Result<(), Failure> {
    let mut after = 0;
    let found = loop {
        let page = client.call("poll_events", json!({ "run_id": run, "after_seq": after, "wait_ms": 0 }))?;
        let spilled = page["events"].as_array().into_iter().flatten().find_map(|event| {
            let field = event["data"]["artifact_refs"].as_object()?.keys().next()?.clone();
            Some((event["seq"].as_u64()?, field))
        });
        if spilled.is_some() || page["truncated"] != true {
            break spilled;
        }
        after = page["next_after_seq"].as_u64().unwrap_or(u64::MAX);
    };
    let Some((seq, field)) = found else {
        return Err("nothing of the run was moved beside its events, where 160 KB should have been".into());
    };
    say::line("");
    say::step(format!("what was too long for event {seq}: a page of {field}"));
    let page = client.call(
        "get_event_artifact",
        json!({ "run_id": run, "seq": seq, "field_path": field, "limit": 4096 }),
    )?;
    let lines: Vec<_> = page["content"].as_str().unwrap_or_default().lines().collect();
    for line in lines.iter().take(3) {
        say::line(format!("  {}", show::shorten(line)));
    }
    say::line(say::dim(format!(
        "  … and so on: {} bytes of {}, more: {}",
        page["returned_bytes"], page["total_bytes"], page["has_more"]
    )));
    Ok(())
}

/// Runs a command as a person in another terminal would.
fn terminal(program: &Path, folder: &Folder, args: &[&str]) -> Result<(), Failure> {
    say::line(say::dim(format!("  $ {} {}", shown(program), args.join(" "))));
    let output = Command::new(program)
        .arg("--config")
        .arg(folder.config())
        .args(args)
        .stdin(Stdio::null())
        .output()?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        say::line(format!("  {line}"));
    }
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim()).into())
}
