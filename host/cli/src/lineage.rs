//! Whether a process belongs to an agent of a run, and of which.
//!
//! An agent that has this program as one of its own MCP servers, or in its shell, can launch agents, too. They are a
//! level deeper, which policies want to know, and may do no more than their parent may delegate. Variables are easily
//! dropped and easily forged, so the processes above are looked at: a tree is kept together by supervisors and cannot
//! be left, and the supervisor's own environment, which the host wrote, names the run.

use std::ffi::OsString;

use pointsman_engine::{Error, Host, chain_below};
use pointsman_model::{Principal, RunId};
use pointsman_store::{Store, StoreError};

use crate::SUPERVISE;

/// By this variable an agent knows its run, and a supervisor whose tree it keeps.
pub(crate) const RUN_ID: &str = "POINTSMAN_RUN_ID";
/// By this variable an agent can show that it belongs to its run.
pub(crate) const RUN_TOKEN: &str = "POINTSMAN_RUN_TOKEN";

/// A run, as somebody names it; `None` for an agent that hides its run.
pub(crate) type Named = Option<RunId>;

/// Why it cannot be said what stands above a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unseen {
    /// It lives where this process does not see it, such as in the world outside of a container.
    #[error("the caller is no process that can be seen from here")]
    Elsewhere,
    /// It is gone: whoever holds the connection now is another one, and may be anybody.
    #[error("process {0}, which opened the connection, has ended: who holds it now cannot be told")]
    Gone(u32),
}

/// What stands above a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trail {
    /// What the environment of the process, or else of the nearest one above that says anything, names.
    said: Option<Named>,
    /// The runs whose trees the supervisors above it keep, nearest first.
    supervisors: Vec<Named>,
}

impl Trail {
    /// Looks at a process and those above it.
    pub(crate) fn of(pid: u32) -> Self {
        let mut trail = Self { said: names_run(pid), supervisors: Vec::new() };
        let mut at = pid;
        // Trees are not that deep; the bound is against a table that changes while it is read.
        for _ in 0..1000 {
            let Some(parent) = parent_of(at).filter(|parent| *parent > 1) else { return trail };
            at = parent;
            let names = names_run(at);
            if is_supervisor(at) {
                trail.supervisors.push(names.flatten());
            }
            trail.said = trail.said.or(names);
        }
        trail.said = trail.said.or(Some(None));
        trail
    }

    /// Looks at whoever opened a connection, by the number that the system gives; it has to live, or nothing can be said.
    #[cfg(target_os = "linux")]
    pub(crate) fn of_caller(pid: Option<i32>) -> Result<(u32, Self), Unseen> {
        let pid = pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
        let pid = pid.ok_or(Unseen::Elsewhere)?;
        let began = began(pid).ok_or(Unseen::Gone(pid))?;
        let trail = Self::of(pid);
        // Its number may be another's by now.
        if self::began(pid) == Some(began) { Ok((pid, trail)) } else { Err(Unseen::Gone(pid)) }
    }

    /// Nothing is known here of a caller but its variables, which it does not show.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of_caller(pid: Option<i32>) -> Result<(u32, Self), Unseen> {
        Ok((pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(), Self::default()))
    }

    /// Gives the run of a host's state whose agent the process belongs to: `None` for nobody's.
    pub(crate) async fn run_in(self, host: &Host) -> Result<Option<Named>, Error> {
        let host = host.clone();
        // Reading blocks.
        let belongs = tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Handle::current();
            self.believed(|run, above| runtime.block_on(host.is_below(run, above)))
        });
        belongs.await.map_err(|error| Error::Invalid(error.to_string()))?
    }

    /// Looks at this process. Its own environment can be read everywhere.
    pub(crate) fn of_this_process() -> Self {
        let own = std::env::var_os(RUN_ID).and_then(|run| named(&run));
        let trail = Self::of(std::process::id());
        Self { said: own.or(trail.said), ..trail }
    }

    /// Says whether anything speaks for an agent.
    pub(crate) fn is_agent(&self) -> bool {
        self.said.is_some() || !self.supervisors.is_empty()
    }

    /// Gives the run whose agent the process belongs to: `None` for nobody's.
    ///
    /// A name is believed from the outermost supervisor inwards, and only if it is that of a run below the one that is
    /// believed already: a process may forge its environment and play the supervisor, so what it says may lead down its
    /// own tree and nowhere else.
    pub(crate) fn believed<E>(
        &self,
        is_below: impl Fn(RunId, RunId) -> Result<bool, E>,
    ) -> Result<Option<Named>, E> {
        let Some(outermost) = self.supervisors.last() else { return Ok(self.said) };
        let Some(mut believed) = *outermost else { return Ok(Some(None)) };
        let inwards = self.supervisors.iter().rev().skip(1).copied().chain(self.said);
        for run in inwards.flatten() {
            if run != believed && is_below(run, believed)? {
                believed = run;
            }
        }
        Ok(Some(Some(believed)))
    }
}

