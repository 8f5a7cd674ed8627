//! Moving a state's payload from one form to another: encrypting it, decrypting it, changing its keys.
//!
//! Whoever does that is alone with the state. It goes table by table in small transactions, each of which also says how
//! far it came; so it can be killed at any moment, and goes on from there. What is half done is opened by nobody else:
//! the format is raised in the first transaction and the phase says so to the last.

use std::path::Path;

use rusqlite::{Connection, params};

use super::cipher::DataKey;
use super::steps::STEPS;
use super::vault::{Phase, Vault, keep};
use super::{Codec, StateKey, found};
use crate::folder::StateFolder;
use crate::seal::Seal;
use crate::{StoreError, schema};

/// Rows of one transaction, at most.
const ROWS: usize = 256;
/// Bytes of one transaction, more or less.
const BYTES: usize = 4 << 20;

/// How far a migration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is worked on.
    pub table: &'static str,
    /// Rows that were rewritten since this migration began or went on.
    pub rows: u64,
}

/// What a migration did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Rows that were rewritten.
    pub rows: u64,
    /// It had been interrupted and went on.
    pub resumed: bool,
    /// There was nothing to do.
    pub unchanged: bool,
}

/// A state that nobody else has open.
struct Alone {
    folder: StateFolder,
    connection: Connection,
    _lock: std::fs::File,
}

impl Alone {
    fn with(state: &Path) -> Result<Self, StoreError> {
        let folder = StateFolder::open(state)?;
        let lock = folder.lock_alone()?;
        folder.ensure_journal()?;
        let connection = schema::connect(&folder.journal())?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        // What is overwritten is wiped, in the pages that stay.
        connection.pragma_update(None, "secure_delete", true)?;
        Ok(Self { folder, connection, _lock: lock })
    }

    /// Does several things at once, or nothing.
    fn at_once<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Writes the database anew, without what is no longer in it, and empties the log.
    fn wipe(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("VACUUM")?;
        self.empty_log()
    }

    fn empty_log(&self) -> Result<(), StoreError> {
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            return Err(StoreError::Busy { seconds: schema::PATIENCE.as_secs() });
        }
        Ok(())
    }

    fn half_migrated(&self, phase: Phase) -> StoreError {
        let path = self.folder.path().to_owned();
        StoreError::HalfMigrated { path, phase: phase.word(), command: phase.command() }
    }

    fn set_phase(&self, phase: Phase) -> Result<(), StoreError> {
        self.connection.execute("UPDATE encryption SET phase = ?1, step = 0, after = 0", [phase.word()])?;
        Ok(())
    }

    /// Rewrites everything that is not rewritten yet.
    fn rewrite(
        &self,
        from: &Codec,
        to: &Codec,
        mut rows: u64,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<u64, StoreError> {
        let at = Vault::read(&self.connection)?;
        let (mut step, mut after) = (at.step, at.after);
        let forms = Forms {
            from,
            to,
            from_seal: Seal::new(from.clone()),
            to_seal: Seal::new(to.clone()),
            folder: &self.folder,
        };
        while let Some(work) = STEPS.get(step as usize) {
            let done = self.at_once(|connection| {
                let done = work.rewrite(connection, &forms, after, ROWS, BYTES)?;
                let next = done.last.map_or((step + 1, 0), |last| (step, last));
                connection
                    .prepare_cached("UPDATE encryption SET step = ?1, after = ?2")?
                    .execute(params![next.0, next.1])?;
                (step, after) = next;
                Ok(done)
            })?;
            rows += done.rows;
            progress(Progress { table: work.table(), rows });
        }
        Ok(rows)
    }
}

/// The two forms between which payload is moved.
pub(super) struct Forms<'a> {
    pub(super) from: &'a Codec,
    pub(super) to: &'a Codec,
    pub(super) from_seal: Seal,
    pub(super) to_seal: Seal,
    pub(super) folder: &'a StateFolder,
}

/// Encrypts the payload of a state, or goes on with it. A state that is not there is made.
///
/// Blocks, for as long as it takes to write the whole database anew.
///
/// # Errors
///
/// If somebody has the state open, the key is not the one that it was begun with, or the state cannot be read or
/// written. What was done before stays, and it goes on from there.
pub fn encrypt(
    state: &Path,
    key: &StateKey,
    progress: &mut dyn FnMut(Progress),
) -> Result<Migrated, StoreError> {
    let alone = Alone::with(state)?;
    let mut resumed = true;
    match schema::format_of(&alone.connection, &alone.folder)? {
        0 => {
            schema::open_writer(&alone.folder, Some(key))?;
            return Ok(Migrated::default());
        }
        schema::ENCRYPTED => {}
        _ => {
            resumed = false;
            schema::complete(&alone.connection)?;
            alone.at_once(|connection| {
                found(connection, key, Phase::Encrypting)?;
                connection.pragma_update(None, "user_version", schema::ENCRYPTED)?;
                Ok(())
            })?;
            progress(Progress { table: "data_keys", rows: 0 });
        }
    }
    let vault = Vault::read(&alone.connection)?;
    let data_key = only(vault.data_keys(&alone.connection, &alone.folder, key)?)?;
    match vault.phase {
        Phase::Encrypting => {}
        Phase::Encrypted => return Ok(Migrated { unchanged: true, ..Migrated::default() }),
        other => return Err(alone.half_migrated(other)),
    }
    let rows = alone.rewrite(&Codec::default(), &Codec::sealed(data_key), 0, progress)?;
    // Nothing is sealed with it any more.
    alone.folder.remove(crate::seal::KEY_FILE)?;
    alone.wipe()?;
    progress(Progress { table: "wiped", rows });
    alone.set_phase(Phase::Encrypted)?;
    alone.empty_log()?;
    Ok(Migrated { rows, resumed, unchanged: false })
}

