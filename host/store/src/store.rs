//! The store itself: how it is opened, and the ways to its writer and its readers.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::watch;

use crate::at_rest::{Codec, StateKey};
use crate::folder::{StateFolder, file_error};
use crate::seal::Seal;
use crate::writer::Writer;
use crate::{Durability, StoreError, random, schema};

/// Idle connections that are kept for the next reader.
const IDLE_READERS: usize = 8;

/// The journal and index of all runs. Cheap to clone.
///
/// Writes are `async` and may be called from any runtime. Reads block, for microseconds mostly; on a reactor thread
/// call them through [`Store::read`].
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    writer: Writer,
    idle: Mutex<Vec<Connection>>,
    folder: StateFolder,
    codec: Codec,
    seal: Seal,
    /// The last to go: while it is held, nobody rewrites the state.
    _in_use: File,
}

impl Store {
    /// Opens the state in a folder; makes both if they are not there, for their owner alone.
    ///
    /// Blocks for about a millisecond; longer only where the state is made. Takes no lock that keeps others from
    /// anything.
    ///
    /// # Errors
    ///
    /// If the folder is not its owner's alone, or the state is encrypted, newer than this version or cannot be opened.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        Self::open_with(state, None)
    }

    /// As [`Store::open`], for a state that is encrypted with a key if there is one; made so if it is not there.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`]; also if the state is encrypted with another key, or is not encrypted.
    pub fn open_with(state: &Path, key: Option<&StateKey>) -> Result<Self, StoreError> {
        Self::opened(state, |folder| schema::open_writer(folder, key))
    }

    /// As [`Store::open`], for whoever needs nothing that an encrypted state encrypts: who launched whom, who drives a run,
    /// who is alive. Of an encrypted state, anything else is refused for want of the key.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`].
    pub fn open_without_payload(state: &Path) -> Result<Self, StoreError> {
        Self::opened(state, schema::open_without_payload)
    }

    fn opened(
        state: &Path,
        open: impl FnOnce(&StateFolder) -> Result<(Connection, Codec), StoreError>,
    ) -> Result<Self, StoreError> {
        let folder = StateFolder::open(state)?;
        let in_use = folder.lock_shared()?;
        let (connection, codec) = open(&folder)?;
        let path = folder.path().to_owned();
        let writer = Writer::start(connection, move |connection| schema::flush_all(connection, &path))
            .map_err(file_error("could not start a thread that writes to", state))?;
        let seal = Seal::new(codec.clone());
        let shared = Shared { writer, idle: Mutex::default(), folder, codec, seal, _in_use: in_use };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Gives the salt of this state's markers of secrets: random bytes, made once, known to nobody else. Blocks.
    ///
    /// # Errors
    ///
    /// If the file can be neither read nor made.
    pub fn redaction_salt(&self) -> Result<[u8; 32], StoreError> {
        const FILE: &str = "redact.salt";
        let found = self.folder().read_or_found(FILE, || random::bytes::<32>().map(Vec::from))?;
        <[u8; 32]>::try_from(found).map_err(|odd| {
            let wrong = io::Error::other(format!("{} bytes instead of 32", odd.len()));
            file_error("could not use the salt in", &self.folder().path().join(FILE))(wrong)
        })
    }

    /// Runs reads off the reactor: `store.read(move |store| store.run(id)).await`.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// Those of the reads.
    pub async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || question(&store)).await.map_err(|_| StoreError::Closed)?
    }

    /// Gives a counter that rises whenever this process has written. Its value means nothing more: ask
    /// [`Store::changed_since`].
    ///
    /// What other processes write does not move it; for that, compare [`Store::latest_change`] now and then.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.writer.changes()
    }

    pub(crate) fn folder(&self) -> &StateFolder {
        &self.shared.folder
    }

    /// Gives how payload is stored.
    pub(crate) fn codec(&self) -> &Codec {
        &self.shared.codec
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.shared.seal
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        bytes: usize,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.writer.write(durability, bytes, work).await
    }

    pub(crate) fn write_blocking<T: Send + 'static>(
        &self,
        durability: Durability,
        bytes: usize,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.shared.writer.write_blocking(durability, bytes, work)
    }

    /// Asks something on a connection of its own.
    pub(crate) fn with_reader<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.folder().journal())?,
        };
        let answer = question(&connection);
        let mut idle = self.idle();
        // One that was left in the midst of a transaction would go on seeing the past.
        if connection.is_autocommit() && idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }

    /// Asks several things of the same moment.
    pub(crate) fn with_snapshot<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.with_reader(|connection| {
            let snapshot = connection.unchecked_transaction()?;
            let answer = question(&snapshot);
            snapshot.finish()?;
            answer
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // Nothing is left half-done under this lock.
        self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
