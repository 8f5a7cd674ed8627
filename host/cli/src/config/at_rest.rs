//! `[state.encryption]`: with which key the state is encrypted, and where that is read.

use std::path::PathBuf;

use pointsman_state_key::{KeyError, KeySource};
use pointsman_store::StateKey;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::ConfigError;
use super::load::Loaded;
use super::settings::senseless;

/// Encryption of the state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encryption {
    /// Where the key is read: 32 random bytes, in hexadecimal or base64. `pointsman state new-key` makes one.
    pub(crate) key: KeyPlace,
    /// The key before it, while keys are changed: until `pointsman state rekey` is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous_key: Option<KeyPlace>,
}

/// Where a key is read: exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeyPlace {
    /// A file that only you can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// An entry of the system's keyring (the Secret Service on Linux, the Keychain on macOS), as `SERVICE/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keyring: Option<String>,
    /// A program and its arguments, started without a shell, that prints the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Vec<String>>,
}

/// Where the keys of the state are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPlaces {
    /// The one that counts.
    pub(crate) key: KeySource,
    /// The one before it.
    pub(crate) previous: Option<KeySource>,
}

/// Gives where the keys of the state are read; nothing if it is not to be encrypted.
pub(crate) fn key_places(loaded: &Loaded) -> Result<Option<KeyPlaces>, ConfigError> {
    let Some(encryption) = &loaded.config.state.encryption else { return Ok(None) };
    let key = source(loaded, "state.encryption.key", &encryption.key)?;
    let previous = encryption.previous_key.as_ref();
    let previous = previous.map(|it| source(loaded, "state.encryption.previous_key", it)).transpose()?;
    Ok(Some(KeyPlaces { key, previous }))
}

/// Reads the key of the state; nothing if it is not to be encrypted. Blocks, and may ask a person.
pub(crate) fn state_key(loaded: &Loaded) -> Result<Option<StateKey>, ConfigError> {
    let Some(places) = key_places(loaded)? else { return Ok(None) };
    let key = places.key.read();
    key.map(Some).map_err(|error: KeyError| senseless(loaded, "state.encryption.key", error.to_string()))
}

/// Says whether run folders are written. What the state encrypts would lie there in clear.
pub(super) fn run_folders(loaded: &Loaded) -> Result<bool, ConfigError> {
    let encrypted = key_places(loaded)?.is_some();
    match loaded.config.state.run_folders {
        Some(true) if encrypted => Err(senseless(
            loaded,
            "state.run_folders",
            "run folders hold in clear what [state.encryption] encrypts; take one of the two out".to_owned(),
        )),
        Some(chosen) => Ok(chosen),
        None => Ok(!encrypted),
    }
}

fn source(loaded: &Loaded, key: &str, place: &KeyPlace) -> Result<KeySource, ConfigError> {
    let refuse = |message: &str| Err(senseless(loaded, key, message.to_owned()));
    match (&place.file, &place.keyring, &place.command) {
        (Some(file), None, None) => Ok(KeySource::File(loaded.path_of(file))),
        (None, Some(entry), None) => match entry.rsplit_once('/') {
            Some((service, name)) if !service.is_empty() && !name.is_empty() => {
                Ok(KeySource::Keyring { service: service.to_owned(), name: name.to_owned() })
            }
            _ => refuse("an entry of the keyring is written SERVICE/NAME"),
        },
        (None, None, Some(command)) => match command.split_first() {
            Some((program, args)) if !program.is_empty() => {
                Ok(KeySource::Command { program: program.clone(), args: args.to_vec() })
            }
            _ => refuse("a command is a list: the program and its arguments"),
        },
        _ => refuse(
            "give where it is read: file = \"PATH\", keyring = \"SERVICE/NAME\" or command = [\"PROGRAM\", \"ARGUMENT\"]",
        ),
    }
}
