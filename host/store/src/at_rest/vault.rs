//! The data keys of a state, wrapped, and how far its encryption is.

use rusqlite::{Connection, params};

use super::cipher::{DataKey, STATE_BYTES, Unopened};
use super::{Codec, StateKey};
use crate::folder::StateFolder;
use crate::{StoreError, random};

const TABLES: &str = "
    CREATE TABLE encryption (
        id    INTEGER PRIMARY KEY CHECK (id = 1),
        -- Random bytes that tell this state from others: part of what every value is bound to.
        state BLOB NOT NULL,
        -- Fingerprint of the operator's key.
        key   TEXT NOT NULL,
        phase TEXT NOT NULL,
        -- How far a migration is.
        step  INTEGER NOT NULL DEFAULT 0,
        after INTEGER NOT NULL DEFAULT 0
    );
    -- Keys of values, wrapped with the operator's. Two while values are moved from one to the other.
    CREATE TABLE data_keys (
        number  INTEGER PRIMARY KEY,
        wrapped BLOB NOT NULL
    );";

/// How far the encryption of a state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// All payload is encrypted.
    Encrypted,
    /// Payload is being encrypted.
    Encrypting,
    /// Payload is being decrypted.
    Decrypting,
    /// Payload is being moved from one data key to another.
    Rotating,
}

impl Phase {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Encrypting => "encrypting",
            Self::Decrypting => "decrypting",
            Self::Rotating => "rotating",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Encrypted, Self::Encrypting, Self::Decrypting, Self::Rotating]
            .into_iter()
            .find(|phase| phase.word() == word)
    }

    /// Gives the command that goes on.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Encrypted | Self::Encrypting => "encrypt",
            Self::Decrypting => "decrypt",
            Self::Rotating => "rekey",
        }
    }
}

/// What a state says of its encryption.
pub(crate) struct Vault {
    pub(crate) state: [u8; STATE_BYTES],
    /// Fingerprint of the key that it takes.
    pub(crate) fingerprint: String,
    pub(crate) phase: Phase,
    pub(crate) step: u32,
    pub(crate) after: i64,
}

impl Vault {
    /// Reads it; the state must be one that has it.
    pub(crate) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::Damaged { what: format!("encryption: {what}") };
        let (state, fingerprint, phase, step, after) = connection
            .query_row("SELECT state, key, phase, step, after FROM encryption", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?, row.get(4)?))
            })
            .map_err(|error| damaged(&error.to_string()))?;
        let phase = Phase::from_word(&phase).ok_or_else(|| damaged(&format!("no phase {phase:?}")))?;
        Ok(Self { state, fingerprint, phase, step, after })
    }

    /// Refuses a key that is not the one that this state takes.
    pub(crate) fn check(&self, folder: &StateFolder, key: &StateKey) -> Result<(), StoreError> {
        let given = key.fingerprint();
        if given == self.fingerprint {
            return Ok(());
        }
        let path = folder.path().to_owned();
        Err(StoreError::WrongKey { path, given, expected: self.fingerprint.clone() })
    }

    /// Gives the data keys, oldest first.
    pub(super) fn data_keys(
        &self,
        connection: &Connection,
        folder: &StateFolder,
        key: &StateKey,
    ) -> Result<Vec<DataKey>, StoreError> {
        self.check(folder, key)?;
        let mut wrapped = connection.prepare("SELECT number, wrapped FROM data_keys ORDER BY number")?;
        let wrapped = wrapped.query_map([], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let mut keys = Vec::new();
        for row in wrapped {
            let (number, wrapped) = row?;
            keys.push(DataKey::unwrap(self.state, number, &wrapped, key).map_err(|why| match why {
                // The operator's key is the right one, so the data key is not this state's.
                Unopened::Changed | Unopened::OtherKey(_) => {
                    StoreError::ForeignDataKey { path: folder.path().to_owned(), number }
                }
                Unopened::Formless => {
                    StoreError::Damaged { what: format!("data_keys.wrapped of {number} is no wrapped key") }
                }
            })?);
        }
        Ok(keys)
    }
}

/// Makes the tables of an encrypted state, with a first data key.
pub(crate) fn found(connection: &Connection, key: &StateKey, phase: Phase) -> Result<Codec, StoreError> {
    let state = random::bytes().map_err(|error| StoreError::NoRandomness { source: error.into() })?;
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO encryption (id, state, key, phase) VALUES (1, ?1, ?2, ?3)",
        params![state, key.fingerprint(), phase.word()],
    )?;
    let data_key = DataKey::draw(state, 1)?;
    keep(connection, &data_key, key)?;
    Ok(Codec::sealed(data_key))
}

/// Stores a data key, wrapped; in the place of the one that has its number.
pub(super) fn keep(connection: &Connection, data_key: &DataKey, key: &StateKey) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO data_keys (number, wrapped) VALUES (?1, ?2)
         ON CONFLICT (number) DO UPDATE SET wrapped = excluded.wrapped",
        params![data_key.number(), data_key.wrap(key)?],
    )?;
    Ok(())
}

/// Gives the codec of a state that is encrypted.
pub(crate) fn open(
    connection: &Connection,
    folder: &StateFolder,
    key: Option<&StateKey>,
) -> Result<Codec, StoreError> {
    let vault = Vault::read(connection)?;
    let path = folder.path().to_owned();
    if vault.phase != Phase::Encrypted {
        let (phase, command) = (vault.phase.word(), vault.phase.command());
        return Err(StoreError::HalfMigrated { path, phase, command });
    }
    let Some(key) = key else { return Err(StoreError::NoKey { path, fingerprint: vault.fingerprint }) };
    match vault.data_keys(connection, folder, key)?.pop() {
        Some(data_key) => Ok(Codec::sealed(data_key)),
        None => Err(StoreError::Damaged { what: "data_keys is empty".to_owned() }),
    }
}
