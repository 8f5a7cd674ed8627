//! A program with everything that it starts.

#[cfg(target_os = "linux")]
mod linux;
mod portable;

use std::io;

use pointsman_model::Supervision;
use rustix::process::{Pid, Signal};

pub(crate) use portable::ProcessGroup;

/// What this system has to find a whole tree.
#[cfg(target_os = "linux")]
pub(crate) type Active = linux::Subreaper;
/// What this system has to find a whole tree.
#[cfg(not(target_os = "linux"))]
pub(crate) type Active = ProcessGroup;

/// A way to find everything that a program started, and to end it. Lives in the supervisor, which has no other thread
/// and no other children.
pub(crate) trait Tree: Sized {
    /// How it is called in `get_run` and `doctor`.
    const NAME: &'static str;
    /// Where the system lists this process's open files.
    const OPEN_FILES: &'static str;

    /// Prepares the supervisor, before anything is started.
    fn prepare() -> io::Result<Self>;

    /// Prepares the program in the fork of the supervisor, before its file is executed. Calls nothing but the kernel:
    /// neither locks nor memory may be touched there.
    fn enter(supervisor: Pid) -> io::Result<()>;

    /// Signals everything of the tree but the supervisor, `main` and its group included. Gives whom it signalled.
    fn signal(&self, main: Pid, signal: Signal) -> Vec<Pid>;

    /// Says whether nothing lives, once the supervisor has no child left.
    fn is_empty(&self, main: Pid) -> bool;
}

/// Says what keeps processes in check on this machine.
#[must_use]
pub fn supervision() -> Supervision {
    Supervision { process_tree: Active::NAME.to_owned(), host_death: "supervisor".to_owned() }
}
