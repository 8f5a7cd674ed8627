//! Sealing what must be kept and must not be read: a run's backend settings, tokens perhaps among them, and what stood
//! in an event before secrets were taken out of it.

use std::fmt;
use std::io;
use std::sync::OnceLock;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use pointsman_model::RunId;

use crate::at_rest::{Codec, Column};
use crate::folder::StateFolder;
use crate::{StoreError, random};

pub(crate) const KEY_FILE: &str = "seal.key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// What is sealed. It is part of the seal, so that a row that was put in another's place does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The backend's settings for a run.
    Settings(RunId),
    /// What stood in an event of a run before secrets were taken out.
    Original(RunId, u64),
}

impl Subject {
    /// Gives what the seal is bound to. No two subjects are bound to the same.
    fn binding(self) -> String {
        match self {
            Self::Settings(run) => run.to_string(),
            Self::Original(run, seq) => format!("{run}/{seq}/original"),
        }
    }

    /// Seals it with the data key of an encrypted state.
    fn put(self, codec: &Codec, plain: &[u8]) -> Option<Result<Vec<u8>, StoreError>> {
        match self {
            Self::Settings(run) => codec.put_bytes(Column::Settings, run, plain),
            Self::Original(run, seq) => codec.put_bytes(Column::Original, format_args!("{run}/{seq}"), plain),
        }
    }

    /// Opens it with the data key of an encrypted state.
    fn take(self, codec: &Codec, sealed: &[u8]) -> Option<Result<Vec<u8>, StoreError>> {
        match self {
            Self::Settings(run) => codec.bytes(Column::Settings, run, sealed),
            Self::Original(run, seq) => codec.bytes(Column::Original, format_args!("{run}/{seq}"), sealed),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(run) => write!(f, "the backend settings of run {run}"),
            Self::Original(run, seq) => write!(f, "the original of event {seq} of run {run}"),
        }
    }
}

/// Seals with a key that lies beside the database, readable for its owner only; in an encrypted state, as all payload
/// there is sealed.
///
/// The former keeps secrets out of copies of the database, of its dumps, and of anything that prints rows. It does not
/// keep them from whoever can read all of the state folder.
pub(crate) struct Seal {
    codec: Codec,
    key: OnceLock<[u8; KEY_BYTES]>,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Makes one for a state.
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, key: OnceLock::new() }
    }

    /// Seals bytes: a fresh nonce, and the ciphertext behind it. Makes the key if there was never one.
    pub(crate) fn close(
        &self,
        folder: &StateFolder,
        subject: Subject,
        plain: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if let Some(sealed) = subject.put(&self.codec, plain) {
            return sealed;
        }
        let nonce: [u8; NONCE_BYTES] = random::bytes().map_err(crate::folder::file_error(
            "could not draw random bytes for",
            &folder.path().join(KEY_FILE),
        ))?;
        let binding = subject.binding();
        let sealed = self
            .cipher(folder)?
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: binding.as_bytes() })
            .map_err(|_| StoreError::Unsealable { what: subject.to_string() })?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Seal::close`] made of the same subject. A key that is gone is not made anew.
    pub(crate) fn open(
        &self,
        folder: &StateFolder,
        subject: Subject,
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if let Some(plain) = subject.take(&self.codec, sealed) {
            return plain;
        }
        let unsealable = || StoreError::Unsealable { what: subject.to_string() };
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(unsealable)?;
        if self.key.get().is_none() && !folder.has(KEY_FILE)? {
            let path = folder.path().join(KEY_FILE);
            return Err(StoreError::KeyLost { what: subject.to_string(), path });
        }
        let binding = subject.binding();
        self.cipher(folder)?
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: binding.as_bytes() })
            .map_err(|_| unsealable())
    }

    fn cipher(&self, folder: &StateFolder) -> Result<XChaCha20Poly1305, StoreError> {
        let key = match self.key.get() {
            Some(key) => key,
            None => {
                let found = folder.read_or_found(KEY_FILE, || random::bytes::<KEY_BYTES>().map(Vec::from))?;
                let found = <[u8; KEY_BYTES]>::try_from(found).map_err(|odd| {
                    let wrong = format!("{} bytes instead of {KEY_BYTES}", odd.len());
                    let path = folder.path().join(KEY_FILE);
                    crate::folder::file_error("could not use the key in", &path)(io::Error::other(wrong))
                })?;
                self.key.get_or_init(|| found)
            }
        };
        Ok(XChaCha20Poly1305::new(&Key::from(*key)))
    }
}
