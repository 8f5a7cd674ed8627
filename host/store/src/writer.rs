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
    /// Starts the thread. `before_flush` runs once, before the first write that is to be flushed.
    pub(crate) fn start(
        connection: Connection,
        before_flush: impl Fn(&Connection) -> Result<(), StoreError> + Send + 'static,
    ) -> std::io::Result<Self> {
        let (queue, tasks) = mpsc::channel(QUEUE);
        let (changed, changes) = watch::channel(0);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&connection, before_flush, tasks, &changed))?;
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
    before_flush: impl Fn(&Connection) -> Result<(), StoreError>,
    mut tasks: mpsc::Receiver<Box<dyn Task>>,
    changed: &watch::Sender<u64>,
) {
    let (mut flushing, mut flushed_before) = (None, false);
    while let Some(first) = tasks.blocking_recv() {
        let mut bytes = first.bytes();
        let mut batch = vec![first];
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Ok(next) = tasks.try_recv() else { break };
            bytes += next.bytes();
            batch.push(next);
        }
        let flush = batch.iter().map(|task| task.durability()).max() == Some(Durability::Flushed);
        let ready = if flush && !flushed_before { before_flush(connection) } else { Ok(()) };
        flushed_before |= flush && ready.is_ok();
        let outcomes = ready
            .and_then(|()| set_flushing(connection, &mut flushing, flush))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(folder: &std::path::Path) -> Writer {
        let connection = Connection::open(folder.join("db")).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE words (word TEXT UNIQUE)").unwrap();
        Writer::start(connection, |_| Ok(())).unwrap()
    }

    async fn say(writer: &Writer, word: &str) -> Result<(), StoreError> {
        let word = word.to_owned();
        writer
            .write(Durability::Batched, word.len(), move |connection| {
                connection.execute("INSERT INTO words VALUES (?1)", [word])?;
                Ok(())
            })
            .await
    }

    fn limit_pages(writer: &Writer, pages: u32) {
        let limited = writer.write_blocking(Durability::Batched, 0, move |connection| {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            Ok(())
        });
        limited.unwrap();
    }

    fn words(folder: &std::path::Path) -> Vec<String> {
        let connection = Connection::open(folder.join("db")).unwrap();
        let mut words = connection.prepare("SELECT substr(word, 1, 5) FROM words ORDER BY word").unwrap();
        words.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    /// Keeps the thread busy until the guard is dropped, so that what is queued meanwhile becomes one batch.
    fn hold(writer: &Writer) -> std::sync::mpsc::Sender<()> {
        let (held, (free, freed)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel::<()>());
        let queue = writer.queue.as_ref().unwrap();
        let work = move |_: &Connection| {
            held.0.send(()).unwrap();
            // Ends when the other side is dropped.
            let _dropped = freed.recv();
            Ok(())
        };
        let (reply, _) = oneshot::channel();
        let write = Write { work: Some(work), done: None, durability: Durability::Batched, bytes: 0, reply };
        queue.blocking_send(Box::new(write)).unwrap();
        held.1.recv().unwrap();
        free
    }

    /// Sends words to the writer as one batch; gives what became of each.
    fn say_together(writer: &Writer, words: &[&str]) -> Vec<Result<(), StoreError>> {
        let free = hold(writer);
        runtime().block_on(async {
            let mut saying: Vec<_> = words.iter().map(|word| Box::pin(say(writer, word))).collect();
            // Polled once, each is queued.
            for one in &mut saying {
                let queued = std::future::poll_fn(|context| {
                    let polled = one.as_mut().poll(context);
                    std::task::Poll::Ready(polled.is_pending())
                });
                assert!(queued.await, "answered while the thread was held");
            }
            drop(free);
            let mut outcomes = Vec::new();
            for one in saying {
                outcomes.push(one.await);
            }
            outcomes
        })
    }

    #[test]
    fn a_refused_write_leaves_its_neighbours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        let outcomes = say_together(&writer, &["one", "one", "two"]);
        assert!(matches!(&outcomes[..], [Ok(()), Err(StoreError::Database { .. }), Ok(())]), "{outcomes:?}");
        assert_eq!(words(folder.path()), ["one", "two"]);
    }

    #[test]
    fn a_full_disk_is_told_and_survived() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        runtime().block_on(say(&writer, "early")).unwrap();
        limit_pages(&writer, 8);
        let long = format!("large{}", "x".repeat(100_000));
        let outcomes = say_together(&writer, &["small", &long]);
        // SQLite may give the whole transaction up or only the write that did not fit; nobody is told a lie.
        assert!(matches!(outcomes[1], Err(StoreError::Full)), "{outcomes:?}");
        let stored = words(folder.path());
        assert_eq!(stored.contains(&"small".to_owned()), outcomes[0].is_ok());
        assert!(stored.contains(&"early".to_owned()) && !stored.contains(&"large".to_owned()));
        limit_pages(&writer, 1000);
        runtime().block_on(say(&writer, &long)).unwrap();
        assert!(words(folder.path()).contains(&"large".to_owned()));
    }

    #[test]
    fn what_is_queued_is_written_before_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        let free = hold(&writer);
        let mut saying = Box::pin(say(&writer, "late"));
        runtime().block_on(std::future::poll_fn(|context| {
            assert!(saying.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        }));
        // Nobody waits for it any more.
        drop(saying);
        drop(free);
        drop(writer);
        assert_eq!(words(folder.path()), ["late"]);
    }
}
