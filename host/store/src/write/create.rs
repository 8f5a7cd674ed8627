//! Creating runs: key, session, name, run and first entries in one transaction.

use pointsman_model::{
    Digest, Limits, RunId, RunRecord, RunSpec, SessionId, SessionRecord, Timestamp, digest_of,
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};

use super::append::{EventRow, check_new, insert_entries, insert_events, put_approvals};
use super::{Creation, Durability, NewRun, SessionChoice};
use crate::at_rest::{Codec, Column, Stored};
use crate::read::{normalised, run_by_row, session_by_id, tree_of};
use crate::seal::Subject;
use crate::{Store, StoreError, TreeRun};

impl Store {
    /// Creates a run, and its session if it is to have a new one. The run is on disk when this returns.
    ///
    /// # Errors
    ///
    /// If the session is unknown or does not fit, the nickname is taken, the idempotency key stands for something
    /// else, the events break a rule of [`Commit`](super::Commit), or the state cannot be written.
    pub async fn create_run(&self, new: NewRun) -> Result<Creation, StoreError> {
        let ready = Ready::new(self, new)?;
        self.write(Durability::Flushed, ready.bytes, move |connection| match ready.known(connection)? {
            Some(first) => Ok(Creation::Existing(first)),
            None => ready.create(connection),
        })
        .await
    }

    /// As [`Store::create_run`], for a run that is to stand in the tree below `top`: `grant` looks at that tree as it is in
    /// the very transaction that stores the run, and says what budget the run has, or why there is to be no run. Whatever
    /// other processes store of the tree comes before that look or after the run.
    ///
    /// A known idempotency key is granted nothing anew.
    ///
    /// # Errors
    ///
    /// Those of [`Store::create_run`]; within, what `grant` said against it.
    pub async fn create_run_below<R: Send + 'static>(
        &self,
        new: NewRun,
        top: RunId,
        grant: impl FnOnce(Vec<TreeRun>) -> Result<Limits, R> + Send + 'static,
    ) -> Result<Result<Creation, R>, StoreError> {
        let mut ready = Ready::new(self, new)?;
        self.write(Durability::Flushed, ready.bytes, move |connection| {
            if let Some(first) = ready.known(connection)? {
                return Ok(Ok(Creation::Existing(first)));
            }
            match grant(tree_of(connection, &ready.codec, top)?) {
                Ok(budget) => {
                    ready.new.spec.budget = budget;
                    ready.spec = ready.codec.put_spec(ready.new.record.run_id, &ready.new.spec)?;
                    Ok(Ok(ready.create(connection)?))
                }
                Err(refused) => Ok(Err(refused)),
            }
        })
        .await
    }
}

/// A run in the form in which it is stored, made before it is queued.
struct Ready {
    codec: Codec,
    new: NewRun,
    spec: String,
    sealed: Vec<u8>,
    request: Digest,
    bytes: usize,
}

impl Ready {
    fn new(store: &Store, new: NewRun) -> Result<Self, StoreError> {
        check_new(&new.record, &new.events)?;
        let sealed = store.seal_settings(new.record.run_id, &new.backend_config)?;
        let codec = store.codec().clone();
        let spec = codec.put_spec(new.record.run_id, &new.spec)?;
        let (request, bytes) = (request_digest(&new), spec.len() + sealed.len() + 4096);
        Ok(Self { codec, new, spec, sealed, request, bytes })
    }

    /// Gives the first run that was asked for with the same key.
    fn known(&self, connection: &Connection) -> Result<Option<RunRecord>, StoreError> {
        let Some(key) = key_of(&self.new.spec) else { return Ok(None) };
        known_key(connection, &self.codec, normalised(&self.new.spec.cwd), &key, self.request)
    }

    fn create(self, connection: &Connection) -> Result<Creation, StoreError> {
        create(connection, &self.codec, self.new, &self.spec, &self.sealed, self.request)
    }
}

impl Store {
    /// Seals the backend's settings for a run.
    pub(crate) fn seal_settings(&self, run: RunId, settings: &Value) -> Result<Vec<u8>, StoreError> {
        self.seal().close(self.folder(), Subject::Settings(run), settings.to_string().as_bytes())
    }
}

/// Writes JSON that cannot fail to be JSON: the model's own words.
pub(crate) fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Digests what makes two requests the same. The backend's settings are left out, because a digest of a secret is a
/// way to guess it; the profile's text and the plugin's digest, because they may change between two tries.
fn request_digest(new: &NewRun) -> Digest {
    let spec = &new.spec;
    let session = match &new.session {
        SessionChoice::New { nickname, .. } => json!({ "nickname": nickname }),
        SessionChoice::Resume { session_id, .. } => json!({ "session_id": session_id }),
    };
    let request = json!({
        "backend": spec.backend,
        "role": spec.role,
        "session": session,
        "message": spec.message,
        "profile": spec.profile.as_ref().map(|(path, _)| path),
        "output_schema": spec.output_schema,
        "metadata": spec.metadata,
        "access": spec.access,
        "resumed_from": spec.resumed_from,
    });
    digest_of(&request).unwrap_or_else(|_| Digest::of(request.to_string().as_bytes()))
}

