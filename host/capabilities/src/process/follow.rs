//! Follows one program to its end: stops in, reports out.

use pointsman_model::plugin::{Exit, Stop};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncWriteExt as _, BufReader, Lines};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::child::ProcessEvent;
use super::control::{Report, stop_byte};
use super::scratch::Scratch;
use super::spawn::next_report;
use super::tail::Tail;

/// The task behind a [`Child`](super::Child).
pub(crate) struct Follower {
    pub(crate) program: String,
    pub(crate) pid: i32,
    pub(crate) supervisor: tokio::process::Child,
    pub(crate) reports: Lines<BufReader<OwnedReadHalf>>,
    pub(crate) commands: OwnedWriteHalf,
    pub(crate) stops: mpsc::UnboundedReceiver<Stop>,
    pub(crate) events: mpsc::Sender<ProcessEvent>,
    pub(crate) gone: CancellationToken,
    pub(crate) output: JoinHandle<Option<Tail>>,
    pub(crate) errors: JoinHandle<Option<Tail>>,
    pub(crate) scratch: Option<Scratch>,
}

impl Follower {
    pub(crate) async fn follow(mut self) {
        let (exit, note) = self.until_gone().await;
        if let Some(scratch) = self.scratch.take() {
            // Removing files may take a moment that the other runs need not wait for.
            let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        }
        self.gone.cancel();
        // The supervisor says its last word and ends; a stuck one is reaped by the runtime whenever that may be.
        drop(self.commands);
        drop(self.reports);
        drop(self.supervisor);
        let _ = self.output.await;
        let tail = self.errors.await.ok().flatten();
        let mut stderr_tail = tail.map(Tail::into_text).unwrap_or_default();
        if let Some(note) = note {
            tracing::error!(program = %self.program, pid = self.pid, "{note}");
            if !stderr_tail.is_empty() && !stderr_tail.ends_with('\n') {
                stderr_tail.push('\n');
            }
            stderr_tail.push_str(&format!("pointsman: {note}"));
        }
        let _ = self.events.send(ProcessEvent::Exited { exit, stderr_tail }).await;
    }

    /// Passes stops on until the supervisor says that nothing lives. Gives the exit and what a person should know.
    async fn until_gone(&mut self) -> (Exit, Option<String>) {
        let mut exit = None;
        let mut abandoned = false;
        loop {
            let stop = tokio::select! {
                report = next_report(&mut self.reports) => match report {
                    Ok(Some(Report::Exited { code, signal })) => {
                        exit = code.map(Exit::Code).or(signal.map(Exit::Signal));
                        continue;
                    }
                    Ok(Some(Report::Gone { leftovers })) => {
                        if leftovers > 0 {
                            tracing::debug!(program = %self.program, pid = self.pid, leftovers, "left behind, ended");
                        }
                        return (exit.unwrap_or(KILLED), None);
                    }
                    Ok(Some(Report::Stuck { pids })) => {
                        let note = format!(
                            "processes {pids:?} cannot be killed: they run as another user or hang in the kernel"
                        );
                        return (exit.unwrap_or(KILLED), Some(note));
                    }
                    Ok(Some(Report::Started { .. } | Report::Failed { .. })) => continue,
                    Ok(None) | Err(_) => return self.without_supervisor(exit),
                },
                stop = self.stops.recv(), if !abandoned => stop.unwrap_or_else(|| {
                    abandoned = true;
                    Stop::Kill
                }),
                () = self.events.closed(), if !abandoned => {
                    abandoned = true;
                    Stop::Kill
                }
            };
            // If the supervisor is lost, its reports say so.
            let _ = self.commands.write_all(&[stop_byte(stop)]).await;
        }
    }

    /// Somebody killed the supervisor. The program dies with it where the system can do that; whatever shares its
    /// group is killed here. Descendants in sessions of their own are out of reach.
    fn without_supervisor(&self, exit: Option<Exit>) -> (Exit, Option<String>) {
        if let Some(group) = Pid::from_raw(self.pid) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let note = "the supervisor was ended by somebody else; background processes may be left".to_owned();
        (exit.unwrap_or(KILLED), Some(note))
    }
}

/// What is said of a program whose end nobody saw: whoever ended the rest of its tree ended it as well.
const KILLED: Exit = Exit::Signal(9);
