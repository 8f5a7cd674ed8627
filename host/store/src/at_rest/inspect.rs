//! Looking at how a state is stored, without opening, making or changing it.

use std::path::Path;

use super::StateKey;
use super::vault::{Phase, Vault};
use crate::folder::StateFolder;
use crate::{StoreError, schema};

/// How a state is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// There is none yet: the host makes it, encrypted if a key is configured.
    Nothing,
    /// As it is.
    Plain,
    /// Encrypted.
    Encrypted {
        /// Fingerprint of the key that it takes.
        fingerprint: String,
        /// Number of the data key.
        data_key: u32,
    },
    /// In between: a migration was interrupted, or is at work.
    Half {
        /// `encrypting`, `decrypting` or `rotating`.
        phase: &'static str,
        /// The `pointsman state` command that goes on with it.
        command: &'static str,
        /// Fingerprint of the key that it takes.
        fingerprint: String,
    },
}

impl Stands {
    /// Looks at a state folder.
    ///
    /// # Errors
    ///
    /// If the folder is not its owner's alone, or the state is newer than this version or cannot be read.
    pub fn of(state: &Path) -> Result<Self, StoreError> {
        if !state.join(crate::folder::JOURNAL).exists() {
            return Ok(Self::Nothing);
        }
        let folder = StateFolder::open(state)?;
        let connection = schema::open_reader(&folder.journal())?;
        match schema::format_of(&connection, &folder)? {
            0 => Ok(Self::Nothing),
            schema::ENCRYPTED => {
                let vault = Vault::read(&connection)?;
                let fingerprint = vault.fingerprint;
                if vault.phase != Phase::Encrypted {
                    let (phase, command) = (vault.phase.word(), vault.phase.command());
                    return Ok(Self::Half { phase, command, fingerprint });
                }
                let data_key =
                    connection.query_row("SELECT max(number) FROM data_keys", [], |row| row.get(0))?;
                Ok(Self::Encrypted { fingerprint, data_key })
            }
            _ => Ok(Self::Plain),
        }
    }

    /// Says whether a key is the one that the state takes; nothing of a state that takes none.
    #[must_use]
    pub fn fits(&self, key: &StateKey) -> Option<bool> {
        match self {
            Self::Nothing | Self::Plain => None,
            Self::Encrypted { fingerprint, .. } | Self::Half { fingerprint, .. } => {
                Some(*fingerprint == key.fingerprint())
            }
        }
    }
}
