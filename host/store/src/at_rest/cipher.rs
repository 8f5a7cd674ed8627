//! The ciphers: how a value is sealed, a data key wrapped, and a digest keyed.

use std::fmt::Display;

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Key, Tag, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::StateKey;
use crate::{StoreError, random};

/// Length of every key.
pub(super) const KEY_BYTES: usize = 32;
/// Length of what names a state in what its values are bound to.
pub(super) const STATE_BYTES: usize = 16;

/// The form of sealed values: this byte, the data key's number, a nonce, the ciphertext, the tag.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const HEAD_BYTES: usize = 1 + 4;

/// Derives a key for one purpose from another key.
pub(super) fn derive(key: &[u8; KEY_BYTES], purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
    let bytes = keyed(key, &[b"pointsman state 1: ", purpose.as_bytes()]);
    Zeroizing::new(bytes)
}

/// Digests texts with a key (HMAC-SHA-256).
fn keyed(key: &[u8; KEY_BYTES], texts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // Of the key's own block size, so that no length can be refused.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&(*block).into());
    for text in texts {
        mac.update(text);
    }
    mac.finalize().into_bytes().into()
}

/// What was sealed does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is no sealed value at all.
    Formless,
    /// It was sealed with another data key than this one.
    OtherKey(u32),
    /// It was changed, or sealed for something else.
    Changed,
}

/// A key that seals values.
struct Sealer(XChaCha20Poly1305);

impl Sealer {
    fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// Seals a value; `number` of the key stands before it, readable and bound.
    fn close(&self, number: u32, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = |source| StoreError::NoRandomness { source };
        let nonce: [u8; NONCE_BYTES] = random::bytes().map_err(|error| failed(error.into()))?;
        let mut sealed = Vec::with_capacity(HEAD_BYTES + NONCE_BYTES + plain.len() + TAG_BYTES);
        sealed.push(FORM);
        sealed.extend_from_slice(&number.to_be_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, text) = sealed.split_at_mut(HEAD_BYTES + NONCE_BYTES);
        let tag = self
            .0
            .encrypt_inout_detached(&XNonce::from(nonce), bound_to, text.into())
            .map_err(|_| StoreError::TooLong { bytes: plain.len() })?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    fn open(&self, number: u32, bound_to: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        let (form, rest) = sealed.split_first().ok_or(Unopened::Formless)?;
        let (found, rest) = rest.split_first_chunk().ok_or(Unopened::Formless)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unopened::Formless)?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(Unopened::Formless)?;
        if *form != FORM {
            return Err(Unopened::Formless);
        }
        let found = u32::from_be_bytes(*found);
        if found != number {
            return Err(Unopened::OtherKey(found));
        }
        let mut plain = text.to_vec();
        self.0
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                bound_to,
                plain.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| Unopened::Changed)?;
        Ok(plain)
    }
}

/// The key that a state's values are sealed with.
pub(super) struct DataKey {
    number: u32,
    state: [u8; STATE_BYTES],
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    sealer: Sealer,
    index: Zeroizing<[u8; KEY_BYTES]>,
}

impl DataKey {
    /// Draws a new one.
    pub(super) fn draw(state: [u8; STATE_BYTES], number: u32) -> Result<Self, StoreError> {
        let bytes = random::bytes().map_err(|error| StoreError::NoRandomness { source: error.into() })?;
        Ok(Self::new(state, number, Zeroizing::new(bytes)))
    }

    fn new(state: [u8; STATE_BYTES], number: u32, bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let sealer = Sealer::new(&derive(&bytes, "payload"));
        let index = derive(&bytes, "index");
        Self { number, state, bytes, sealer, index }
    }

    /// Gives its number in the state.
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Wraps it with the operator's key.
    pub(super) fn wrap(&self, key: &StateKey) -> Result<Vec<u8>, StoreError> {
        let bound = self.bound("data_keys.wrapped", &self.number);
        Sealer::new(&key.wrapping()).close(self.number, &bound, &self.bytes[..])
    }

