//! Sealing what must be kept and must not be read: a run's backend settings, tokens perhaps among them.

use std::io;
use std::sync::OnceLock;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use pointsman_model::RunId;
use serde_json::Value;

use crate::folder::StateFolder;
use crate::{StoreError, random};

const KEY_FILE: &str = "seal.key";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Seals with a key that lies beside the database, readable for its owner only.
///
/// That keeps secrets out of copies of the database, of its dumps, and of anything that prints rows. It does not keep
/// them from whoever can read all of the state folder.
#[derive(Default)]
pub(crate) struct Seal {
    key: OnceLock<[u8; KEY_BYTES]>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

impl Seal {
    /// Seals a run's settings. The run's id is part of the seal, so a sealed row opens for no other run.
    pub(crate) fn close(
        &self,
        folder: &StateFolder,
        run: RunId,
        settings: &Value,
    ) -> Result<Vec<u8>, StoreError> {
        let unsealable = |_| StoreError::Unsealable { run };
        let nonce: [u8; NONCE_BYTES] = random::bytes().map_err(crate::folder::file_error(
            "could not draw random bytes for",
            &folder.path().join(KEY_FILE),
        ))?;
        let plain = settings.to_string();
        let aad = run.to_string();
        let sealed = self
            .cipher(folder)?
            .encrypt(&XNonce::from(nonce), Payload { msg: plain.as_bytes(), aad: aad.as_bytes() })
            .map_err(unsealable)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what [`Seal::close`] made.
    pub(crate) fn open(&self, folder: &StateFolder, run: RunId, sealed: &[u8]) -> Result<Value, StoreError> {
        let unsealable = StoreError::Unsealable { run };
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_BYTES>() else { return Err(unsealable) };
        let aad = run.to_string();
        let plain = self
            .cipher(folder)?
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: aad.as_bytes() })
            .map_err(|_| unsealable.clone())?;
        serde_json::from_slice(&plain).map_err(|_| unsealable)
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
