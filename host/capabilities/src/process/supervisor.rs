//! The supervisor: a process that starts one program, adopts what it leaves behind, and ends it all.
//!
//! It has one thread and no runtime, so that it starts in a moment and nothing but the kernel decides what it can do.
//! Its standard input is the control socket (see `control.rs`).

use std::fs;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pointsman_model::plugin::{Exit, Stop};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process_group, setsid, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::{flag, low_level};

use super::control::{self, Graces, Job, Report};
use super::tree::{Active, ProcessGroup, Tree};

/// How long the supervisor waits, at most, before it looks again for somebody to kill.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// After this long nobody need wait for what cannot be killed.
const STUCK: Duration = Duration::from_secs(10);

/// Runs a supervisor to its end: what the host's program does when it is started as one.
///
/// Call it first thing in `main`, before any thread is started and any output is written.
#[must_use]
pub fn supervisor_main() -> ExitCode {
    run::<Active>()
}

/// The same with what every Unix has, for tests of what other systems get.
#[doc(hidden)]
#[must_use]
pub fn portable_supervisor_main() -> ExitCode {
    run::<ProcessGroup>()
}

fn run<T: Tree>() -> ExitCode {
    match supervise::<T>() {
        Ok(()) => ExitCode::SUCCESS,
        // The host sees that no report came. There is nobody else to tell.
        Err(_) => ExitCode::FAILURE,
    }
}

fn supervise<T: Tree>() -> io::Result<()> {
    // Ctrl-C at the host's terminal is for the host to understand. Fails only for whoever leads a session already.
    let _ = setsid();
    let mut control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let Some(streams) = control::receive_streams(&control)? else { return Ok(()) };
    // The host waits for an answer before it sends more, so the buffer takes nothing that is not the job's.
    let job = Job::read(&mut BufReader::new(&control))?;
    let graces = job.graces;
    let started = T::prepare().and_then(|tree| {
        seal_open_files(T::OPEN_FILES)?;
        let signals = Signals::listen()?;
        Ok((tree, signals, start::<T>(job, streams)?))
    });
    match started {
        Ok((tree, signals, main)) => {
            control.write_all(&Report::Started { pid: main.as_raw_pid() }.to_line())?;
            Supervisor {
                tree,
                main,
                control,
                signals,
                graces,
                exit: None,
                ending: None,
                leftovers: 0,
                host: Host::Alive,
            }
            .run()
        }
        Err(error) => control.write_all(&Report::Failed { why: error.to_string() }.to_line()),
    }
}

/// Keeps the program from inheriting what the host inherited from its own parent, careless as that may have been.
#[expect(unsafe_code, reason = "descriptors that nobody owns can only be borrowed so")]
fn seal_open_files(folder: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(raw) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
        if raw > 2 {
            // SAFETY: the borrow ends with this line; a descriptor that was closed meanwhile gives an error.
            let _ = fcntl_setfd(unsafe { BorrowedFd::borrow_raw(raw) }, FdFlags::CLOEXEC);
        }
    }
    Ok(())
}

#[expect(unsafe_code, reason = "the program's session and its parent's death are set between fork and exec")]
fn start<T: Tree>(job: Job, streams: [std::os::fd::OwnedFd; 3]) -> io::Result<Pid> {
    let [input, output, errors] = streams;
    let supervisor = getpid();
    let mut command = Command::new(job.program);
    command.args(job.args).env_clear().envs(job.env).current_dir(job.cwd);
    command.stdin(input).stdout(output).stderr(errors);
    // SAFETY: `enter` calls nothing but the kernel.
    unsafe { command.pre_exec(move || T::enter(supervisor)) };
    let child = command.spawn()?;
    Ok(Pid::from_child(&child))
}

/// Signals to the supervisor itself.
struct Signals {
    /// Becomes readable with every signal.
    wake: UnixStream,
    /// Somebody wants the supervisor to end.
    end: Arc<AtomicBool>,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let end = Arc::new(AtomicBool::new(false));
        // A signal with a handler is set to its default in the program, one that the host ignores would stay ignored.
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            flag::register(signal, Arc::clone(&end))?;
        }
        for signal in [SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
            low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { wake, end })
    }
}

enum Host {
    /// It may say something.
    Alive,
    /// It has closed its end, or died.
    Gone,
}

/// A tree that is being ended.
enum Ending {
    /// It was told to end, and is killed at that time, if there is one.
    Asked { kill_at: Option<Instant> },
    /// It is being killed.
    Killing { since: Instant, reported: bool },
}

struct Supervisor<T> {
    tree: T,
    main: Pid,
    control: UnixStream,
    signals: Signals,
    graces: Graces,
    exit: Option<Exit>,
    ending: Option<Ending>,
    leftovers: usize,
    host: Host,
}

