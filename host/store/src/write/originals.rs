//! What stood in events before secrets were taken out of them: sealed, in a table that nothing else reads.

use pointsman_model::RunId;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use super::create::json_text;
use crate::schema::key;
use crate::seal::Subject;
use crate::{Store, StoreError};

/// Bytes of an original, as JSON, at most: of a larger one only its size is kept.
pub(crate) const LARGEST: usize = 1 << 20;

/// An original as it is stored.
pub(crate) struct OriginalRow {
    seq: u64,
    /// Its size as JSON.
    bytes: u64,
    /// Nonce and ciphertext, bound to run and event; nothing of one that is too large.
    sealed: Option<Vec<u8>>,
}

impl OriginalRow {
    /// Gives what it takes in the database.
    pub(crate) fn stored_bytes(&self) -> usize {
        self.sealed.as_ref().map_or(0, Vec::len)
    }
}

impl Store {
    /// Seals an event's original.
    pub(crate) fn seal_original(
        &self,
        run: RunId,
        seq: u64,
        original: &Map<String, Value>,
    ) -> Result<OriginalRow, StoreError> {
        let plain = json_text(original);
        let bytes = plain.len() as u64;
        let small = plain.len() <= LARGEST;
        let seal = || self.seal().close(self.folder(), Subject::Original(run, seq), plain.as_bytes());
        Ok(OriginalRow { seq, bytes, sealed: small.then(seal).transpose()? })
    }
}

pub(crate) fn insert_originals(
    connection: &Connection,
    row: i64,
    originals: &[OriginalRow],
) -> Result<(), StoreError> {
    for OriginalRow { seq, bytes, sealed } in originals {
        connection
            .prepare_cached("INSERT INTO originals (event, bytes, sealed) VALUES (?1, ?2, ?3)")?
            .execute(params![key(row, *seq), bytes, sealed])?;
    }
    Ok(())
}