fn create(
    connection: &Connection,
    codec: &Codec,
    new: NewRun,
    spec: &str,
    sealed: &[u8],
    request: Digest,
) -> Result<Creation, StoreError> {
    let NewRun { host, session, spec: asked, mut record, entries, mut events, approvals, .. } = new;
    let cwd = normalised(&asked.cwd);
    let (session_row, session_id, agent_name) = match session {
        SessionChoice::New { session_id, nickname } => {
            open_session(connection, codec, session_id, nickname, cwd, &asked.backend, record.started_at)?
        }
        SessionChoice::Resume { session_id, nickname } => {
            resume_session(connection, codec, session_id, nickname, cwd, &asked.backend)?
        }
    };
    record.session_id = session_id;
    record.agent_name = agent_name;
    for event in &mut events {
        event.session_id = session_id;
    }
    let row = insert_run(connection, codec, &record, host, session_row, cwd, entries.len() as u64)?;
    insert_spec(connection, row, spec, sealed)?;
    if let Some(parent) = asked.chain.last().and_then(|last| last.run_id.as_deref()) {
        connection
            .prepare_cached("INSERT INTO kin (run, parent) VALUES (?1, ?2)")?
            .execute(params![row, parent])?;
    }
    if let Some(key) = &key_of(&asked) {
        connection
            .prepare_cached("INSERT INTO idempotency (cwd, key, run, request) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![cwd, key, row, put_request(codec, cwd, key, request)?])?;
    }
    insert_entries(connection, codec, row, 0, &entries)?;
    insert_events(connection, row, &EventRow::all(codec, record.run_id, &events)?)?;
    put_approvals(connection, codec, row, &approvals)?;
    Ok(Creation::Created(record))
}

/// Gives the key under which a request is known. Each run's agent has keys of its own: it neither gets a run that somebody
/// else asked for, nor has one ready for whoever asks for the same.
fn key_of(spec: &RunSpec) -> Option<String> {
    let key = spec.idempotency_key.as_ref()?;
    Some(match spec.chain.last().and_then(|last| last.run_id.as_deref()) {
        Some(run) => format!("{run} {key}"),
        None => key.clone(),
    })
}

/// Makes what is stored of the digest of a request. Sealed, although it is a digest: whoever guesses what was asked
/// could try it out.
fn put_request(codec: &Codec, cwd: &str, key: &str, request: Digest) -> Result<Stored<'static>, StoreError> {
    codec.put(Column::Request, request_row(cwd, key), request.to_string())
}

/// Names a row of `idempotency` in what its digest is bound to.
pub(crate) fn request_row(cwd: &str, key: &str) -> String {
    // The length keeps two pairs from being the same text.
    format!("{}:{cwd}{key}", cwd.len())
}

fn known_key(
    connection: &Connection,
    codec: &Codec,
    cwd: &str,
    key: &str,
    request: Digest,
) -> Result<Option<RunRecord>, StoreError> {
    let mut known =
        connection.prepare_cached("SELECT run, request FROM idempotency WHERE cwd = ?1 AND key = ?2")?;
    let mut known = known.query([cwd, key])?;
    let Some(known) = known.next()? else { return Ok(None) };
    let first = run_by_row(connection, codec, known.get(0)?)?;
    let first_request = codec.text(Column::Request, request_row(cwd, key), known.get_ref(1)?)?;
    if first_request != request.to_string() {
        return Err(StoreError::KeyReused { key: key.to_owned(), run: first.run_id });
    }
    Ok(Some(first))
}

type OpenedSession = (i64, SessionId, String);

fn open_session(
    connection: &Connection,
    codec: &Codec,
    session_id: SessionId,
    nickname: Option<String>,
    cwd: &str,
    backend: &str,
    at: Timestamp,
) -> Result<OpenedSession, StoreError> {
    let name = match nickname {
        Some(name) if name_is_taken(connection, cwd, &name)? => return Err(StoreError::NameTaken { name }),
        Some(name) => name,
        None => free_name(connection, cwd)?,
    };
    let session = SessionRecord {
        session_id,
        agent_name: name,
        cwd: cwd.to_owned(),
        backend: backend.to_owned(),
        remembered: None,
        remote_ref: None,
        created_at: at,
        updated_at: at,
    };
    let row = insert_session(connection, codec, &session)?;
    Ok((row, session_id, session.agent_name))
}

