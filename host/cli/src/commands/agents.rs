//! Who may answer is no agent. A host looks at its callers by itself; this is for what is done without one.

use pointsman_audit::{Fact, Member};
use pointsman_engine::chain_below;
use pointsman_model::{ApprovalId, Digest, RunId};

use super::approver::{open_log, record};
use crate::config::Loaded;
use crate::failure::Failure;
use crate::lineage::Trail;
use crate::state::State;

/// What an agent is told.
const REFUSAL: &str = "this process descends from a host, so it is an agent: whoever asks cannot answer";

/// Refuses if this process is an agent's, and records that: it must neither answer, nor take an answer back, nor set a
/// secret that would keep its person from answering.
pub(super) fn refuse_agents(
    loaded: &Loaded,
    action: &str,
    approval_id: Option<ApprovalId>,
) -> Result<(), Failure> {
    let trail = Trail::of_this_process();
    if !trail.is_agent() {
        return Ok(());
    }
    if let Err(failure) = turned_away(loaded, &trail, action, approval_id) {
        tracing::warn!(why = failure.message, "the try of an agent could not be recorded");
    }
    Err(Failure::error(REFUSAL))
}

fn turned_away(
    loaded: &Loaded,
    trail: &Trail,
    action: &str,
    approval_id: Option<ApprovalId>,
) -> Result<(), Failure> {
    let state = loaded.state_dir()?;
    let store = State::open(loaded)?.store;
    let run = trail.believed(|run, above| store.is_below(run, above))?.flatten();
    let unknown =
        |run: RunId| vec![Member { name: "unknown agent".to_owned(), run_id: Some(run.to_string()) }];
    let chain = match run {
        Some(run) => chain_below(&store, run)?
            .map_or_else(|| unknown(run), |chain| chain.iter().map(Member::from).collect()),
        None => Vec::new(),
    };
    let fact = Fact::Denied {
        action: action.to_owned(),
        chain,
        approval_id,
        reason: "agent".to_owned(),
        why: Digest::of(REFUSAL.as_bytes()),
    };
    record(&mut open_log(loaded, &state)?, fact)
}