/// Decrypts the payload of a state, or goes on with it.
///
/// # Errors
///
/// As of [`encrypt`].
pub fn decrypt(
    state: &Path,
    key: &StateKey,
    progress: &mut dyn FnMut(Progress),
) -> Result<Migrated, StoreError> {
    let alone = Alone::with(state)?;
    if schema::format_of(&alone.connection, &alone.folder)? != schema::ENCRYPTED {
        return Ok(Migrated { unchanged: true, ..Migrated::default() });
    }
    let vault = Vault::read(&alone.connection)?;
    let data_key = only(vault.data_keys(&alone.connection, &alone.folder, key)?)?;
    let resumed = match vault.phase {
        Phase::Decrypting => true,
        Phase::Encrypted => {
            alone.set_phase(Phase::Decrypting)?;
            false
        }
        other => return Err(alone.half_migrated(other)),
    };
    let rows = alone.rewrite(&Codec::sealed(data_key), &Codec::default(), 0, progress)?;
    alone.at_once(|connection| {
        connection.execute_batch("DROP TABLE encryption; DROP TABLE data_keys")?;
        connection.pragma_update(None, "user_version", schema::PLAIN)?;
        Ok(())
    })?;
    alone.wipe()?;
    Ok(Migrated { rows, resumed, unchanged: false })
}

/// Wraps the data key of a state with another key of the operator's; with `rotate`, the payload is encrypted anew with a
/// fresh data key, too. `known` are keys of which one is the state's until now; it may be `key` itself.
///
/// # Errors
///
/// As of [`encrypt`]; also if the state is not encrypted.
pub fn rekey(
    state: &Path,
    known: &[&StateKey],
    key: &StateKey,
    rotate: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Migrated, StoreError> {
    let alone = Alone::with(state)?;
    let path = || alone.folder.path().to_owned();
    if schema::format_of(&alone.connection, &alone.folder)? != schema::ENCRYPTED {
        return Err(StoreError::NothingToRekey { path: path() });
    }
    let vault = Vault::read(&alone.connection)?;
    if !matches!(vault.phase, Phase::Encrypted | Phase::Rotating) {
        return Err(alone.half_migrated(vault.phase));
    }
    let fits = |it: &&&StateKey| it.fingerprint() == vault.fingerprint;
    let current = [key].iter().chain(known).find(fits).copied();
    let current = current.ok_or_else(|| StoreError::WrongKey {
        path: path(),
        given: key.fingerprint(),
        expected: vault.fingerprint.clone(),
    })?;
    let mut keys = vault.data_keys(&alone.connection, &alone.folder, current)?;
    let resumed = vault.phase == Phase::Rotating;
    if !resumed && rotate {
        let last = keys.last().map_or(0, DataKey::number);
        keys.push(DataKey::draw(vault.state, last + 1)?);
    }
    if current == key && !resumed && !rotate {
        // If it was killed between this and the change.
        alone.empty_log()?;
        return Ok(Migrated { unchanged: true, ..Migrated::default() });
    }
    // One transaction: before it the old key opens the state, and after it the new one does.
    alone.at_once(|connection| {
        for data_key in &keys {
            keep(connection, data_key, key)?;
        }
        connection.execute("UPDATE encryption SET key = ?1", [key.fingerprint()])?;
        if rotate && !resumed {
            alone.set_phase(Phase::Rotating)?;
        }
        Ok(())
    })?;
    progress(Progress { table: "data_keys", rows: 0 });
    let mut rows = 0;
    if let Ok([old, new]) = <[DataKey; 2]>::try_from(keys) {
        let (old_number, old, new) = (old.number(), Codec::sealed(old), Codec::sealed(new));
        rows = alone.rewrite(&old, &new, 0, progress)?;
        alone.at_once(|connection| {
            connection.execute("DELETE FROM data_keys WHERE number = ?1", [old_number])?;
            alone.set_phase(Phase::Encrypted)
        })?;
    }
    // What was overwritten is wiped; only the log still has it.
    alone.empty_log()?;
    Ok(Migrated { rows, resumed, unchanged: false })
}

fn only(keys: Vec<DataKey>) -> Result<DataKey, StoreError> {
    // Two only while they are being rotated, and then the phase says so.
    keys.into_iter().next().ok_or_else(|| StoreError::Damaged { what: "data_keys is empty".to_owned() })
}