    /// Opens one that was wrapped.
    pub(super) fn unwrap(
        state: [u8; STATE_BYTES],
        number: u32,
        wrapped: &[u8],
        key: &StateKey,
    ) -> Result<Self, Unopened> {
        let bound = bound(state, "data_keys.wrapped", &number);
        let bytes = Zeroizing::new(Sealer::new(&key.wrapping()).open(number, &bound, wrapped)?);
        let bytes = <[u8; KEY_BYTES]>::try_from(&bytes[..]).map_err(|_| Unopened::Formless)?;
        Ok(Self::new(state, number, Zeroizing::new(bytes)))
    }

    /// Seals a value of a column and a row.
    pub(super) fn close(&self, column: &str, row: &dyn Display, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.sealer.close(self.number, &self.bound(column, row), plain)
    }

    /// Opens a value of a column and a row.
    pub(super) fn open(&self, column: &str, row: &dyn Display, sealed: &[u8]) -> Result<Vec<u8>, Unopened> {
        self.sealer.open(self.number, &self.bound(column, row), sealed)
    }

    /// Digests a text that is searched by, in hexadecimal: whoever lacks the key cannot try texts out.
    pub(super) fn keyed(&self, column: &str, text: &str) -> String {
        let digest = keyed(&self.index, &[column.as_bytes(), &[0], text.as_bytes()]);
        hex::encode(digest)
    }

    fn bound(&self, column: &str, row: &dyn Display) -> Vec<u8> {
        bound(self.state, column, row)
    }
}

/// Gives what a value is bound to. No two places give the same, as no column's name holds a NUL.
fn bound(state: [u8; STATE_BYTES], column: &str, row: &dyn Display) -> Vec<u8> {
    use std::io::Write as _;
    let mut bound = Vec::with_capacity(STATE_BYTES + 80);
    bound.extend_from_slice(&state);
    // Writing to memory does not fail.
    let _ = write!(bound, "{column}\0{row}");
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_in_its_own_place_alone() {
        let key = DataKey::draw([7; 16], 3).unwrap();
        let sealed = key.close("mail.mail", &5, b"hello").unwrap();
        assert_eq!(key.open("mail.mail", &5, &sealed).unwrap(), b"hello");
        assert_eq!(key.open("mail.mail", &6, &sealed), Err(Unopened::Changed));
        assert_eq!(key.open("events.data", &5, &sealed), Err(Unopened::Changed));
        let other = DataKey::draw([7; 16], 3).unwrap();
        assert_eq!(other.open("mail.mail", &5, &sealed), Err(Unopened::Changed));
        let elsewhere = DataKey::new([8; 16], 3, key.bytes.clone());
        assert_eq!(elsewhere.open("mail.mail", &5, &sealed), Err(Unopened::Changed));
        let later = DataKey::new([7; 16], 4, key.bytes.clone());
        assert_eq!(later.open("mail.mail", &5, &sealed), Err(Unopened::OtherKey(3)));
    }

    /// Not one bit of it, and no length of it.
    #[test]
    fn a_value_that_was_changed_does_not_open() {
        let key = DataKey::draw([7; 16], 1).unwrap();
        let sealed = key.close("mail.mail", &5, b"hello").unwrap();
        for at in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[at / 8] ^= 1 << (at % 8);
            key.open("mail.mail", &5, &changed).unwrap_err();
        }
        for length in 0..sealed.len() {
            key.open("mail.mail", &5, &sealed[..length]).unwrap_err();
        }
        key.open("mail.mail", &5, &[&sealed[..], &[0]].concat()).unwrap_err();
    }

    #[test]
    fn a_data_key_is_unwrapped_by_its_own_key_for_its_own_state() {
        let (mine, other) = (StateKey::new([1; 32]), StateKey::new([2; 32]));
        let key = DataKey::draw([7; 16], 1).unwrap();
        let wrapped = key.wrap(&mine).unwrap();
        assert_eq!(DataKey::unwrap([7; 16], 1, &wrapped, &mine).unwrap().bytes, key.bytes);
        assert_eq!(DataKey::unwrap([7; 16], 1, &wrapped, &other).err(), Some(Unopened::Changed));
        assert_eq!(DataKey::unwrap([8; 16], 1, &wrapped, &mine).err(), Some(Unopened::Changed));
        assert_eq!(DataKey::unwrap([7; 16], 2, &wrapped, &mine).err(), Some(Unopened::OtherKey(1)));
    }
}
