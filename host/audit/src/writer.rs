//! One thread writes for a whole host: whatever comes while it flushes goes with the next flush.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;

use crate::{AuditError, Draft, Log, Options};

/// Records flushed together, at most.
const TOGETHER: usize = 1024;

struct Task {
    drafts: Vec<Draft>,
    /// Whether what the records tell of happens even if they cannot be written.
    regardless: bool,
    reply: oneshot::Sender<Result<(), AuditError>>,
}

/// The log, as a host writes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    tasks: Sender<Task>,
}

impl Audit {
    /// Opens the log of a state folder and starts the thread that writes to it. The thread ends when the last clone is
    /// dropped, after it has written everything.
    ///
    /// # Errors
    ///
    /// If the log's folder cannot be made, or the thread not be started.
    pub fn open(state: &Path, options: Options) -> Result<Self, AuditError> {
        let log = Log::open(state, options)?;
        let (tasks, mailbox) = channel();
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || write(log, &mailbox)).map_err(
            |error| AuditError::Unwritable { why: format!("its thread cannot be started: {error}") },
        )?;
        Ok(Self { tasks })
    }

    /// Appends records; comes back when they are on disk. What they tell of must not happen before.
    ///
    /// # Errors
    ///
    /// If they cannot be written: then what they tell of must not happen.
    pub async fn write(&self, drafts: Vec<Draft>) -> Result<(), AuditError> {
        self.hand_over(drafts, false).await
    }

    /// Appends records of what happens anyway. Those that cannot be written are counted, and the next record that can
    /// be tells of their number.
    ///
    /// # Errors
    ///
    /// If they cannot be written.
    pub async fn tell(&self, drafts: Vec<Draft>) -> Result<(), AuditError> {
        self.hand_over(drafts, true).await
    }

    /// Appends records as [`Audit::tell`] does, and waits for nothing.
    pub fn post(&self, drafts: Vec<Draft>) {
        let (reply, _) = oneshot::channel();
        // A log that is closed has nobody left to tell.
        drop(self.tasks.send(Task { drafts, regardless: true, reply }));
    }

    async fn hand_over(&self, drafts: Vec<Draft>, regardless: bool) -> Result<(), AuditError> {
        if drafts.is_empty() {
            return Ok(());
        }
        let (reply, written) = oneshot::channel();
        self.tasks.send(Task { drafts, regardless, reply }).map_err(|_| AuditError::Closed)?;
        written.await.map_err(|_| AuditError::Closed)?
    }
}

fn write(mut log: Log, mailbox: &Receiver<Task>) {
    while let Ok(first) = mailbox.recv() {
        let mut count = first.drafts.len();
        let mut tasks = vec![first];
        while count < TOGETHER
            && let Ok(more) = mailbox.try_recv()
        {
            count += more.drafts.len();
            tasks.push(more);
        }
        let drafts: Vec<Draft> = tasks.iter().flat_map(|task| task.drafts.iter().cloned()).collect();
        match log.append(&drafts) {
            // One that has no written form must not take the others with it.
            Err(AuditError::Unwritable { .. }) if tasks.len() > 1 => {
                for task in tasks {
                    let done = log.append(&task.drafts).map(|_| ());
                    answer(&mut log, task, done);
                }
            }
            done => {
                for task in tasks {
                    answer(&mut log, task, done.clone().map(|_| ()));
                }
            }
        }
    }
}

fn answer(log: &mut Log, task: Task, done: Result<(), AuditError>) {
    if done.is_err() && task.regardless {
        log.miss(task.drafts.len() as u64);
    }
    // Whoever asked may have gone.
    drop(task.reply.send(done));
}
