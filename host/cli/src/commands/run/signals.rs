//! Signals that a run in the foreground hears.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::failure::Failure;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C: once is gently, twice is at once.
    Interrupt,
    /// This process is to end, or its terminal is gone.
    End,
}

/// The signals that are heard.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Stream,
}

impl Signals {
    /// Hears them from now on. Must be called inside the runtime.
    pub(super) fn heard() -> Result<Self, Failure> {
        let hear = |kind| {
            signal(kind).map_err(|error| Failure::internal(format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }

    /// Forgets a Ctrl-C that was meant for another program on the same terminal.
    pub(super) async fn forget_interrupt(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            () = std::future::ready(()) => {}
        }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::End,
            _ = self.hang_up.recv() => Signal::End,
        }
    }
}
