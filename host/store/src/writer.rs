//! The one thread that writes: whatever is queued goes into one transaction.
//!
//! A write is an isolated step of that transaction: one that is refused leaves the others alone. Nobody hears of
//! success before the transaction is committed, and flushed if any write in it asked for that. If the transaction
//! itself fails, because the disk is full or broken or another process keeps the lock, nothing of it is stored, every
//! write in it is told so, and the thread goes on with the next one.

use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{Durability, StoreError};

/// Writes that may wait; whoever comes after waits for room, so a slow disk slows those who write.
const QUEUE: usize = 1024;
/// Writes in one transaction, at most: what bounds the time that the first of them waits for the last.
const BATCH: usize = 512;
/// Bytes in one transaction, more or less.
const BATCH_BYTES: usize = 8 << 20;

/// A write on its way.
trait Task: Send {
    fn durability(&self) -> Durability;
    fn bytes(&self) -> usize;
    fn apply(&mut self, connection: &Connection) -> Result<(), StoreError>;
    fn settle(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Write<T, F> {
    work: Option<F>,
    done: Option<T>,
    durability: Durability,
    bytes: usize,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Task for Write<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn durability(&self) -> Durability {
        self.durability
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn apply(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let work = self.work.take().ok_or(StoreError::Closed)?;
        self.done = Some(work(connection)?);
        Ok(())
    }

    fn settle(self: Box<Self>, outcome: Result<(), StoreError>) {
        let Self { done, reply, .. } = *self;
        let outcome = outcome.and_then(|()| done.ok_or(StoreError::Closed));
        // Whoever asked may have stopped waiting; what is written stays written.
        drop(reply.send(outcome));
    }
}

/// The queue to the thread that writes.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Task>>>,
    thread: Option<JoinHandle<()>>,
    changes: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, tasks) = mpsc::channel(QUEUE);
        let (changed, changes) = watch::channel(0);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&connection, tasks, &changed))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), changes })
    }

    /// Queues a write and waits until it is stored, as durably as it asks.
    ///
    /// If the caller stops waiting, the write may happen all the same.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        bytes: usize,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let write = Box::new(Write { work: Some(work), done: None, durability, bytes, reply });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(write).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// As [`Writer::write`], for threads that may block.
    pub(crate) fn write_blocking<T: Send + 'static>(
        &self,
        durability: Durability,
        bytes: usize,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let write = Box::new(Write { work: Some(work), done: None, durability, bytes, reply });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.blocking_send(write).map_err(|_| StoreError::Closed)?;
        answer.blocking_recv().map_err(|_| StoreError::Closed)?
    }

    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // What is queued is still written; a thread that panicked has said so.
            let _ended = thread.join();
        }
    }
}

fn write_until_closed(
    connection: &Connection,
    mut tasks: mpsc::Receiver<Box<dyn Task>>,
    changed: &watch::Sender<u64>,
) {
    let mut flushing = None;
    while let Some(first) = tasks.blocking_recv() {
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(next) = tasks.try_recv() else { break };
            bytes += next.bytes();
            batch.push(next);
        }
        let flush = batch.iter().map(|task| task.durability()).max() == Some(Durability::Flushed);
        let outcomes = set_flushing(connection, &mut flushing, flush)
            .and_then(|()| transact(connection, &mut batch))
            .unwrap_or_else(|error| vec![Err(error); batch.len()]);
        // Before the answers: whoever hears of its write finds the waiters already woken.
        changed.send_modify(|change| *change += 1);
        for (task, outcome) in batch.into_iter().zip(outcomes) {
            task.settle(outcome);
        }
    }
}

/// `FULL` flushes the log at each commit, with all that was written to it before; `NORMAL` leaves that to the
/// operating system, and flushes before the log is merged, so that the database is whole in any case.
fn set_flushing(connection: &Connection, now: &mut Option<bool>, flush: bool) -> Result<(), StoreError> {
    if *now != Some(flush) {
        connection.pragma_update(None, "synchronous", if flush { "FULL" } else { "NORMAL" })?;
        *now = Some(flush);
    }
    Ok(())
}

/// Applies a batch; gives what became of each write, or why there was no transaction at all.
fn transact(
    connection: &Connection,
    batch: &mut [Box<dyn Task>],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let applied = apply_all(connection, batch).and_then(|outcomes| {
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(outcomes)
    });
    if applied.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    applied
}

fn apply_all(
    connection: &Connection,
    batch: &mut [Box<dyn Task>],
) -> Result<Vec<Result<(), StoreError>>, StoreError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for task in batch {
        connection.prepare_cached("SAVEPOINT task")?.execute([])?;
        let outcome = task.apply(connection);
        if let Err(error) = &outcome {
            // After some failures, a full disk among them, SQLite gives the whole transaction up.
            if connection.is_autocommit() {
                return Err(error.clone());
            }
            connection.prepare_cached("ROLLBACK TO task")?.execute([])?;
        }
        connection.prepare_cached("RELEASE task")?.execute([])?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}
