//! The operator's key: 32 bytes that wrap the keys of a state.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::cipher::{KEY_BYTES, derive};

/// The operator's key of a state. It shows nothing of itself but its fingerprint, and is wiped from memory when the last
/// copy is dropped.
#[derive(Clone)]
pub struct StateKey(Arc<Zeroizing<[u8; KEY_BYTES]>>);

impl StateKey {
    /// Takes the key's bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// Gives what the key is told from others by: 16 hexadecimal digits that say nothing else of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = derive(&self.0, "key's fingerprint");
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Gives the key that wraps data keys.
    pub(super) fn wrapping(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        derive(&self.0, "wrapping")
    }
}

impl PartialEq for StateKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for StateKey {}

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<key {}>", self.fingerprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_its_fingerprint_alone() {
        let (one, other) = (StateKey::new([1; 32]), StateKey::new([2; 32]));
        assert_ne!(one, other);
        assert_eq!(one, one.clone());
        let shown = format!("{one:?}");
        assert!(shown.contains(&one.fingerprint()) && !shown.contains("0101"), "{shown}");
    }
}
