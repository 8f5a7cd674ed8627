//! `pointsman approver`.

use std::path::Path;

use pointsman_approver::{Approver, ApproverError, is_set};
use pointsman_audit::{Attempt, Draft, Fact, Log};
use pointsman_engine::AuditSettings;
use pointsman_model::HostId;
use pointsman_store::{Stands, Store};
use serde_json::json;

use super::agents::refuse_agents;
use crate::approver::{ask, ask_approver};
use crate::args::ApproverCommand;
use crate::config::{Loaded, settings, state_key};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, now};

pub(super) fn run(out: Out, loaded: &Loaded, command: &ApproverCommand) -> Outcome {
    let state = loaded.state_dir()?;
    match command {
        ApproverCommand::Status => status(out, is_set(&state))?,
        ApproverCommand::Set => {
            refuse_agents(loaded, "approver_set", None)?;
            let before = is_set(&state);
            let old = ask_approver(&state)?;
            let new = ask("A new secret: ")?;
            if ask("The same again: ")? != new {
                return Err(Failure::error("the two are not the same; nothing was changed"));
            }
            change(loaded, &state, true, |approver| approver.set(old.as_ref(), &new, now()))?;
            status(out, true)?;
            if before && !out.is_json() {
                out.line("Hosts that run now take no answers until they are started anew.")?;
            }
        }
        ApproverCommand::Clear => {
            refuse_agents(loaded, "approver_clear", None)?;
            let secret = ask_approver(&state)?;
            change(loaded, &state, false, |approver| approver.clear(secret.as_ref(), now()).map(|_| ()))?;
            status(out, false)?;
        }
    }
    Ok(Exit::Ok)
}

/// Under this name the state's database knows which secret was set, so that it is noticed if the file is replaced.
pub(super) const PIN: &str = pointsman_engine::APPROVER_PIN;

/// Changes the secret, and records that, or that somebody tried to.
fn change(
    loaded: &Loaded,
    state: &Path,
    set: bool,
    act: impl FnOnce(&Approver) -> Result<(), ApproverError>,
) -> Result<(), Failure> {
    // Makes the folder, and refuses one that is open to others.
    let store = if Stands::of(state)? == Stands::Nothing {
        Store::open_with(state, state_key(loaded)?.as_ref())?
    } else {
        Store::open_without_payload(state)?
    };
    let mut log = open_log(loaded, state)?;
    let approver = Approver::open(state).pinned(store.pin(PIN)?);
    let done = act(&approver);
    let by = format!("cli:{}", crate::user::name());
    let fact = match &done {
        Ok(()) => Some(Fact::ApproverChanged { by, set }),
        Err(error) => attempt_at(error).map(|attempt| attempted((by, attempt))),
    };
    if let Some(fact) = fact {
        record(&mut log, fact)?;
    }
    if done.is_ok() {
        store.set_pin(PIN, approver.fingerprint().as_deref())?;
    }
    done.map_err(Failure::error)
}

/// Says what came of an attempt to speak as the approver; nothing if none was needed.
pub(super) fn attempt_of(checked: &Result<bool, ApproverError>) -> Option<Attempt> {
    match checked {
        Ok(needed) => needed.then_some(Attempt::Right),
        Err(error) => attempt_at(error),
    }
}

fn attempt_at(error: &ApproverError) -> Option<Attempt> {
    match error {
        ApproverError::Missing => Some(Attempt::Missing),
        ApproverError::Wrong { .. } => Some(Attempt::Wrong),
        ApproverError::Locked { .. } => Some(Attempt::Locked),
        ApproverError::Replaced => Some(Attempt::Replaced),
        _ => None,
    }
}

pub(super) fn attempted((by, attempt): (String, Attempt)) -> Fact {
    Fact::Approver { by, attempt, approval_id: None }
}

/// Opens the audit log, before anything is done that has to be in it.
pub(super) fn open_log(loaded: &Loaded, state: &Path) -> Result<Log, Failure> {
    let AuditSettings { options, .. } = settings(loaded)?.audit;
    Ok(Log::open(state, options)?)
}

/// Records a fact as a host of its own that does nothing else.
pub(super) fn record(log: &mut Log, fact: Fact) -> Result<(), Failure> {
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(Failure::internal)?;
    log.append(&[Draft { at: now(), host: HostId::from_random(id), fact }])?;
    Ok(())
}

fn status(out: Out, set: bool) -> Result<(), Failure> {
    if out.is_json() {
        return out.json(&json!({"set": set}));
    }
    out.line(if set {
        "Answers from a terminal need the approver's secret."
    } else {
        "Answers from a terminal need no secret. `pointsman approver set` has it otherwise."
    })
}