/// Stores a session as it is.
pub(crate) fn insert_session(
    connection: &Connection,
    codec: &Codec,
    session: &SessionRecord,
) -> Result<i64, StoreError> {
    let id = session.session_id;
    let remembered = session.remembered.as_ref();
    let remembered = remembered.map(|it| codec.put_json(Column::Remembered, id, it)).transpose()?;
    let remote_ref = session.remote_ref.as_ref();
    let remote_ref = remote_ref.map(|it| codec.put_json(Column::RemoteRef, id, it)).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO sessions (uuid, name, cwd, backend, remembered, remote_ref, created, updated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            session.session_id.to_string(),
            session.agent_name,
            normalised(&session.cwd),
            session.backend,
            remembered,
            remote_ref,
            session.created_at.as_millis(),
            session.updated_at.as_millis(),
        ])
        .map_err(|error| exists_or(error, "session", &session.session_id))?;
    Ok(connection.last_insert_rowid())
}

pub(crate) fn name_is_taken(connection: &Connection, cwd: &str, name: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM sessions WHERE name = ?1 AND cwd = ?2")?
        .exists([name, cwd])?)
}

/// Gives the lowest `agentN` that the directory never saw.
pub(crate) fn free_name(connection: &Connection, cwd: &str) -> Result<String, StoreError> {
    let lowest: Option<u64> = connection
        .prepare_cached("SELECT next FROM names WHERE cwd = ?1")?
        .query_row([cwd], |row| row.get(0))
        .optional()?;
    let mut number = lowest.unwrap_or(1);
    let name = loop {
        let name = format!("agent{number}");
        number += 1;
        // Somebody may have chosen it as a nickname.
        if !name_is_taken(connection, cwd, &name)? {
            break name;
        }
    };
    connection
        .prepare_cached(
            "INSERT INTO names (cwd, next) VALUES (?1, ?2) ON CONFLICT (cwd) DO UPDATE SET next = excluded.next",
        )?
        .execute(params![cwd, number])?;
    Ok(name)
}

fn resume_session(
    connection: &Connection,
    codec: &Codec,
    session_id: SessionId,
    nickname: Option<String>,
    cwd: &str,
    backend: &str,
) -> Result<OpenedSession, StoreError> {
    let Some((row, session)) = session_by_id(connection, codec, session_id)? else {
        return Err(StoreError::UnknownSession { session: session_id });
    };
    if session.backend != backend {
        return Err(StoreError::OtherBackend {
            session: session_id,
            bound: session.backend,
            asked: backend.to_owned(),
        });
    }
    if session.cwd != cwd {
        return Err(StoreError::OtherCwd { session: session_id, bound: session.cwd, asked: cwd.to_owned() });
    }
    match nickname {
        Some(asked) if asked != session.agent_name => {
            Err(StoreError::OtherName { session: session_id, name: session.agent_name, asked })
        }
        _ => Ok((row, session_id, session.agent_name)),
    }
}

/// Stores what is known of a new run.
pub(crate) fn insert_run(
    connection: &Connection,
    codec: &Codec,
    record: &RunRecord,
    host: pointsman_model::HostId,
    session: i64,
    cwd: &str,
    last_entry: u64,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO runs (uuid, host, session, status, ended, backend, role, cwd, started, updated, last_seq,
                 last_entry, change, record)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
                 (SELECT coalesce(max(change), 0) + 1 FROM runs), ?13)",
        )?
        .execute(params![
            record.run_id.to_string(),
            host.to_string(),
            session,
            record.status.as_str(),
            record.status.is_terminal(),
            record.backend,
            record.role.as_str(),
            cwd,
            record.started_at.as_millis(),
            record.updated_at.as_millis(),
            record.last_seq,
            last_entry,
            codec.put_json(Column::Run, record.run_id, record)?,
        ])
        .map_err(|error| exists_or(error, "run", &record.run_id))?;
    Ok(connection.last_insert_rowid())
}

/// Stores what was asked of a run.
pub(crate) fn insert_spec(
    connection: &Connection,
    row: i64,
    spec: &str,
    sealed: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO specs (run, spec, sealed) VALUES (?1, ?2, ?3)")?
        .execute(params![row, spec, sealed])?;
    Ok(())
}

/// Says that an id exists already, if that is what the database says.
pub(crate) fn exists_or(
    error: rusqlite::Error,
    what: &'static str,
    id: &dyn std::fmt::Display,
) -> StoreError {
    match error.sqlite_error() {
        Some(cause) if cause.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => {
            StoreError::Exists { what, id: id.to_string() }
        }
        _ => error.into(),
    }
}
