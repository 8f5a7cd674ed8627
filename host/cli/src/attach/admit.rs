//! Who is at the other end, and what it may therefore see.

use pointsman_engine::{Error, Host};
use pointsman_model::RunId;
use tokio::net::UnixStream;

use crate::lineage::{Named, Trail, Unseen};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// A client of the host's own user.
    Client,
    /// The agent of a live run of this host.
    Agent(RunId),
}

/// Why a caller is not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stranger {
    /// The system does not say who it is.
    #[error("the system does not say who calls: {0}")]
    Unknown(std::io::Error),
    /// Nobody can say what stands above it, and it has no token.
    #[error(transparent)]
    Unseen(#[from] Unseen),
    /// Another user.
    #[error("only the host's own user may attach; user {0} is another")]
    User(u32),
    /// The token is none of this host's, or its run is over.
    #[error("the token belongs to no live run of this host; a run's token ends with the run")]
    DeadToken,
    /// An agent that nobody knows.
    #[error("process {0} belongs to an agent, and nothing says to which run: it has no token")]
    Hidden(u32),
    /// The token is another run's.
    #[error("the token is that of run {token}, but the process belongs to run {run}")]
    OtherRun {
        /// Whose token it is.
        token: RunId,
        /// Whose process.
        run: RunId,
    },
    /// The run is not live here.
    #[error("run {0} is not live in this host: its agent attaches to the host that drives it")]
    NotHere(RunId),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] Error),
}

impl Stranger {
    /// Gives a stable word for the audit log, and the run whose agent it is, if that is known.
    pub(super) fn for_the_record(&self) -> (&'static str, Option<RunId>) {
        match self {
            Self::Unknown(_) | Self::Unseen(_) => ("unknown_caller", None),
            Self::User(_) => ("other_user", None),
            Self::DeadToken => ("dead_token", None),
            Self::Hidden(_) => ("hidden_agent", None),
            Self::OtherRun { run, .. } => ("foreign_token", Some(*run)),
            Self::NotHere(run) => ("run_elsewhere", Some(*run)),
            Self::State(_) => ("unknown_caller", None),
        }
    }
}

/// Says who calls.
pub(super) async fn identify(
    stream: &UnixStream,
    token: Option<&str>,
    host: &Host,
) -> Result<Standing, Stranger> {
    let peer = stream.peer_cred().map_err(Stranger::Unknown)?;
    if peer.uid() != rustix::process::getuid().as_raw() {
        return Err(Stranger::User(peer.uid()));
    }
    let (pid, belongs) = match (Trail::of_caller(peer.pid()), token) {
        (Ok((pid, trail)), _) => (pid, trail.run_in(host).await?),
        // A caller that cannot be seen has only its token.
        (Err(_), Some(_)) => (0, Some(None)),
        (Err(unseen), None) => return Err(unseen.into()),
    };
    let holds = match token {
        None => None,
        Some(token) => Some(host.run_of_token(token).ok_or(Stranger::DeadToken)?),
    };
    let below = match (belongs, holds) {
        (Some(Some(run)), Some(token)) => host.is_below(token, run).await?,
        _ => false,
    };
    standing(pid, belongs, holds, below)
}

/// Puts together what the processes above say and whose token it is. `below`: the token's run is below the process's.
fn standing(
    pid: u32,
    belongs: Option<Named>,
    holds: Option<RunId>,
    below: bool,
) -> Result<Standing, Stranger> {
    match (belongs, holds) {
        (None, None) => Ok(Standing::Client),
        (None | Some(None), Some(token)) => Ok(Standing::Agent(token)),
        (Some(None), None) => Err(Stranger::Hidden(pid)),
        (Some(Some(run)), None) => Ok(Standing::Agent(run)),
        // Whoever shows a token of its own tree asks for less than it has.
        (Some(Some(run)), Some(token)) if run == token || below => Ok(Standing::Agent(token)),
        (Some(Some(run)), Some(token)) => Err(Stranger::OtherRun { token, run }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_gives_more_than_the_process_has() {
        let (one, two) = (RunId::from_random([1; 16]), RunId::from_random([2; 16]));
        let who = |belongs, holds, below| standing(7, belongs, holds, below);
        assert_eq!(who(None, None, false).unwrap(), Standing::Client);
        assert_eq!(who(None, Some(one), false).unwrap(), Standing::Agent(one));
        assert_eq!(who(Some(Some(one)), None, false).unwrap(), Standing::Agent(one));
        assert_eq!(who(Some(Some(one)), Some(one), false).unwrap(), Standing::Agent(one));
        assert_eq!(who(Some(Some(one)), Some(two), true).unwrap(), Standing::Agent(two));
        assert!(matches!(who(Some(Some(one)), Some(two), false), Err(Stranger::OtherRun { .. })));
        assert!(matches!(who(Some(None), None, false), Err(Stranger::Hidden(7))));
        assert_eq!(who(Some(None), Some(one), false).unwrap(), Standing::Agent(one));
    }
}
