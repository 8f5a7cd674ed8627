//! The sources of keys.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pointsman_store::StateKey;
use zeroize::Zeroizing;

use crate::{KeyError, command, file, keyring, parse};

/// Where a key is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file that only its owner can read.
    File(PathBuf),
    /// An entry of the system's keyring: the Secret Service on Linux, the Keychain on macOS.
    Keyring {
        /// The service.
        service: String,
        /// The name in it.
        name: String,
    },
    /// What a program prints. It is started directly, without a shell.
    Command {
        /// The program, looked up on the host's PATH.
        program: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl KeySource {
    /// Reads the key. Blocks; a command may take up to a minute, because it may ask a person.
    ///
    /// # Errors
    ///
    /// If the source gives nothing, or nothing that is a key.
    pub fn read(&self) -> Result<StateKey, KeyError> {
        let found = match self {
            Self::File(path) => file::read(path),
            Self::Keyring { service, name } => keyring::read(service, name),
            Self::Command { program, args } => command::read(program, args),
        };
        let key = found.and_then(|found| parse::key(&found));
        key.map(|key| StateKey::new(*key)).map_err(|why| KeyError::Unusable { from: self.clone(), why })
    }

    /// Draws a new key and stores it, where nothing is stored yet.
    ///
    /// # Errors
    ///
    /// If there is a key already, or the source is a command, which only reads.
    pub fn create(&self) -> Result<StateKey, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key).map_err(|error| KeyError::NoRandomness { why: error.to_string() })?;
        let text = Zeroizing::new(BASE64_STANDARD.encode(*key) + "\n");
        match self {
            Self::File(path) => file::create(path, text.as_bytes()),
            Self::Keyring { service, name } => keyring::create(service, name, text.trim_end()),
            Self::Command { .. } => return Err(KeyError::ReadOnly { from: self.clone() }),
        }
        .map_err(|why| KeyError::NotStored { to: self.clone(), why })?;
        // What counts is what will be read later.
        let stored = self.read()?;
        let drawn = StateKey::new(*key);
        if stored == drawn {
            return Ok(stored);
        }
        let why = "what is read there is not what was stored".to_owned();
        Err(KeyError::NotStored { to: self.clone(), why })
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Keyring { service, name } => write!(f, "keyring entry {service}/{name}"),
            // Its arguments may hold what is nobody's business.
            Self::Command { program, .. } => write!(f, "command {program}"),
        }
    }
}
