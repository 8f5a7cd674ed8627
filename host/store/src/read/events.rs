//! Reading events, a page at a time.

use pointsman_model::{Event, EventKind, RunId, SessionId, Status, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::EventSlice;
use crate::at_rest::Column;
use crate::schema::{key, number_of};
use crate::{Store, StoreError};

/// What an event's JSON takes besides its kind, its backend and its data.
const ENVELOPE: usize = 200;

impl Store {
    /// Gives the events after a number: at least one if there is any, then as many as `limit` and `max_bytes` of JSON
    /// allow. The run's status and last number are those of the same moment.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn events(
        &self,
        run: RunId,
        after_seq: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<EventSlice, StoreError> {
        self.with_snapshot(|connection| {
            let known = Known::of(connection, run)?;
            let mut slice = EventSlice {
                events: Vec::new(),
                more: false,
                status: known.status,
                last_seq: known.last_seq,
            };
            if after_seq >= known.last_seq {
                return Ok(slice);
            }
            let mut events = connection.prepare_cached(
                "SELECT id, ts, kind, data FROM events WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3",
            )?;
            let last = key(known.row, known.last_seq);
            let mut rows = events.query(params![key(known.row, after_seq), last, limit.max(1)])?;
            let mut bytes = 0;
            while let Some(row) = rows.next()? {
                let seq = number_of(row.get(0)?);
                let kind = row.get_ref(2)?;
                let kind = kind.as_str().unwrap_or_default();
                let data = self.codec().text(Column::Event, format_args!("{run}/{seq}"), row.get_ref(3)?)?;
                bytes += ENVELOPE + known.backend.len() + kind.len() + data.len();
                if bytes > max_bytes && !slice.events.is_empty() {
                    break;
                }
                slice.events.push(Event {
                    seq,
                    ts: Timestamp::from_millis(row.get(1)?),
                    run_id: run,
                    session_id: known.session,
                    backend: known.backend.clone(),
                    kind: EventKind::try_from(kind.to_owned())
                        .map_err(|error| StoreError::Damaged { what: error.to_string() })?,
                    data: serde_json::from_str(&data).map_err(|error| StoreError::Damaged {
                        what: format!("event {seq} of run {run} cannot be read: {error}"),
                    })?,
                });
            }
            slice.more = slice.events.last().is_some_and(|last| last.seq < known.last_seq);
            Ok(slice)
        })
    }
}

/// What all events of a run share, and how far they go.
struct Known {
    row: i64,
    session: SessionId,
    backend: String,
    status: Status,
    last_seq: u64,
}

impl Known {
    fn of(connection: &Connection, run: RunId) -> Result<Self, StoreError> {
        let known = connection
            .prepare_cached(
                "SELECT runs.id, sessions.uuid, runs.backend, status, last_seq
                 FROM runs JOIN sessions ON session = sessions.id WHERE runs.uuid = ?1",
            )?
            .query_row([run.to_string()], |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, String>(1)?,
                    row.get(2)?,
                    row.get::<_, String>(3)?,
                    row.get(4)?,
                ))
            })
            .optional()?;
        let Some((row, session, backend, status, last_seq)) = known else {
            return Err(StoreError::UnknownRun { run });
        };
        let damaged = |what: String| StoreError::Damaged { what };
        Ok(Self {
            row,
            session: session.parse().map_err(|_| damaged(format!("a session's id is {session:?}")))?,
            backend,
            status: Status::from_word(&status)
                .ok_or_else(|| damaged(format!("a run's status is {status:?}")))?,
            last_seq,
        })
    }
}
