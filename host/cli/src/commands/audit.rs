//! `pointsman audit`.

use std::path::Path;
use std::time::Duration;

use pointsman_audit::{AuditError, Fault, Filter, Reader, verify};
use pointsman_model::Digest;
use serde_json::{Value, json};

use crate::args::{AuditCommand, AuditShowArgs};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, one_line};

/// How often new records are looked for.
const LOOK: Duration = Duration::from_millis(200);
/// A value for people is so long, in characters.
const VALUE: usize = 80;

pub(super) fn run(out: Out, loaded: &Loaded, command: AuditCommand) -> Outcome {
    let state = loaded.state_dir()?;
    match command {
        AuditCommand::Verify { known } => check(out, &state, &known),
        AuditCommand::Show(args) => show(out, &state, args),
    }
}

fn check(out: Out, state: &Path, known: &[Digest]) -> Outcome {
    let report = verify(state, known)?;
    let whole = report.faults.is_empty();
    let exit = if whole { Exit::Ok } else { Exit::Error };
    if out.is_json() {
        out.json(&json!({
            "ok": whole,
            "records": report.records,
            "files": report.files,
            "head": report.head,
            "faults": report.faults,
            "notes": report.notes,
        }))?;
        return Ok(exit);
    }
    let paint = out.paint();
    let told = |at: &Fault| match at.line {
        0 => format!("{}: {}", at.file.display(), at.what),
        line => format!("{}:{line}: {}", at.file.display(), at.what),
    };
    for note in &report.notes {
        out.line(paint.dim(format!("note: {}", told(note))))?;
    }
    for fault in &report.faults {
        out.line(format!("{} {}", paint.bad("fault:"), told(fault)))?;
    }
    let size = format!("{} records in {} files", report.records, report.files);
    let Some(head) = report.head else {
        out.line(if whole { "Nothing was recorded yet.".to_owned() } else { format!("{size}.") })?;
        return Ok(exit);
    };
    if whole {
        out.line(format!("{} {size}; record {} has the digest", paint.good("ok:"), head.seq))?;
        out.line(format!("  {}", head.hash))?;
        out.line(
            paint.dim("Note it elsewhere: `verify --known DIGEST` says later whether it is still there."),
        )?;
    } else {
        out.line(format!("{} the log is not as it was written: {size}.", paint.bad("damaged:")))?;
    }
    Ok(exit)
}

fn show(out: Out, state: &Path, args: AuditShowArgs) -> Outcome {
    let filter =
        Filter { run: args.run.map(|run| run.to_ascii_lowercase()), kinds: args.kind, since: args.since };
    let mut reader = Reader::new(state);
    loop {
        reader.read(|record| -> Result<(), Failure> {
            if !filter.takes(&record) {
                return Ok(());
            }
            if out.is_json() { out.json(&record) } else { out.line(line(out, &record)) }
        })?;
        if !args.follow {
            return Ok(Exit::Ok);
        }
        std::thread::sleep(LOOK);
    }
}

/// Says in one line what a record tells.
fn line(out: Out, record: &Value) -> String {
    let paint = out.paint();
    let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    let seq = record.get("seq").and_then(Value::as_u64).unwrap_or_default();
    let kind = format!("{:<16}", one_line(text("kind"), 40));
    let kind = match (text("kind"), text("verdict"), text("state"), text("attempt")) {
        ("gap" | "torn" | "missed" | "refused", ..)
        | (_, "deny", ..)
        | (.., "wrong" | "locked" | "replaced") => paint.bad(kind),
        (_, "ask", ..) | (_, _, "denied", _) | (.., "missing") => paint.warn(kind),
        _ => paint.bold(kind),
    };
    let told = record.as_object().into_iter().flatten().filter_map(|(key, value)| {
        let plain = !matches!(key.as_str(), "seq" | "at" | "host" | "kind" | "prev" | "hash");
        plain.then(|| format!("{}={}", paint.dim(one_line(key, VALUE)), shown(value)))
    });
    format!(
        "{} {} {kind} {}",
        paint.dim(format!("{seq:>6}")),
        paint.dim(one_line(text("at"), 40)),
        told.collect::<Vec<_>>().join(" ")
    )
}

fn shown(value: &Value) -> String {
    let text = match value {
        // Digests are for machines; eight digits tell two of them apart.
        Value::String(text) => match text.strip_prefix("sha256:") {
            Some(digits) => digits.chars().take(8).collect(),
            None => text.clone(),
        },
        Value::Array(items) => {
            let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
            let names: Vec<_> = items
                .iter()
                .map(|item| {
                    name(item)
                        .or_else(|| item.as_str().map(str::to_owned))
                        .unwrap_or_else(|| item.to_string())
                })
                .collect();
            names.join(" > ")
        }
        other => other.to_string(),
    };
    let text = one_line(&text, VALUE);
    if text.contains(' ') { format!("{text:?}") } else { text }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::error(error).help("`pointsman doctor` looks at the state folder")
    }
}
