//! Opening what stood in events before secrets were taken out of them.

use pointsman_model::RunId;
use rusqlite::{OptionalExtension as _, params};
use serde_json::{Map, Value};

use super::{keys_of, row_of};
use crate::schema::{key, number_of};
use crate::seal::Subject;
use crate::{Store, StoreError};

/// What stood in an event before secrets were taken out of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Original {
    /// The event's data as it was.
    Kept(Map<String, Value>),
    /// It was too large to be kept.
    TooLarge {
        /// Its size as JSON.
        bytes: u64,
        /// The largest that is kept.
        most: u64,
    },
}

impl Store {
    /// Opens an event's original; `None` if none was kept. No other read gives anything of it.
    ///
    /// # Errors
    ///
    /// If there is no such run, the seal does not open, or the state cannot be read.
    pub fn original(&self, run: RunId, seq: u64) -> Result<Option<Original>, StoreError> {
        let stored = self.with_snapshot(|connection| {
            let event = key(row_of(connection, run)?, seq);
            let mut stored =
                connection.prepare_cached("SELECT bytes, sealed FROM originals WHERE event = ?1")?;
            let stored = stored.query_row(params![event], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(stored.optional()?)
        })?;
        let Some((bytes, sealed)) = stored else { return Ok(None) };
        let sealed: Option<Vec<u8>> = sealed;
        let Some(sealed) = sealed else {
            let most = crate::write::LARGEST_ORIGINAL as u64;
            return Ok(Some(Original::TooLarge { bytes, most }));
        };
        let subject = Subject::Original(run, seq);
        let plain = self.seal().open(self.folder(), subject, &sealed)?;
        let data = serde_json::from_slice(&plain)
            .map_err(|_| StoreError::Damaged { what: format!("{subject} is no JSON") })?;
        Ok(Some(Original::Kept(data)))
    }

    /// Gives the numbers of a run's events that have an original, those that were too large included.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn originals(&self, run: RunId) -> Result<Vec<u64>, StoreError> {
        self.with_snapshot(|connection| {
            let (first, last) = keys_of(connection, run)?;
            let mut originals = connection
                .prepare_cached("SELECT event FROM originals WHERE event BETWEEN ?1 AND ?2 ORDER BY event")?;
            let originals = originals.query_map([first, last], |row| Ok(number_of(row.get(0)?)))?;
            originals.map(|seq| Ok(seq?)).collect()
        })
    }
}
