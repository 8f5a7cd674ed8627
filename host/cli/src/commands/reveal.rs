//! `pointsman runs reveal`: what stood in an event before secrets were taken out of it, for a person's eyes.
//!
//! This and `state export --sealed` are all that opens originals. No face of a host does: neither a tool of MCP nor a
//! task of A2A, nor the socket on which terminals talk to it.

use std::io::{IsTerminal as _, stdout};

use pointsman_approver::Approver;
use pointsman_audit::{Fact, Log};
use pointsman_model::{Event, RunId, RunRecord};
use pointsman_store::Original;
use serde_json::{Map, Value, json};

use super::approver::{PIN, attempt_of, attempted, open_log, record};
use super::events::line;
use crate::approver::{TERMINAL, ask_approver};
use crate::args::RevealArgs;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::State;
use crate::terminal::{Out, now, visible};

/// So many events that do have an original are named, where one has none.
const NAMED: usize = 10;

pub(super) fn run(out: Out, loaded: &Loaded, state: &State, args: &RevealArgs) -> Outcome {
    refuse_all_but_people()?;
    let run = state.run(&args.run)?;
    let event = event(state, &run, args.seq)?;
    let kept = state.store.originals(run.run_id)?;
    if !kept.contains(&args.seq) {
        return Err(nothing_kept(&run, args.seq, &kept));
    }
    let by = format!("cli:{}", crate::user::name());
    let mut log = open_log(loaded, &state.dir)?;
    admit(state, &mut log, &by)?;
    let data = match state.store.original(run.run_id, args.seq)? {
        Some(Original::Kept(data)) => data,
        Some(Original::TooLarge { bytes, most }) => {
            return Err(Failure::not_found(format!(
                "the original of event {} had {bytes} bytes; those over {most} bytes are not kept",
                args.seq
            )));
        }
        None => return Err(nothing_kept(&run, args.seq, &kept)),
    };
    // On disk before anything is shown: what cannot be recorded is not.
    record(&mut log, Fact::Revealed { by, run_id: run.run_id, seq: args.seq })?;
    show(out, &event, data)
}

/// Lets somebody write out in clear what is sealed in any case: a person, who shows to be the approver if there is a
/// secret. Recorded before anything is written.
pub(super) fn admit_export(loaded: &Loaded, state: &State, run_id: Option<RunId>) -> Result<(), Failure> {
    refuse_agents()?;
    let by = format!("cli:{}", crate::user::name());
    let mut log = open_log(loaded, &state.dir)?;
    admit(state, &mut log, &by)?;
    record(&mut log, Fact::Exported { by, run_id })
}

fn refuse_agents() -> Result<(), Failure> {
    if crate::lineage::is_agent(std::process::id()) {
        return Err(Failure::error(
            "this process descends from a host, so it is an agent: what is sealed is shown to people alone",
        ));
    }
    Ok(())
}

/// What is shown goes to the eyes of whoever sits at a terminal, and into no file, pipe or agent.
fn refuse_all_but_people() -> Result<(), Failure> {
    refuse_agents()?;
    let attended = std::fs::File::options().read(true).write(true).open(TERMINAL).is_ok();
    if !attended || !stdout().is_terminal() {
        return Err(Failure::error("originals are shown on a terminal alone, and this is none")
            .help("run it by hand, without a pipe or a redirection"));
    }
    Ok(())
}

fn event(state: &State, run: &RunRecord, seq: u64) -> Result<Event, Failure> {
    let slice = state.store.events(run.run_id, seq.saturating_sub(1), 1, usize::MAX)?;
    slice.events.into_iter().find(|event| event.seq == seq).ok_or_else(|| {
        Failure::not_found(format!(
            "run {} has no event {seq}; its last one is {}",
            run.run_id, slice.last_seq
        ))
    })
}

fn nothing_kept(run: &RunRecord, seq: u64, kept: &[u64]) -> Failure {
    let failure = Failure::not_found(format!("no original is kept of event {seq} of run {}", run.run_id));
    if kept.is_empty() {
        return failure.help(
            "`keep_originals = true` at a sanitizer, as in `pointsman config example`, keeps those of later events \
             that it changes",
        );
    }
    let mut named = kept.iter().take(NAMED).map(u64::to_string).collect::<Vec<_>>().join(", ");
    if kept.len() > NAMED {
        named.push_str(", …");
    }
    failure.help(format!("of this run, originals are kept of {named}: no sanitizer changed the others"))
}

/// Has whoever sits here show that it is the approver, if there is a secret. Each attempt is recorded.
fn admit(state: &State, log: &mut Log, by: &str) -> Result<(), Failure> {
    let secret = ask_approver(&state.dir)?;
    let checked = Approver::open(&state.dir).pinned(state.store.pin(PIN)?).check(secret.as_ref(), now());
    if let Some(attempt) = attempt_of(&checked) {
        record(log, attempted((by.to_owned(), attempt)))?;
    }
    checked.map(|_| ()).map_err(Failure::error)
}

fn show(out: Out, event: &Event, original: Map<String, Value>) -> Outcome {
    if out.is_json() {
        let mut shown = json!(event);
        shown["data"] = Value::Object(original);
        out.json(&shown)?;
        return Ok(Exit::Ok);
    }
    out.line(line(out, event))?;
    let text = serde_json::to_string_pretty(&original).map_err(Failure::internal)?;
    out.line(visible(&text))?;
    Ok(Exit::Ok)
}
