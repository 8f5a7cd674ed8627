//! A running program, as the engine holds it.

use std::time::Duration;

use pointsman_model::plugin::{Exit, HandleId, Input, OutputStream, Stop};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::input::{InputQueue, WriteError};

/// What a program did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It wrote lines.
    Output {
        /// Where to.
        stream: OutputStream,
        /// The lines, without their ends.
        lines: Vec<String>,
        /// Indexes of lines that were longer than the bound and end there.
        clipped: Vec<u32>,
    },
    /// It wrote bytes to its standard output.
    Bytes(Vec<u8>),
    /// It has ended, all of its output has been handed over, and none of its descendants lives. The last event.
    Exited {
        /// How.
        exit: Exit,
        /// The end of its standard error.
        stderr_tail: String,
    },
}

impl ProcessEvent {
    /// Makes the input that a plugin gets.
    #[must_use]
    pub fn into_input(self, id: HandleId) -> Input {
        match self {
            Self::Output { stream, lines, clipped } => Input::ProcessOutput { id, stream, lines, clipped },
            Self::Bytes(bytes) => Input::ProcessBytes(id, bytes),
            Self::Exited { exit, stderr_tail } => Input::ProcessExited { id, exit, stderr_tail },
        }
    }
}

/// A running program and everything that it starts. Dropping it, or its events, kills the whole tree.
#[derive(Debug)]
pub struct Child {
    pub(crate) pid: i32,
    pub(crate) input: Option<InputQueue>,
    pub(crate) stops: mpsc::UnboundedSender<Stop>,
    pub(crate) gone: CancellationToken,
}

impl Child {
    /// Gives the program's process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Queues bytes for the program's standard input. Does not wait.
    ///
    /// # Errors
    /// If the input is closed, or too much is waiting already.
    pub fn write(&self, bytes: Vec<u8>) -> Result<(), WriteError> {
        self.input.as_ref().ok_or(WriteError::Closed)?.write(bytes)
    }

    /// Closes the program's standard input once everything written has been taken.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Asks the program to end. Does not wait: its exit is an event.
    ///
    /// An interrupt reaches the program and whoever shares its process group, as Ctrl-C would: an agent so told ends
    /// its own commands, in its own order, and reports them. Terminate and kill reach every descendant. Whatever is
    /// left when the program has ended is ended as well, so every stop reaches all in the end.
    pub fn stop(&self, stop: Stop) {
        // The task behind it ends only when nothing is left to be stopped.
        let _ = self.stops.send(stop);
    }

    /// Waits until nothing of the tree lives. Its last output may still be waiting to be taken.
    pub async fn gone(&self) {
        self.gone.cancelled().await;
    }

    /// Ends the tree: interrupt, terminate, kill, with a grace period after each; returns once nothing lives.
    ///
    /// May be cancelled at any point; what was asked for by then stays asked for.
    pub async fn stop_gracefully(&self, grace: Duration) {
        for stop in [Stop::Interrupt, Stop::Terminate] {
            self.stop(stop);
            if tokio::time::timeout(grace, self.gone()).await.is_ok() {
                return;
            }
        }
        self.stop(Stop::Kill);
        self.gone().await;
    }
}
