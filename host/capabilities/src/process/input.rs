//! A program's standard input: a bounded queue in front of a pipe.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// Bytes that a program does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The program does not read. Nothing of what was written now will reach it.
    ///
    /// An error and no waiting: whoever writes also empties the program's output, and a program that waits for that
    /// before it reads on would wait for ever.
    #[error("the program does not read its input: {pending} bytes are waiting, and {bound} is the most")]
    Full {
        /// Bytes that are waiting.
        pending: usize,
        /// The most that may.
        bound: usize,
    },
    /// The input was closed, here or by the program.
    #[error("the program's input is closed")]
    Closed,
}

/// The queue's near end. Dropping it closes the input once everything written has been taken.
#[derive(Debug)]
pub(crate) struct InputQueue {
    queue: mpsc::UnboundedSender<Vec<u8>>,
    pending: Arc<AtomicUsize>,
    bound: usize,
}

impl InputQueue {
    /// Starts to feed a pipe. The task ends when everything is written and the queue dropped, or nobody reads.
    pub(crate) fn start(mut pipe: pipe::Sender, bound: usize) -> Self {
        let (queue, mut waiting) = mpsc::unbounded_channel::<Vec<u8>>();
        let pending = Arc::new(AtomicUsize::new(0));
        let written = Arc::clone(&pending);
        tokio::spawn(async move {
            while let Some(bytes) = waiting.recv().await {
                // A program that has closed its input does not want the rest; its exit will say what became of it.
                if pipe.write_all(&bytes).await.is_err() {
                    return;
                }
                written.fetch_sub(bytes.len(), Ordering::Relaxed);
            }
        });
        Self { queue, pending, bound }
    }

    pub(crate) fn write(&self, bytes: Vec<u8>) -> Result<(), WriteError> {
        let (size, pending) = (bytes.len(), self.pending.load(Ordering::Relaxed));
        if self.queue.is_closed() {
            return Err(WriteError::Closed);
        }
        if pending + size > self.bound {
            return Err(WriteError::Full { pending, bound: self.bound });
        }
        self.pending.fetch_add(size, Ordering::Relaxed);
        self.queue.send(bytes).map_err(|_| WriteError::Closed)
    }
}
