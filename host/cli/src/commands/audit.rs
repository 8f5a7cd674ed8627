//! `pointsman audit`.

use std::path::Path;
use std::time::Duration;

use pointsman_audit::{AuditError, Fault, Filter, Note, Reader, Report, verify};
use pointsman_model::Digest;
use pointsman_store::RunFilter;
use serde_json::{Value, json};

use crate::args::{AuditCommand, AuditShowArgs};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::State;
use crate::terminal::{Out, one_line};

/// How often new records are looked for.
const LOOK: Duration = Duration::from_millis(200);
/// Runs of the journal that are looked at together.
const PAGE: u32 = 1000;
/// A value for people is so long, in characters.
const VALUE: usize = 80;

pub(super) fn run(out: Out, loaded: &Loaded, command: AuditCommand) -> Outcome {
    let state = loaded.state_dir()?;
    match command {
        AuditCommand::Verify { known } => check(out, loaded, &state, &known),
        AuditCommand::Show(args) => show(out, &state, args),
    }
}

fn check(out: Out, loaded: &Loaded, state: &Path, known: &[Digest]) -> Outcome {
    let mut report = verify(state, known)?;
    match unrecorded(loaded, state, &report) {
        Ok(faults) => report.faults.extend(faults),
        Err(failure) => report.notes.push(Note {
            file: state.to_owned(),
            line: 0,
            what: format!("whether every run has its records cannot be told: {}", failure.message),
        }),
    }
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
        out.line(if whole {
            "Nothing was recorded yet.".to_owned()
        } else {
            format!("{} the log is not as it was written: {size}.", paint.bad("damaged:"))
        })?;
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

/// Holds the journal against the log: each run that is over has left records, so one without says that they are gone,
/// even if somebody took the whole log away and its head with it.
fn unrecorded(loaded: &Loaded, state: &Path, report: &Report) -> Result<Vec<Fault>, Failure> {
    let Some(recorded) = &report.runs else { return Ok(Vec::new()) };
    if !state.join("journal.sqlite").is_file() {
        return Ok(Vec::new());
    }
    let store = State::open(loaded)?.store;
    let (mut missing, mut example, mut cursor) = (0_u64, None, None);
    loop {
        let page = store.list_runs(&RunFilter::default(), cursor.as_deref(), PAGE)?;
        for run in page.runs.iter().filter(|run| run.status.is_terminal()) {
            let id = run.run_id;
            if !recorded.contains(&id.to_string()) && !store.was_imported(id)? {
                missing += 1;
                example = Some(id);
            }
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let fault = |oldest| Fault {
        file: state.join("audit"),
        line: 0,
        what: format!(
            "{missing} runs of the journal have no record, the oldest is {oldest}: the log is not that of these runs, \
             was begun anew, or could not be written"
        ),
    };
    Ok(example.map(fault).into_iter().collect())
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
        ("gap" | "torn" | "missed" | "refused" | "denied", ..)
        | (_, "deny", ..)
        | (.., "wrong" | "locked" | "replaced") => paint.bad(kind),
        (_, "ask", ..) | (_, _, "denied", _) | (.., "missing") => paint.warn(kind),
        _ => paint.bold(kind),
    };
    let fields = record.as_object();
    let told = FIRST.iter().filter_map(|key| fields?.get_key_value(*key));
    let rest = fields.into_iter().flatten().filter(|(key, _)| {
        let frame = matches!(key.as_str(), "seq" | "at" | "host" | "kind" | "prev" | "hash");
        !frame && !FIRST.contains(&key.as_str())
    });
    let told = told
        .chain(rest)
        .map(|(key, value)| format!("{}={}", paint.dim(one_line(key, VALUE)), shown(key, value)));
    format!(
        "{} {} {kind} {}",
        paint.dim(format!("{seq:>6}")),
        paint.dim(one_line(text("at"), 40)),
        told.collect::<Vec<_>>().join(" ")
    )
}

/// What is told first: what came of it, for whom, and by which rule. The rest follows by name.
const FIRST: [&str; 11] = [
    "verdict",
    "state",
    "status",
    "attempt",
    "action",
    "run_id",
    "approval_id",
    "by",
    "chain",
    "module",
    "rule",
];

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

fn shown(key: &str, value: &Value) -> String {
    let text = match value {
        // As `runs list` and `approvals list` have them.
        Value::String(id) if matches!(key, "run_id" | "approval_id" | "superseded_by") => short(id),
        // Digests are for machines; eight digits tell two of them apart.
        Value::String(text) => match text.strip_prefix("sha256:") {
            Some(digits) => digits.chars().take(8).collect(),
            None => text.clone(),
        },
        Value::Array(items) => {
            let between = if key == "chain" { " > " } else { ", " };
            let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
            let names: Vec<_> = items
                .iter()
                .map(|item| {
                    name(item)
                        .or_else(|| item.as_str().map(str::to_owned))
                        .unwrap_or_else(|| item.to_string())
                })
                .collect();
            names.join(between)
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
