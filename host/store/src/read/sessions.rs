//! Reading sessions, the agents that live in them, and their mail.

use pointsman_model::{AgentRecord, AgentStatus, Mail, SessionId, SessionRecord, Status, Timestamp};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{AgentFilter, from_json, normalised};
use crate::at_rest::{Codec, Column};
use crate::schema::key;
use crate::{Store, StoreError};

const SESSION: &str =
    "SELECT id, uuid, name, cwd, backend, remembered, remote_ref, created, updated FROM sessions";

impl Store {
    /// Gives a session; `None` if nobody knows it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn session(&self, session: SessionId) -> Result<Option<SessionRecord>, StoreError> {
        self.with_reader(|connection| {
            Ok(session_by_id(connection, self.codec(), session)?.map(|(_, session)| session))
        })
    }

    /// Gives the sessions of a name: one in a working directory, perhaps several in all. At most 20.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn sessions_named(
        &self,
        agent_name: &str,
        cwd: Option<&str>,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        self.with_reader(|connection| {
            let question =
                format!("{SESSION} WHERE name = ?1 AND (?2 IS NULL OR cwd = ?2) ORDER BY cwd LIMIT 20");
            let mut sessions = connection.prepare_cached(&question)?;
            let mut rows = sessions.query(params![agent_name, cwd.map(normalised)])?;
            let mut named = Vec::new();
            while let Some(row) = rows.next()? {
                named.push(read_session(self.codec(), row)?.1);
            }
            Ok(named)
        })
    }

    /// Lists agents, the one to which something happened last first; at most `limit`.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn agents(&self, filter: &AgentFilter, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
        self.with_reader(|connection| {
            let mut agents = connection.prepare_cached(
                "SELECT s.uuid, s.name, s.cwd, r.uuid, r.role, r.status,
                     max(s.updated, coalesce(r.updated, 0)) AS latest
                 FROM sessions AS s LEFT JOIN runs AS r ON r.id =
                     (SELECT id FROM runs WHERE session = s.id ORDER BY started DESC, id DESC LIMIT 1)
                 WHERE (?1 IS NULL OR s.cwd = ?1) AND (?2 IS NULL OR s.backend = ?2)
                     AND (?3 IS NULL OR coalesce(r.status, 'idle') = ?3)
                 ORDER BY latest DESC, s.id DESC LIMIT ?4",
            )?;
            let status = filter.status.map(word_of);
            let mut rows = agents.query(params![
                filter.cwd.as_deref().map(normalised),
                filter.backend,
                status,
                limit
            ])?;
            let mut listed = Vec::new();
            while let Some(row) = rows.next()? {
                let run: Option<String> = row.get(3)?;
                let role: Option<String> = row.get(4)?;
                let status: Option<String> = row.get(5)?;
                let status = status.as_deref().and_then(Status::from_word);
                listed.push(AgentRecord {
                    agent_name: row.get(1)?,
                    role: role.map(|role| from_json("a role", &format!("\"{role}\""))).transpose()?,
                    session_id: parse_id(row.get(0)?)?,
                    status: status.map_or(AgentStatus::Idle, AgentStatus::from),
                    cwd: row.get(2)?,
                    last_run_id: run.map(parse_id).transpose()?,
                    updated_at: Timestamp::from_millis(row.get(6)?),
                });
            }
            Ok(listed)
        })
    }

    /// Gives the messages of an inbox after a number, in order; at most `limit`. Reading takes nothing away.
    ///
    /// # Errors
    ///
    /// If there is no such session, or the state cannot be read.
    pub fn fetch_mail(
        &self,
        session: SessionId,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Mail>, StoreError> {
        self.with_snapshot(|connection| {
            let (row, _) = session_by_id(connection, self.codec(), session)?
                .ok_or(StoreError::UnknownSession { session })?;
            let mut mail = connection.prepare_cached(
                "SELECT uuid, mail FROM mail WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3",
            )?;
            let mut rows = mail.query(params![key(row, after_seq), key(row + 1, 0), limit])?;
            let mut fetched = Vec::new();
            while let Some(row) = rows.next()? {
                fetched.push(self.codec().json(Column::Mail, super::id_in(row, 0)?, row.get_ref(1)?)?);
            }
            Ok(fetched)
        })
    }
}

/// Gives the word that the database knows an agent's status by.
fn word_of(status: AgentStatus) -> String {
    serde_json::to_value(status).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn parse_id<T: std::str::FromStr>(text: String) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: format!("an id is {text:?}") })
}

/// Reads a session and its row.
pub(crate) fn session_by_id(
    connection: &Connection,
    codec: &Codec,
    session: SessionId,
) -> Result<Option<(i64, SessionRecord)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{SESSION} WHERE uuid = ?1"))?;
    statement.query_row([session.to_string()], |row| Ok(read_session(codec, row))).optional()?.transpose()
}

fn read_session(codec: &Codec, row: &Row<'_>) -> Result<(i64, SessionRecord), StoreError> {
    let id = super::id_in(row, 1)?;
    let stored = |column| row.get_ref(column).map(|stored| (stored != ValueRef::Null).then_some(stored));
    let session = SessionRecord {
        session_id: parse_id(row.get(1)?)?,
        agent_name: row.get(2)?,
        cwd: row.get(3)?,
        backend: row.get(4)?,
        remembered: stored(5)?.map(|it| codec.json(Column::Remembered, id, it)).transpose()?,
        remote_ref: stored(6)?.map(|it| codec.json(Column::RemoteRef, id, it)).transpose()?,
        created_at: Timestamp::from_millis(row.get(7)?),
        updated_at: Timestamp::from_millis(row.get(8)?),
    };
    Ok((row.get(0)?, session))
}
