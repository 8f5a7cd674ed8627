//! Which host.

use std::path::Path;

use pointsman_model::HostId;
use pointsman_store::{Stands, Store, StoreError};

use crate::control::socket::{Folder, Name};
use crate::failure::Failure;
use crate::lineage::Trail;

/// Gives the hosts that might take this client, the likeliest first; an agent's is the one that drives its run.
pub(super) fn candidates(
    state: &Path,
    named: Option<HostId>,
) -> Result<(Option<Folder>, Vec<HostId>), Failure> {
    let folder = match Folder::open(state) {
        Ok(folder) => folder,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((None, Vec::new())),
        Err(error) => {
            return Err(Failure::error(format!(
                "the hosts of {} cannot be looked for: {error}",
                state.display()
            )));
        }
    };
    if let Some(named) = named {
        return Ok((Some(folder), vec![named]));
    }
    if let Some(owner) = of_own_run(state)? {
        return Ok((Some(folder), vec![owner]));
    }
    let mut hosts = folder.hosts(Name::mcp);
    hosts.sort_by_key(|(_, since)| std::cmp::Reverse(*since));
    Ok((Some(folder), hosts.into_iter().map(|(host, _)| host).collect()))
}

/// Gives the living host that drives the run to which this process belongs.
fn of_own_run(state: &Path) -> Result<Option<HostId>, Failure> {
    let trail = Trail::of_this_process();
    if !trail.is_agent() {
        return Ok(None);
    }
    if Stands::of(state)? == Stands::Nothing {
        return Ok(None);
    }
    // An agent has no key to what is encrypted there, and needs none.
    let store = Store::open_without_payload(state)?;
    let Some(Some(run)) = trail.believed(|run, above| store.is_below(run, above))? else { return Ok(None) };
    let owner = match store.owner(run) {
        Err(StoreError::UnknownRun { .. }) => return Ok(None),
        owner => owner?,
    };
    Ok(store.is_alive(owner)?.then_some(owner))
}
