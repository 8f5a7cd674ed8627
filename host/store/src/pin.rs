//! Fingerprints of files beside the database, so that it is noticed when one of them is replaced.

use rusqlite::{OptionalExtension as _, params};

use crate::{Durability, Store, StoreError};

impl Store {
    /// Gives the fingerprint that was kept under a name; `None` if none was.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn pin(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.with_reader(|connection| {
            let pin = connection
                .prepare_cached("SELECT value FROM pins WHERE name = ?1")?
                .query_row([name], |row| row.get(0));
            Ok(pin.optional()?)
        })
    }

    /// Keeps a fingerprint under a name, or forgets it. Blocks.
    ///
    /// # Errors
    ///
    /// If the state cannot be written.
    pub fn set_pin(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.map(str::to_owned));
        self.write_blocking(Durability::Flushed, 0, move |connection| {
            match value {
                Some(value) => connection
                    .prepare_cached(
                        "INSERT INTO pins (name, value) VALUES (?1, ?2)
                         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    )?
                    .execute(params![name, value])?,
                None => connection.prepare_cached("DELETE FROM pins WHERE name = ?1")?.execute([name])?,
            };
            Ok(())
        })
    }
}
