//! The database: its tables, its format, and how connections to it are set up.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::StoreError;
use crate::at_rest::{self, Codec, Phase, StateKey};
use crate::folder::StateFolder;

/// The format of a state whose payload is stored as it is.
pub(crate) const PLAIN: u32 = 1;
/// The format of a state whose payload is encrypted, or about to be: a version that cannot decrypt it refuses it. The
/// newest that this version reads.
pub(crate) const ENCRYPTED: u32 = 2;

/// `PMAN`: tells a journal from any other SQLite file.
const APPLICATION: u32 = 0x504D_414E;

/// How long a write waits for other processes' writes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = include_str!("schema.sql");

/// Says which run launched which, so that a tree is found from its top: ids alone, nothing of what was asked. Made later
/// than the other tables, like the index below: runs that are older than it have no parent here.
const KIN: &str =
    "CREATE TABLE IF NOT EXISTS kin (run INTEGER PRIMARY KEY REFERENCES runs, parent TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS kin_by_parent ON kin (parent)";

/// Keeps what stood in events before secrets were taken out of them, where the operator wants that: nonce and ciphertext,
/// bound to run and event, or nothing of what was too large. The key is the event's. In a table of its own, so that no
/// read of events can come across it; older journals get it when they are opened.
const ORIGINALS: &str = "CREATE TABLE IF NOT EXISTS originals (
    event INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, sealed BLOB)";

/// Fingerprints of files beside the database (`pin.rs`). Made later than the other tables, too.
const PINS: &str =
    "CREATE TABLE IF NOT EXISTS pins (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

/// Finds runs that others asked for through a face of this host (`read/published.rs`). Not among the tables, because
/// journals that are older get it when they are opened; an older program does not mind it.
const PUBLISHED: &str = "CREATE INDEX IF NOT EXISTS specs_published ON specs (
    json_extract(spec, '$.metadata.a2a.agent'),
    json_extract(spec, '$.metadata.a2a.client'),
    json_extract(spec, '$.metadata.a2a.context_id')
) WHERE json_extract(spec, '$.metadata.a2a.agent') IS NOT NULL";

/// Finds what waits for an answer and what answers still cover, by the request (`read/approvals.rs`); older journals get
/// it, too.
const OPEN_APPROVALS: &str = "CREATE INDEX IF NOT EXISTS approvals_open ON approvals (digest)
    WHERE state IN ('pending', 'approved')";

/// Opens the database for writing, and says how its payload is stored; makes it if it is not there, encrypted if there
/// is a key.
///
/// Takes no lock but a reader's if the database exists.
pub(crate) fn open_writer(
    folder: &StateFolder,
    key: Option<&StateKey>,
) -> Result<(Connection, Codec), StoreError> {
    open_as(folder, key, false)
}

/// Opens the database for whoever needs nothing that is encrypted. It has to be there.
pub(crate) fn open_without_payload(folder: &StateFolder) -> Result<(Connection, Codec), StoreError> {
    open_as(folder, None, true)
}

fn open_as(
    folder: &StateFolder,
    key: Option<&StateKey>,
    without_payload: bool,
) -> Result<(Connection, Codec), StoreError> {
    let path = folder.journal();
    folder.ensure_journal()?;
    let connection = connect(&path)?;
    if format_of(&connection, folder)? == 0 {
        // Two processes may come here at once; the switch to write-ahead mode does not wait for locks by itself.
        let _alone = folder.lock_while_founding()?;
        if format_of(&connection, folder)? == 0 {
            found(&connection, key)?;
        }
    }
    let codec = match (format_of(&connection, folder)?, key) {
        (ENCRYPTED, key) => match at_rest::open(&connection, folder, key) {
            Err(error @ StoreError::NoKey { .. }) if without_payload => Codec::locked(error),
            opened => opened?,
        },
        (_, None) => Codec::default(),
        (_, Some(_)) => return Err(StoreError::NotEncrypted { path: folder.path().to_owned() }),
    };
    complete(&connection)?;
    // 16 MiB of log before it is merged: fewer flushes in long bursts. What a burst left is given back afterwards.
    connection.pragma_update(None, "wal_autocheckpoint", 4096)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    Ok((connection, codec))
}

/// Makes what older journals lack. Takes no lock but a reader's where nothing is lacking.
pub(crate) fn complete(connection: &Connection) -> Result<(), StoreError> {
    for later in [PUBLISHED, OPEN_APPROVALS, KIN, PINS, ORIGINALS] {
        connection.execute_batch(later)?;
    }
    Ok(())
}

/// Opens the database for reading.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

pub(crate) fn connect(path: &Path) -> Result<Connection, StoreError> {
    // Never creates: the file is made beforehand, with the right mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Gives the format of the database; 0 if it has none yet.
pub(crate) fn format_of(connection: &Connection, folder: &StateFolder) -> Result<u32, StoreError> {
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > ENCRYPTED {
        return Err(StoreError::NewerFormat { path: folder.path().to_owned(), found, known: ENCRYPTED });
    }
    let application: u32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found > 0 && application != APPLICATION {
        return Err(StoreError::Damaged {
            what: format!("{} is no journal of this program", folder.journal().display()),
        });
    }
    Ok(found)
}

/// Makes the tables without waiting for the disk: nothing is promised yet, and a first start should be quick.
/// Whoever promises something first calls [`flush_all`].
fn found(connection: &Connection, key: Option<&StateKey>) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let founding = connection.unchecked_transaction()?;
    founding.execute_batch(TABLES)?;
    founding.pragma_update(None, "application_id", APPLICATION)?;
    if let Some(key) = key {
        at_rest::found(&founding, key, Phase::Encrypted)?;
    }
    founding.pragma_update(None, "user_version", if key.is_some() { ENCRYPTED } else { PLAIN })?;
    founding.commit()?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(())
}

/// Puts on the disk what a flushed log stands on: the database file itself, and the names of both.
///
/// Merging the log does that for the file, whichever process made it: what was merged before was flushed then. The
/// file is not flushed directly, because opening and closing it would free SQLite's locks.
pub(crate) fn flush_all(connection: &Connection, folder: &Path) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(crate::folder::file_error("could not flush", folder))
}

/// Gives the key of the `number`th row that belongs to `owner`.
pub(crate) fn key(owner: i64, number: u64) -> i64 {
    // Both stay far below 2^31 in any life; a number beyond is held at the edge, where the primary key refuses it.
    (owner << 32) | i64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Gives the number in a key made by [`key`].
pub(crate) fn number_of(key: i64) -> u64 {
    (key & 0xFFFF_FFFF).unsigned_abs()
}
