//! The stored form of a secret.

use argon2::{Algorithm, Argon2, Params, Version};
use pointsman_model::Digest;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{ApproverError, Secret};

/// Memory in KiB, passes and lanes, as OWASP recommends them for Argon2id (its first choice).
const COST: (u32, u32, u32) = (47_104, 1, 1);

/// No file makes this process take more than this: KiB, passes and lanes.
const MOST: (u32, u32, u32) = (1 << 20, 16, 16);

/// An Argon2id hash with what it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hash {
    algorithm: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    hash: String,
}

impl Hash {
    pub(crate) fn of(secret: &Secret) -> Result<Self, ApproverError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|error| ApproverError::Hash(error.to_string()))?;
        let mut hash = Self {
            algorithm: "argon2id".to_owned(),
            memory_kib: COST.0,
            passes: COST.1,
            lanes: COST.2,
            salt: hex::encode(salt),
            hash: String::new(),
        };
        hash.hash = hex::encode(*hash.compute(secret)?);
        Ok(hash)
    }

    /// Tells this stored form from any other.
    pub(crate) fn fingerprint(&self) -> String {
        let Self { algorithm, memory_kib, passes, lanes, salt, hash } = self;
        let whole = format!("{algorithm} {memory_kib} {passes} {lanes} {salt} {hash}");
        Digest::of(whole.as_bytes()).to_hex()
    }

    /// Says whether a secret is the one.
    pub(crate) fn is_of(&self, secret: &Secret) -> Result<bool, ApproverError> {
        let damaged = |_| ApproverError::Hash("its stored form is damaged".to_owned());
        let mut stored = [0; 32];
        hex::decode_to_slice(&self.hash, &mut stored).map_err(damaged)?;
        let computed = self.compute(secret)?;
        // In one go, so that time tells nothing.
        Ok(stored.iter().zip(computed.iter()).fold(0, |different, (a, b)| different | (a ^ b)) == 0)
    }

    fn compute(&self, secret: &Secret) -> Result<Zeroizing<[u8; 32]>, ApproverError> {
        let wrong = |error: &dyn std::fmt::Display| ApproverError::Hash(error.to_string());
        if self.algorithm != "argon2id" {
            return Err(wrong(&format!("{} is not known here", self.algorithm)));
        }
        if self.memory_kib > MOST.0 || self.passes > MOST.1 || self.lanes > MOST.2 {
            return Err(wrong(&"its stored form asks for too much"));
        }
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(|error| wrong(&error))?;
        let salt = hex::decode(&self.salt).map_err(|error| wrong(&error))?;
        let mut hash = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(secret.bytes(), &salt, hash.as_mut())
            .map_err(|error| wrong(&error))?;
        Ok(hash)
    }
}