impl<T: Tree> Supervisor<T> {
    fn run(mut self) -> io::Result<()> {
        loop {
            // Emptied before anything is looked at: what comes later wakes the supervisor again.
            while matches!((&self.signals.wake).read(&mut [0; 64]), Ok(count) if count > 0) {}
            if self.reap()? && self.tree.is_empty(self.main) {
                self.report(&Report::Gone { leftovers: self.leftovers });
                return Ok(());
            }
            if self.signals.end.swap(false, Ordering::Relaxed) {
                self.end_within(self.graces.host_gone);
            }
            self.pursue();
            self.wait_for_news()?;
        }
    }

    /// Takes note of whoever has ended. Says whether no child is left.
    fn reap(&mut self) -> io::Result<bool> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main => {
                    let exit = exit_of(status);
                    self.exit = Some(exit);
                    self.report(&Report::exited(exit));
                    // Counted before they are told, so that none of them has gone yet.
                    self.leftovers = self.end_within(self.graces.leftovers);
                }
                Ok(Some(_)) => {}
                Ok(None) => return Ok(false),
                Err(Errno::CHILD) => return Ok(true),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tells the tree to end, and sees to it that it is killed after a grace period. Gives how many were told.
    fn end_within(&mut self, grace: Duration) -> usize {
        let at = Instant::now() + grace;
        self.ending = Some(match self.ending.take() {
            Some(killing @ Ending::Killing { .. }) => killing,
            // Whoever asked first set the time.
            Some(Ending::Asked { kill_at: Some(earlier) }) => {
                Ending::Asked { kill_at: Some(earlier.min(at)) }
            }
            Some(Ending::Asked { kill_at: None }) | None => Ending::Asked { kill_at: Some(at) },
        });
        self.terminate()
    }

    fn terminate(&self) -> usize {
        let told = self.tree.signal(self.main, Signal::TERM).len();
        // A stopped process learns of it only when it goes on.
        self.tree.signal(self.main, Signal::CONT);
        told
    }

    fn obey(&mut self, stop: Stop) {
        match stop {
            // As Ctrl-C: the program and its group. An agent so told ends its own commands in its own order and says
            // what became of them; if all of them were interrupted at once, it would take that for their failure.
            Stop::Interrupt if self.exit.is_none() => {
                let _ = kill_process_group(self.main, Signal::INT);
            }
            Stop::Interrupt => {}
            Stop::Terminate => {
                if self.ending.is_none() {
                    self.ending = Some(Ending::Asked { kill_at: None });
                }
                self.terminate();
            }
            Stop::Kill => self.kill(),
        }
    }

    fn kill(&mut self) {
        if !matches!(self.ending, Some(Ending::Killing { .. })) {
            self.ending = Some(Ending::Killing { since: Instant::now(), reported: false });
        }
    }

    /// Goes on with what was begun. Killing is repeated until nobody is left: a process may have been started while
    /// the others were looked up.
    fn pursue(&mut self) {
        if matches!(self.ending, Some(Ending::Asked { kill_at: Some(at) }) if at <= Instant::now()) {
            self.kill();
        }
        if let Some(Ending::Killing { since, reported }) = &mut self.ending {
            let left = self.tree.signal(self.main, Signal::KILL);
            if since.elapsed() >= STUCK && !*reported {
                *reported = true;
                let pids = left.iter().map(|pid| pid.as_raw_pid()).collect();
                self.report(&Report::Stuck { pids });
            }
        }
    }

    /// Sleeps until a child ends, the host says something, or it is time to look again.
    fn wait_for_news(&mut self) -> io::Result<()> {
        let timeout = match &self.ending {
            None | Some(Ending::Asked { kill_at: None }) => None,
            Some(Ending::Asked { kill_at: Some(at) }) => Some(at.saturating_duration_since(Instant::now())),
            Some(Ending::Killing { .. }) => Some(LOOK_AGAIN),
        };
        // Whoever is no child of the supervisor ends unheard: only where orphans are not adopted.
        let timeout =
            if self.exit.is_some() { timeout.map(|timeout| timeout.min(LOOK_AGAIN)) } else { timeout };
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let wake = PollFd::new(&self.signals.wake, PollFlags::IN);
        let polled = match self.host {
            Host::Gone => poll(&mut [wake], timeout.as_ref()).map(|_| false),
            Host::Alive => {
                let mut both = [wake, PollFd::new(&self.control, PollFlags::IN)];
                poll(&mut both, timeout.as_ref()).map(|_| !both[1].revents().is_empty())
            }
        };
        match polled {
            Ok(true) => self.listen(),
            Ok(false) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Reads what the host says.
    fn listen(&mut self) {
        let mut bytes = [0; 64];
        match self.control.read(&mut bytes) {
            Ok(count) if count > 0 => {
                for stop in bytes[..count].iter().filter_map(|byte| control::parse_stop(*byte)) {
                    self.obey(stop);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => {
                self.host = Host::Gone;
                self.end_within(self.graces.host_gone);
            }
        }
    }

    fn report(&mut self, report: &Report) {
        // A host that is gone does not hear it.
        let _ = self.control.write_all(&report.to_line());
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or_default()),
    }
}
