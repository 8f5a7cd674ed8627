//! What only Linux has: a supervisor that adopts orphans, children that die with their parent, and `/proc`.

use std::collections::HashMap;
use std::io;
use std::{fs, path::Path};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, getppid, kill_process, pidfd_open, pidfd_send_signal,
    set_child_subreaper, set_parent_process_death_signal, setsid,
};

use super::Tree;

/// Finds every descendant, whatever session or group it has moved to, and however often it forked: whoever loses its
/// parent becomes a child of the supervisor.
pub(crate) struct Subreaper {
    own: Pid,
    /// Whether the kernel lists a process's children; some container runtimes do not.
    lists_children: bool,
}

impl Tree for Subreaper {
    const NAME: &'static str = "subreaper";
    const OPEN_FILES: &'static str = "/proc/self/fd";

    fn prepare() -> io::Result<Self> {
        let own = getpid();
        set_child_subreaper(Some(own))?;
        if parent_of(own).is_none() {
            return Err(io::Error::other("/proc is not mounted, and without it descendants cannot be found"));
        }
        let lists_children = Path::new(&format!("/proc/{own}/task/{own}/children")).exists();
        Ok(Self { own, lists_children })
    }

    fn enter(supervisor: Pid) -> io::Result<()> {
        setsid()?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // If it died before the line above, its death will not be told.
        if getppid() == Some(supervisor) { Ok(()) } else { Err(Errno::SRCH.into()) }
    }

    fn signal(&self, _main: Pid, signal: Signal) -> Vec<Pid> {
        let children = if self.lists_children { Children::Listed } else { Children::Snapshot(snapshot()) };
        let mut signalled = Vec::new();
        // Parents before their children: nobody is left to start a child again. What a parent starts between being
        // listed and being killed becomes a child of the supervisor, and is found when it looks again.
        let mut found: Vec<Pid> = children.of(self.own);
        while let Some(pid) = found.pop() {
            found.extend(children.of(pid));
            if self.strike(pid, signal).is_ok() {
                signalled.push(pid);
            }
        }
        signalled
    }

    fn is_empty(&self, _main: Pid) -> bool {
        // Every orphan becomes the supervisor's child: without children there are no descendants.
        true
    }
}

impl Subreaper {
    /// Signals a descendant, and nobody who got its number after it had ended.
    fn strike(&self, pid: Pid, signal: Signal) -> rustix::io::Result<()> {
        // The number of a child is not given away before the supervisor has reaped it.
        if parent_of(pid) == Some(self.own) {
            return kill_process(pid, signal);
        }
        match pidfd_open(pid, PidfdFlags::empty()) {
            // The descriptor means one process for good: if that is a descendant, it is the one.
            Ok(process) if self.is_ancestor_of(pid) => pidfd_send_signal(process, signal),
            Ok(_) => Err(Errno::SRCH),
            Err(Errno::NOSYS) if self.is_ancestor_of(pid) => kill_process(pid, signal),
            Err(error) => Err(error),
        }
    }

    fn is_ancestor_of(&self, pid: Pid) -> bool {
        std::iter::successors(parent_of(pid), |pid| parent_of(*pid)).any(|ancestor| ancestor == self.own)
    }
}

/// Where children are looked up.
enum Children {
    /// In the kernel's lists: as costly as the tree is large.
    Listed,
    /// In one look at all processes of the machine.
    Snapshot(HashMap<Pid, Vec<Pid>>),
}

impl Children {
    fn of(&self, pid: Pid) -> Vec<Pid> {
        match self {
            Self::Snapshot(children) => children.get(&pid).cloned().unwrap_or_default(),
            // Each thread has children of its own.
            Self::Listed => numbers_in(&format!("/proc/{pid}/task"))
                .filter_map(|thread| fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).ok())
                .flat_map(|list| list.split_whitespace().filter_map(number).collect::<Vec<_>>())
                .collect(),
        }
    }
}

fn snapshot() -> HashMap<Pid, Vec<Pid>> {
    let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
    for pid in numbers_in("/proc") {
        if let Some(parent) = parent_of(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

fn numbers_in(folder: &str) -> impl Iterator<Item = Pid> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| number(entry.file_name().to_str()?))
}

fn number(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`, and the name may hold anything.
    number(stat.rsplit_once(") ")?.1.split(' ').nth(1)?)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Both ways of looking find the same descendants.
    #[test]
    fn the_snapshot_finds_what_the_lists_find() {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "sleep 60 & echo; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // One byte says that the sleep has been started.
        io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut [0]).unwrap();
        let pid = Pid::from_child(&shell);
        let (listed, looked) = (Children::Listed.of(pid), Children::Snapshot(snapshot()).of(pid));
        assert_eq!(listed, looked);
        assert_eq!(listed.len(), 1);
        let own = Subreaper { own: getpid(), lists_children: true };
        assert!(own.is_ancestor_of(listed[0]) && own.is_ancestor_of(pid));
        assert!(!own.is_ancestor_of(getpid()));
        own.strike(listed[0], Signal::KILL).unwrap();
        shell.wait().unwrap();
        assert_eq!(own.strike(Pid::INIT, Signal::KILL), Err(Errno::SRCH), "strangers are never signalled");
    }
}
