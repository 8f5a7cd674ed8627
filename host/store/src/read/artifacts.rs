//! Reading spilled values, a page at a time, on character boundaries.

use pointsman_model::calls::ArtifactPage;
use pointsman_model::{RunId, SpilledValue};
use rusqlite::{Connection, params};

use super::{ArtifactHandle, row_of};
use crate::at_rest::{Codec, Column};
use crate::schema::key;
use crate::{Store, StoreError};

impl Store {
    /// Lists the values that were moved out of an event, by pointer.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn artifacts(&self, run: RunId, seq: u64) -> Result<Vec<ArtifactHandle>, StoreError> {
        self.with_snapshot(|connection| {
            let stored = stored(connection, row_of(connection, run)?, seq)?;
            Ok(stored.into_iter().map(|(handle, _)| handle).collect())
        })
    }

    /// Gives a page of a value that was moved out of an event.
    ///
    /// The page begins at `offset`, or at the character that it falls into, and has at most `limit` bytes; but it has
    /// at least one character unless the value is at its end. Pages put together are the value. An offset beyond the
    /// end gives an empty page.
    ///
    /// # Errors
    ///
    /// If there is no such run or value, or the state cannot be read.
    pub fn artifact(
        &self,
        run: RunId,
        seq: u64,
        pointer: &str,
        offset: u64,
        limit: u32,
    ) -> Result<ArtifactPage, StoreError> {
        self.with_snapshot(|connection| {
            let mut stored = stored(connection, row_of(connection, run)?, seq)?;
            if stored.is_empty() {
                return Err(StoreError::NoArtifacts { seq });
            }
            let Some(found) = stored.iter().position(|(handle, _)| handle.pointer == pointer) else {
                let available = stored.into_iter().map(|(handle, _)| handle.pointer).collect();
                return Err(StoreError::NoArtifact { pointer: pointer.to_owned(), available });
            };
            let (handle, content) = stored.swap_remove(found);
            let (begin, text) = read_piecewise(
                connection,
                self.codec(),
                content,
                handle.total_bytes,
                offset,
                limit as usize,
            )?;
            let returned = text.len() as u64;
            Ok(ArtifactPage {
                run_id: run,
                seq,
                field_path: handle.pointer,
                mime: handle.mime,
                encoding: "utf-8".to_owned(),
                relpath: handle.relpath,
                total_bytes: handle.total_bytes,
                offset: begin,
                returned_bytes: returned,
                has_more: begin + returned < handle.total_bytes,
                content: text,
            })
        })
    }
}

fn stored(connection: &Connection, row: i64, seq: u64) -> Result<Vec<(ArtifactHandle, i64)>, StoreError> {
    let mut stored = connection.prepare_cached(
        "SELECT pointer, mime, bytes, relpath, content FROM artifacts JOIN contents ON content = id
         WHERE event = ?1 ORDER BY pointer",
    )?;
    let stored = stored.query_map([key(row, seq)], |row| {
        let handle = ArtifactHandle {
            pointer: row.get(0)?,
            mime: row.get(1)?,
            total_bytes: row.get(2)?,
            relpath: row.get(3)?,
        };
        Ok((handle, row.get(4)?))
    })?;
    stored.map(|stored| Ok(stored?)).collect()
}

/// Reads from `offset`; gives where that really began.
fn read_piecewise(
    connection: &Connection,
    codec: &Codec,
    content: i64,
    total: u64,
    offset: u64,
    limit: usize,
) -> Result<(u64, String), StoreError> {
    if offset >= total {
        return Ok((offset, String::new()));
    }
    // Pieces end at or a little before every multiple of their size, so this one begins at or before the offset.
    let first = i64::try_from(offset / SpilledValue::CHUNK as u64).unwrap_or(i64::MAX >> 24);
    let mut pieces = connection
        .prepare_cached("SELECT start, text, id FROM pieces WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = pieces.query(params![(content << 24) | first, (content + 1) << 24])?;
    let (mut begin, mut text) = (None, String::new());
    while let Some(row) = rows.next()? {
        let start: u64 = row.get(0)?;
        let piece = codec.text(Column::Piece, row.get::<_, i64>(2)?, row.get_ref(1)?)?;
        let inside = usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        if inside >= piece.len() {
            continue;
        }
        let inside = piece.floor_char_boundary(inside);
        begin.get_or_insert(start + inside as u64);
        text.push_str(&piece[inside..]);
        if text.len() >= limit.max(char::MAX.len_utf8()) {
            break;
        }
    }
    let Some(begin) = begin else {
        return Err(StoreError::Damaged { what: format!("content {content} ends before its {total} bytes") });
    };
    let mut end = text.floor_char_boundary(limit);
    if end == 0 {
        end = text.ceil_char_boundary(1);
    }
    text.truncate(end);
    Ok((begin, text))
}
