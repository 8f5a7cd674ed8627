//! `pointsman runs events`.

use std::time::Duration;

use pointsman_model::{Event, RunId, Status};
use serde_json::Value;

use crate::args::EventsArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::State;
use crate::terminal::{Out, clock, one_line};

/// Events read at once.
const PAGE: u32 = 500;
/// Bytes read at once.
const PAGE_BYTES: usize = 1 << 20;
/// How often another process's writes are looked for. Asking costs some 10 µs.
const LOOK: Duration = Duration::from_millis(100);
/// A line for people is so long, in characters.
const LINE: usize = 160;

/// Prints events, one a line: as JSON they are those of the wire.
pub(super) fn run(out: Out, state: &State, args: &EventsArgs) -> Outcome {
    let id = state.run(&args.run)?.run_id;
    let mut after = args.after;
    loop {
        let seen = state.store.latest_change()?;
        let status = print(out, state, id, &mut after)?;
        if !args.follow || status.is_terminal() {
            return Ok(Exit::Ok);
        }
        while state.store.latest_change()? == seen {
            std::thread::sleep(LOOK);
        }
    }
}

/// Prints what there is after a number.
fn print(out: Out, state: &State, id: RunId, after: &mut u64) -> Result<Status, Failure> {
    loop {
        let slice = state.store.events(id, *after, PAGE, PAGE_BYTES)?;
        for event in &slice.events {
            *after = event.seq;
            if out.is_json() {
                out.json(event)?;
            } else {
                out.line(line(out, event))?;
            }
        }
        if !slice.more {
            return Ok(slice.status);
        }
    }
}

/// Says in one line what an event tells.
pub(super) fn line(out: Out, event: &Event) -> String {
    let paint = out.paint();
    let seq = paint.dim(format!("{:>5}", event.seq));
    let when = paint.dim(clock(event.ts));
    let kind = format!("{:<17}", event.kind.as_str());
    let kind = match event.kind.as_str() {
        "run_completed" => paint.good(kind),
        "run_failed" | "rejected" => paint.bad(kind),
        "approval_required" | "input_required" | "auth_required" => paint.warn(kind),
        _ => paint.bold(kind),
    };
    let spilled =
        if event.data.contains_key("artifact_refs") { paint.dim(" [more beside it]") } else { String::new() };
    format!("{seq} {when} {kind} {}{spilled}", gist(event))
}

/// Says in one line what an event is about.
fn gist(event: &Event) -> String {
    let text = |key: &str| event.data.get(key).and_then(Value::as_str);
    let said = match event.kind.as_str() {
        "command_started" | "command_updated" => text("command").map(str::to_owned),
        "command_finished" => {
            let code = event.data.get("exit_code").and_then(Value::as_i64);
            let code = code.map(|code| format!(" (exit {code})")).unwrap_or_default();
            text("command").map(|command| format!("{command}{code}"))
        }
        "file_changed" => event.data.get("changes").and_then(Value::as_array).map(|changes| {
            let path = |change: &Value| change["path"].as_str().unwrap_or_default().to_owned();
            changes.iter().map(path).collect::<Vec<_>>().join(", ")
        }),
        "approval_resolved" => {
            text("resolution").map(|it| format!("{it} by {}", text("by").unwrap_or("nobody")))
        }
        "tool_started" | "tool_finished" => text("tool").map(str::to_owned),
        _ => None,
    };
    let first = ["text", "final_response", "message", "reason", "status"];
    let said =
        said.or_else(|| first.into_iter().find_map(text).map(str::to_owned)).unwrap_or_else(|| rest(event));
    one_line(&said, LINE)
}

/// Gives what an event says besides nothing, as JSON; of most there is no need for it.
fn rest(event: &Event) -> String {
    let said: serde_json::Map<_, _> = event
        .data
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if said.is_empty() { String::new() } else { Value::Object(said).to_string() }
}
