//! Whether this host was started by an agent of another run, and by which.
//!
//! An agent that has this program as one of its own MCP servers can launch agents, too. They are a level deeper, which
//! policies want to know. Agents and their MCP clients may drop variables on the way, so the processes above are
//! looked at, not only the environment: the tree is kept together by supervisors and cannot be left.

use std::ffi::OsString;

use pointsman_model::{Principal, RunId};
use pointsman_store::{Store, StoreError};

use crate::SUPERVISE;

/// By this variable an agent knows its run.
const RUN_ID: &str = "POINTSMAN_RUN_ID";

/// What stands above this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Above {
    /// No agent.
    Nobody,
    /// The agent of a run.
    Run(RunId),
    /// An agent that hides its run.
    Somebody,
}

/// Gives who stands above this host's clients, from the root; empty for a host that a person's client started.
pub(crate) fn ancestors(
    store: impl FnOnce() -> Result<Store, StoreError>,
) -> Result<Vec<Principal>, StoreError> {
    let run = match above() {
        Above::Nobody => return Ok(Vec::new()),
        Above::Somebody => return Ok(vec![somebody(None)]),
        Above::Run(run) => run,
    };
    let store = store()?;
    // A run of another state is as good as hidden.
    let Some(record) = store.run(run)? else { return Ok(vec![somebody(Some(run))]) };
    let mut chain = store.run_spec(run)?.chain;
    let depth = chain.last().map_or(0, |last| last.depth) + 1;
    chain.push(Principal {
        name: record.agent_name,
        role: record.role.as_str().to_owned(),
        run_id: Some(run.to_string()),
        depth,
    });
    Ok(chain)
}

fn somebody(run: Option<RunId>) -> Principal {
    Principal {
        name: "unknown agent".to_owned(),
        role: "worker".to_owned(),
        run_id: run.map(|run| run.to_string()),
        depth: 1,
    }
}

fn above() -> Above {
    let own = std::env::var_os(RUN_ID);
    if let Some(above) = own.and_then(|run| named(&run)) {
        return above;
    }
    processes_above(std::process::id())
}

/// Says whether a process, or one above it, is an agent of a run, whichever host drives that.
pub(crate) fn is_agent(pid: u32) -> bool {
    names_run(pid).is_some() || processes_above(pid) != Above::Nobody
}

fn named(run: &OsString) -> Option<Above> {
    let run = run.to_str()?;
    (!run.is_empty()).then(|| run.parse().map_or(Above::Somebody, Above::Run))
}

/// Gives the run that a process was started for, as its environment says.
#[cfg(target_os = "linux")]
fn names_run(pid: u32) -> Option<Above> {
    use std::os::unix::ffi::OsStringExt;
    let prefix = format!("{RUN_ID}=").into_bytes();
    let variable = read(pid, "environ")
        .split(|byte| *byte == 0)
        .find_map(|entry| Some(entry.strip_prefix(&prefix[..])?.to_vec()));
    variable.and_then(|run| named(&OsString::from_vec(run)))
}

/// Reads what the system knows of a process. Processes of other users cannot be read, and are no agents of ours.
#[cfg(target_os = "linux")]
fn read(pid: u32, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

#[cfg(target_os = "linux")]
fn processes_above(pid: u32) -> Above {
    let mut at = pid;
    // Trees are not that deep; the bound is against a table that changes while it is read.
    for _ in 0..100 {
        let Some(parent) = crate::control::parent_of(at).filter(|parent| *parent > 1) else {
            return Above::Nobody;
        };
        at = parent;
        if let Some(above) = names_run(at) {
            return above;
        }
        if read(at, "cmdline").split(|byte| *byte == 0).nth(1) == Some(SUPERVISE.as_bytes()) {
            return Above::Somebody;
        }
    }
    Above::Somebody
}

#[cfg(not(target_os = "linux"))]
fn names_run(_pid: u32) -> Option<Above> {
    None
}

#[cfg(not(target_os = "linux"))]
fn processes_above(_pid: u32) -> Above {
    Above::Nobody
}
