//! Who is at the other end.

use tokio::net::UnixStream;

use crate::lineage::{self, Trail, Unseen};

/// Why a caller is not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    /// The system does not say who it is.
    #[error("the system does not say who calls: {0}")]
    Unknown(String),
    /// Another user.
    #[error("only the host's own user may call; user {0} is another")]
    User(u32),
    /// Nobody can say what stands above it.
    #[error(transparent)]
    Unseen(#[from] Unseen),
    /// An agent that this host runs, or another.
    #[error("process {pid} descends from a host, so it is an agent: whoever asks cannot answer")]
    Agent {
        /// Its process.
        pid: u32,
        /// What stands above it.
        trail: Trail,
    },
}

/// Says who calls, as `cli:<user>`, or why it is not heard.
pub(super) fn identify(stream: &UnixStream) -> Result<String, Stranger> {
    let peer = stream.peer_cred().map_err(|error| Stranger::Unknown(error.to_string()))?;
    if peer.uid() != rustix::process::getuid().as_raw() {
        return Err(Stranger::User(peer.uid()));
    }
    let below = peer.pid().and_then(|pid| u32::try_from(pid).ok());
    let below = below.is_some_and(|pid| descends_from(pid, std::process::id()));
    let (pid, trail) = Trail::of_caller(peer.pid())?;
    if below || trail.is_agent() {
        return Err(Stranger::Agent { pid, trail });
    }
    Ok(format!("cli:{}", crate::user::name()))
}

/// Says whether a process is below another one. Agents cannot leave their tree: their supervisor adopts orphans.
#[cfg(target_os = "linux")]
fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // Trees are not that deep; the bound is against a table that changes while it is read.
    for _ in 0..1000 {
        match lineage::parent_of(at) {
            Some(above) if above == ancestor => return true,
            Some(above) if above > 1 => at = above,
            _ => return false,
        }
    }
    true
}

#[cfg(not(target_os = "linux"))]
fn descends_from(_pid: u32, _ancestor: u32) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_child_descends_from_us_and_we_do_not_descend_from_it() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let us = std::process::id();
        assert!(descends_from(child.id(), us));
        assert!(!descends_from(us, child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