/// Gives who stands above this host's clients, from the root; empty for a host that a person's client started.
pub(crate) fn ancestors(
    store: impl FnOnce() -> Result<Store, StoreError>,
) -> Result<Vec<Principal>, StoreError> {
    let trail = Trail::of_this_process();
    if !trail.is_agent() {
        return Ok(Vec::new());
    }
    let store = store()?;
    match trail.believed(|run, above| store.is_below(run, above))? {
        None => Ok(Vec::new()),
        Some(None) => Ok(vec![somebody(None)]),
        // A run of another state is as good as hidden.
        Some(Some(run)) => Ok(chain_below(&store, run)?.unwrap_or_else(|| vec![somebody(Some(run))])),
    }
}

fn somebody(run: Option<RunId>) -> Principal {
    Principal {
        name: "unknown agent".to_owned(),
        role: "worker".to_owned(),
        run_id: run.map(|run| run.to_string()),
        depth: 1,
    }
}

/// Says whether a process, or one above it, is an agent of a run, whichever host drives that.
pub(crate) fn is_agent(pid: u32) -> bool {
    Trail::of(pid).is_agent()
}

fn named(run: &OsString) -> Option<Named> {
    let run = run.to_str()?;
    (!run.is_empty()).then(|| run.parse().ok())
}

/// Gives the run that a process was started for, as its environment says.
#[cfg(target_os = "linux")]
fn names_run(pid: u32) -> Option<Named> {
    use std::os::unix::ffi::OsStringExt;
    let prefix = format!("{RUN_ID}=").into_bytes();
    let variable = read(pid, "environ")
        .split(|byte| *byte == 0)
        .find_map(|entry| Some(entry.strip_prefix(&prefix[..])?.to_vec()));
    variable.and_then(|run| named(&OsString::from_vec(run)))
}

#[cfg(target_os = "linux")]
fn is_supervisor(pid: u32) -> bool {
    read(pid, "cmdline").split(|byte| *byte == 0).nth(1) == Some(SUPERVISE.as_bytes())
}

/// Reads what the system knows of a process. Processes of other users cannot be read, and are no agents of ours.
#[cfg(target_os = "linux")]
fn read(pid: u32, file: &str) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

/// Gives when a process began, in the system's ticks; nothing for one that has ended.
#[cfg(target_os = "linux")]
fn began(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // The third field of all is the state: Z and X are dead. The twenty-second is the time.
    let state = fields.next()?;
    if matches!(state, "Z" | "X" | "x") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Gives the process above another one.
#[cfg(target_os = "linux")]
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in brackets, which may hold anything; the fourth is the parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn names_run(_pid: u32) -> Option<Named> {
    None
}

#[cfg(not(target_os = "linux"))]
fn is_supervisor(_pid: u32) -> bool {
    let _ = SUPERVISE;
    false
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn parent_of(_pid: u32) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::{Read as _, Write as _};

    use super::*;

    fn run(byte: u8) -> RunId {
        RunId::from_random([byte; 16])
    }

    /// Every run is below those with a lower number.
    fn believed(said: Option<Named>, supervisors: &[Named]) -> Option<Named> {
        let below = |inner: RunId, outer: RunId| Ok::<_, Infallible>(inner.to_string() > outer.to_string());
        Trail { said, supervisors: supervisors.to_vec() }.believed(below).unwrap()
    }

    #[test]
    fn a_name_leads_down_its_own_tree_and_nowhere_else() {
        let (one, two, three) = (Some(run(1)), Some(run(2)), Some(run(3)));
        assert_eq!(believed(None, &[]), None);
        assert_eq!(believed(Some(two), &[]), Some(two), "where nothing supervises, the word alone counts");
        assert_eq!(believed(Some(two), &[two]), Some(two));
        assert_eq!(believed(None, &[two]), Some(two), "a variable that is gone hides nothing");
        assert_eq!(believed(Some(one), &[two]), Some(two), "forged");
        assert_eq!(believed(Some(None), &[two]), Some(two), "forged");
        assert_eq!(believed(Some(three), &[two]), Some(three));
        assert_eq!(believed(Some(three), &[three, two]), Some(three));
        assert_eq!(believed(Some(one), &[one, two]), Some(two), "somebody plays the supervisor");
        assert_eq!(believed(Some(three), &[None]), Some(None));
    }

    /// A connection outlives whoever opened it, and may be handed on.
    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_caller_that_is_gone_nothing_is_believed() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let (number, pid) = (child.id(), i32::try_from(child.id()).ok());
        assert_eq!(Trail::of_caller(pid).map(|(seen, _)| seen), Ok(number));
        drop(child.stdin.take());
        // It says nothing more once it has ended, reaped or not.
        child.stdout.as_mut().unwrap().read_to_end(&mut Vec::new()).unwrap();
        let began = std::time::Instant::now();
        while Trail::of_caller(pid).is_ok() {
            assert!(began.elapsed().as_secs() < 60, "it has not ended");
        }
        child.wait().unwrap();
        assert_eq!(Trail::of_caller(pid), Err(Unseen::Gone(number)));
        assert_eq!(Trail::of_caller(Some(0)), Err(Unseen::Elsewhere));
        assert_eq!(Trail::of_caller(None), Err(Unseen::Elsewhere));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_childs_environment_is_read() {
        let mut child = std::process::Command::new("cat")
            .env(RUN_ID, run(7).to_string())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Until it has answered it may still be a copy of this process.
        child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        assert_eq!(Trail::of(child.id()).said, Some(Some(run(7))));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
