//! What every Unix has: the process group. A descendant that makes a session of its own is missed.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group, setsid, test_kill_process_group};

use super::Tree;

/// Finds the program's own process group.
pub(crate) struct ProcessGroup;

impl Tree for ProcessGroup {
    const NAME: &'static str = "process_group";
    const OPEN_FILES: &'static str = "/dev/fd";

    fn prepare() -> io::Result<Self> {
        Ok(Self)
    }

    fn enter(_supervisor: Pid) -> io::Result<()> {
        setsid()?;
        Ok(())
    }

    fn signal(&self, main: Pid, signal: Signal) -> Vec<Pid> {
        match kill_process_group(main, signal) {
            Ok(()) => vec![main],
            Err(_) => Vec::new(),
        }
    }

    fn is_empty(&self, main: Pid) -> bool {
        // Forbidden means that somebody is there, if not one of ours.
        test_kill_process_group(main) == Err(Errno::SRCH)
    }
}
