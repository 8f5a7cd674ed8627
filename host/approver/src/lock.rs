//! Who may answer.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_model::Timestamp;

use crate::attempts::{Attempts, MINUTES};
use crate::error::failed;
use crate::hash::Hash;
use crate::{ApproverError, Secret};

const HASH: &str = "approver.json";
const ATTEMPTS: &str = "approver.attempts";
/// A secret has so many characters at least: five guesses in ten minutes do the rest.
const LEAST: usize = 8;

/// Says whether a state folder has a secret of the approver, as far as its files say.
#[must_use]
pub fn is_set(state: &Path) -> bool {
    state.join(HASH).exists()
}

/// What this process knows.
#[derive(Debug, Default)]
struct Known {
    hash: Option<Hash>,
    /// The fingerprint of the secret that was set, where somebody else has kept it.
    pin: Option<String>,
    wrong: Vec<u64>,
}

/// Checks whoever answers. Knows the hash from when it was opened.
#[derive(Debug)]
pub struct Approver {
    state: PathBuf,
    // One attempt after the other: hashing is meant to be slow.
    known: Mutex<Known>,
}

impl Approver {
    /// Opens the state folder's; there may be no secret. One that cannot be read lets nobody through later.
    #[must_use]
    pub fn open(state: &Path) -> Self {
        let known = Known { hash: stored(state).ok().flatten(), ..Known::default() };
        Self { state: state.to_owned(), known: Mutex::new(known) }
    }

    /// Holds what is stored to the fingerprint of what was set, kept elsewhere: a secret that was replaced or removed
    /// before this was opened is noticed, too.
    #[must_use]
    pub fn pinned(self, fingerprint: Option<String>) -> Self {
        self.lock().pin = fingerprint;
        self
    }

    /// Gives the fingerprint of the secret that is set, as this process knows it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.lock().hash.as_ref().map(Hash::fingerprint)
    }

    /// Checks whoever answers. Without a secret anybody may, as far as this goes: gives whether there is one. Blocks for
    /// as long as hashing takes.
    ///
    /// One that is set while this process runs holds from then on; one that is replaced or removed does not.
    ///
    /// # Errors
    ///
    /// If the secret is missing or wrong, too many were tried, or the stored one was replaced.
    pub fn check(&self, secret: Option<&Secret>, now: Timestamp) -> Result<bool, ApproverError> {
        let mut known = self.lock();
        let stored = stored(&self.state)?;
        if known.hash.is_none() {
            known.hash.clone_from(&stored);
        }
        let set = |pin: &String| stored.as_ref().map(Hash::fingerprint).as_ref() == Some(pin);
        if stored != known.hash || !known.pin.as_ref().is_none_or(set) {
            return Err(ApproverError::Replaced);
        }
        let Some(hash) = stored else { return Ok(false) };
        self.attempt(&mut known, &hash, secret, now).map(|()| true)
    }

    /// Sets the secret; `old` is the one that is set, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Approver::check`], or if the new one is too short or cannot be stored.
    pub fn set(&self, old: Option<&Secret>, new: &Secret, now: Timestamp) -> Result<(), ApproverError> {
        if new.length() < LEAST {
            return Err(ApproverError::TooShort { least: LEAST });
        }
        self.check(old, now)?;
        let hash = Hash::of(new)?;
        let mut known = self.lock();
        let text =
            serde_json::to_string_pretty(&hash).map_err(|error| ApproverError::Hash(error.to_string()))?;
        let path = self.state.join(HASH);
        replace(&path, &text).map_err(failed("write", &path))?;
        known.pin = known.pin.is_some().then(|| hash.fingerprint());
        known.hash = Some(hash);
        Ok(())
    }

    /// Removes the secret.
    ///
    /// # Errors
    ///
    /// As [`Approver::check`], or if the file cannot be removed.
    pub fn clear(&self, secret: Option<&Secret>, now: Timestamp) -> Result<bool, ApproverError> {
        let was = self.check(secret, now)?;
        if was {
            let path = self.state.join(HASH);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
            let mut known = self.lock();
            (known.hash, known.pin) = (None, None);
        }
        Ok(was)
    }

    fn attempt(
        &self,
        known: &mut Known,
        hash: &Hash,
        secret: Option<&Secret>,
        now: Timestamp,
    ) -> Result<(), ApproverError> {
        let path = self.state.join(ATTEMPTS);
        let mut attempts = Attempts::open(&path, &known.wrong, now)?;
        if let Some(seconds) = attempts.locked(now) {
            return Err(ApproverError::Locked { seconds });
        }
        let secret = secret.ok_or(ApproverError::Missing)?;
        attempts.count(now).map_err(failed("write", &path))?;
        if !hash.is_of(secret)? {
            known.wrong = attempts.times();
            return Err(ApproverError::Wrong { left: attempts.left(), minutes: MINUTES });
        }
        known.wrong.clear();
        attempts.forget().map_err(failed("write", &path))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stored(state: &Path) -> Result<Option<Hash>, ApproverError> {
    let path = state.join(HASH);
    match fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|_| ApproverError::Damaged { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(ApproverError::Damaged { path }),
        Err(error) => Err(failed("read", &path)(error)),
    }
}

/// Puts a file in place of another, whole or not at all.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let own = path.with_extension(format!("new.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&own)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    fs::rename(&own, path)
}
