//! From a program's pipe to events: read, cut, hand over, and only then read on.

use std::io;
use std::os::fd::AsFd as _;

use pointsman_model::plugin::OutputStream;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::child::ProcessEvent;
use super::line::{Line, LineFramer};
use super::tail::Tail;

/// What is read at once, and the largest piece of `bytes` framing.
const READ: usize = 64 * 1024;
/// Lines in one event at most.
const BATCH_LINES: usize = 512;
/// Bytes in one event at most, if it has more than one line.
const BATCH_BYTES: usize = 256 * 1024;

/// Where a stream's bytes go.
pub(crate) enum Cut {
    /// Nowhere: only the tail is kept.
    Nothing,
    Lines(LineFramer),
    Bytes,
}

/// One output stream of a program.
pub(crate) struct Outlet {
    pub(crate) stream: OutputStream,
    pub(crate) cut: Cut,
    pub(crate) tail: Option<Tail>,
    pub(crate) events: mpsc::Sender<ProcessEvent>,
}

impl Outlet {
    /// Reads to the end, or, once the tree is `gone`, to the end of what is there: a descriptor that was handed to a
    /// stranger must not keep a run from ending. Gives the tail.
    ///
    /// The pipe is not read while an event waits to be taken: so a slow journal holds the program up, not the memory.
    pub(crate) async fn pump(mut self, mut pipe: pipe::Receiver, gone: CancellationToken) -> Option<Tail> {
        let mut buffer = vec![0; READ];
        loop {
            let read = tokio::select! {
                biased;
                read = pipe.read(&mut buffer) => read,
                () = gone.cancelled() => read_rest(&pipe, &mut buffer),
            };
            match read {
                Ok(0) => break,
                Ok(count) => {
                    if self.take(&buffer[..count]).await.is_err() {
                        // Nobody listens; the program is being killed for it.
                        return self.tail;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, stream = ?self.stream, "a program's output could not be read to its end");
                    break;
                }
            }
        }
        if let Cut::Lines(framer) = &mut self.cut {
            let last: Vec<Line> = framer.finish().into_iter().collect();
            let _ = self.send(last).await;
        }
        self.tail
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), NobodyListens> {
        if let Some(tail) = &mut self.tail {
            tail.push(bytes);
        }
        match &mut self.cut {
            Cut::Nothing => Ok(()),
            Cut::Bytes => {
                self.events.send(ProcessEvent::Bytes(bytes.to_vec())).await.map_err(|_| NobodyListens)
            }
            Cut::Lines(framer) => {
                let mut lines = Vec::new();
                framer.push(bytes, |line| lines.push(line));
                self.send(lines).await
            }
        }
    }

    async fn send(&self, lines: Vec<Line>) -> Result<(), NobodyListens> {
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let (mut batch, mut clipped, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some(line) = lines.next_if(|line| {
                batch.is_empty() || (batch.len() < BATCH_LINES && bytes + line.text.len() <= BATCH_BYTES)
            }) {
                if line.clipped {
                    clipped.push(u32::try_from(batch.len()).unwrap_or(u32::MAX));
                }
                bytes += line.text.len();
                batch.push(line.text);
            }
            let event = ProcessEvent::Output { stream: self.stream, lines: batch, clipped };
            self.events.send(event).await.map_err(|_| NobodyListens)?;
        }
        Ok(())
    }
}

struct NobodyListens;

/// Reads what is in the pipe now. Asks the kernel, not tokio, whose knowledge of the pipe may be a moment old.
fn read_rest(pipe: &pipe::Receiver, buffer: &mut [u8]) -> io::Result<usize> {
    match rustix::io::retry_on_intr(|| rustix::io::read(pipe.as_fd(), &mut *buffer)) {
        Err(rustix::io::Errno::AGAIN) => Ok(0),
        other => Ok(other?),
    }
}
