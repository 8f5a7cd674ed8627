//! Reading runs: by id, by name, in pages, by change.

use pointsman_model::{HostId, RunId, RunRecord, RunSpec, SessionId};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, ToSql, params};
use serde_json::Value;

use super::{Resolution, RunFilter, RunPage, normalised, read_run};
use crate::at_rest::{Codec, Column};
use crate::seal::Subject;
use crate::{Store, StoreError};

impl Store {
    /// Gives what is known of a run; `None` if nobody knows it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn run(&self, run: RunId) -> Result<Option<RunRecord>, StoreError> {
        self.with_reader(|connection| {
            let mut runs = connection.prepare_cached("SELECT uuid, record FROM runs WHERE uuid = ?1")?;
            let mut runs = runs.query([run.to_string()])?;
            runs.next()?.map(|row| read_run(self.codec(), row, 0)).transpose()
        })
    }

    /// Gives what was asked of a run.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn run_spec(&self, run: RunId) -> Result<RunSpec, StoreError> {
        let spec: String =
            self.of_run(run, "SELECT spec FROM specs JOIN runs ON run = id WHERE uuid = ?1")?;
        self.codec().spec(run, &spec)
    }

    /// Gives the backend's own settings for a run, unsealed.
    ///
    /// # Errors
    ///
    /// If there is no such run, its seal does not open, or the state cannot be read.
    pub fn sealed_config(&self, run: RunId) -> Result<Value, StoreError> {
        let sealed: Vec<u8> =
            self.of_run(run, "SELECT sealed FROM specs JOIN runs ON run = id WHERE uuid = ?1")?;
        let subject = Subject::Settings(run);
        let plain = self.seal().open(self.folder(), subject, &sealed)?;
        serde_json::from_slice(&plain)
            .map_err(|_| StoreError::Damaged { what: format!("{subject} are no JSON") })
    }

    /// Gives a run's journal entries in order.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn entries(&self, run: RunId) -> Result<Vec<String>, StoreError> {
        self.with_snapshot(|connection| {
            let (first, last) = super::keys_of(connection, run)?;
            let mut entries = connection
                .prepare_cached("SELECT id, entry FROM entries WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
            let mut rows = entries.query([first, last])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let entry = self.codec().text(Column::Entry, row.get::<_, i64>(0)?, row.get_ref(1)?)?;
                entries.push(entry.into_owned());
            }
            Ok(entries)
        })
    }

    /// Gives the working directories in which there were runs.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn directories(&self) -> Result<Vec<String>, StoreError> {
        self.with_reader(|connection| {
            let mut cwds = connection.prepare_cached("SELECT DISTINCT cwd FROM runs ORDER BY cwd")?;
            let cwds = cwds.query_map([], |row| row.get(0))?;
            cwds.map(|cwd| Ok(cwd?)).collect()
        })
    }

    /// Gives the host that owns a run.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn owner(&self, run: RunId) -> Result<HostId, StoreError> {
        let host: String = self.of_run(run, "SELECT host FROM runs WHERE uuid = ?1")?;
        host.parse().map_err(|_| StoreError::Damaged { what: format!("a run's host is {host:?}") })
    }

    /// Says which run an agent's name means: its newest one that works or waits for somebody, else its newest queued
    /// one, else its newest.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn resolve(&self, agent_name: &str, cwd: Option<&str>) -> Result<Resolution, StoreError> {
        self.with_snapshot(|connection| {
            let mut sessions = connection.prepare_cached(
                "SELECT id, cwd FROM sessions WHERE name = ?1 AND (?2 IS NULL OR cwd = ?2) ORDER BY cwd LIMIT 20",
            )?;
            let sessions = sessions
                .query_map(params![agent_name, cwd.map(normalised)], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<(i64, String)>, _>>()?;
            let session = match &sessions[..] {
                [] => return Ok(Resolution::None),
                [(session, _)] => *session,
                _ => {
                    let cwds = sessions.into_iter().map(|(_, cwd)| cwd).collect();
                    return Ok(Resolution::Ambiguous { cwds });
                }
            };
            // A session has few runs that are not over, so these are looked at first.
            for newest in [
                "SELECT uuid, record FROM runs WHERE session = ?1 AND ended = 0
                 ORDER BY status = 'queued', updated DESC, id DESC LIMIT 1",
                "SELECT uuid, record FROM runs WHERE session = ?1 ORDER BY started DESC, id DESC LIMIT 1",
            ] {
                let mut newest = connection.prepare_cached(newest)?;
                let mut newest = newest.query([session])?;
                if let Some(row) = newest.next()? {
                    return Ok(Resolution::One(Box::new(read_run(self.codec(), row, 0)?)));
                }
            }
            Ok(Resolution::NoRuns)
        })
    }

    /// Lists runs, newest first, a page at a time. `cursor` is the page before's `next_cursor`.
    ///
    /// Runs that begin while somebody pages do not move the pages.
    ///
    /// # Errors
    ///
    /// If the cursor is none of this store's, or the state cannot be read.
    pub fn list_runs(
        &self,
        filter: &RunFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RunPage, StoreError> {
        let after = cursor.map(Position::parse).transpose()?;
        self.with_snapshot(|connection| {
            // Only the conditions that are there, so that each combination finds its index.
            let status = filter.status.map(|status| status.as_str());
            let cwd = filter.cwd.as_deref().map(normalised);
            let mut conditions = vec!["TRUE"];
            let mut values: Vec<(&str, &dyn ToSql)> = Vec::new();
            if let Some(status) = &status {
                conditions.push("status = :status");
                values.push((":status", status));
            }
            if let Some(backend) = &filter.backend {
                conditions.push("backend = :backend");
                values.push((":backend", backend));
            }
            if let Some(cwd) = &cwd {
                conditions.push("cwd = :cwd");
                values.push((":cwd", cwd));
            }
            let owner = filter.whose.name();
            if let (Some(condition), Some(owner)) = (filter.whose.condition(), &owner) {
                conditions.push(condition);
                values.push((":owner", owner));
            }
            let matching = conditions.join(" AND ");
            let total = connection
                .prepare_cached(&format!("SELECT count(*) FROM runs WHERE {matching}"))?
                .query_row(&values[..], |row| row.get(0))?;
            if let Some(after) = &after {
                conditions.push("(started, id) < (:started, :id)");
                values.push((":started", &after.started));
                values.push((":id", &after.row));
            }
            // One more than asked for says whether there is more.
            let rows = u64::from(limit) + 1;
            values.push((":rows", &rows));
            let matching = conditions.join(" AND ");
            let mut page = connection.prepare_cached(&format!(
                "SELECT started, id, uuid, record FROM runs WHERE {matching} ORDER BY started DESC, id DESC LIMIT :rows"
            ))?;
            let mut rows = page.query(&values[..])?;
            let (mut runs, mut last, mut next_cursor) = (Vec::new(), None::<Position>, None);
            while let Some(row) = rows.next()? {
                if runs.len() as u64 == u64::from(limit) {
                    next_cursor = last.map(|last| last.to_string());
                    break;
                }
                last = Some(Position { started: row.get(0)?, row: row.get(1)? });
                runs.push(read_run(self.codec(), row, 2)?);
            }
            Ok(RunPage { runs, total, next_cursor })
        })
    }

    /// Gives the runs of a host that are not over, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn unfinished_runs_of(&self, host: HostId) -> Result<Vec<RunRecord>, StoreError> {
        self.records(
            "SELECT uuid, record FROM runs WHERE ended = 0 AND host = ?1 ORDER BY id",
            [host.to_string()],
        )
    }

    /// Gives the runs of all hosts that are not over, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn unfinished_runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.records("SELECT uuid, record FROM runs WHERE ended = 0 ORDER BY id", [])
    }

    /// Gives the runs of a session that are not over, oldest first: what a further run of it has to queue behind.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn unfinished_runs_in(&self, session: SessionId) -> Result<Vec<RunRecord>, StoreError> {
        self.records(
            "SELECT uuid, record FROM runs
             WHERE session = (SELECT id FROM sessions WHERE uuid = ?1) AND ended = 0 ORDER BY id",
            [session.to_string()],
        )
    }

    /// Gives the number of the newest change of any run by any process; 0 if there are no runs.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn latest_change(&self) -> Result<u64, StoreError> {
        self.with_reader(|connection| {
            Ok(connection
                .prepare_cached("SELECT coalesce(max(change), 0) FROM runs")?
                .query_row([], |row| row.get(0))?)
        })
    }

    /// Gives runs that changed after `cursor`, each once with the number of its newest change, oldest change first.
    /// Of all runs, or of some; ids that nobody knows are passed over.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn changed_since(
        &self,
        cursor: u64,
        runs: Option<&[RunId]>,
        limit: u32,
    ) -> Result<Vec<(u64, RunRecord)>, StoreError> {
        self.with_snapshot(|connection| {
            let read = |row: &Row<'_>| -> Result<(u64, RunRecord), StoreError> {
                Ok((row.get(0)?, read_run(self.codec(), row, 1)?))
            };
            let Some(runs) = runs else {
                let mut all = connection.prepare_cached(
                    "SELECT change, uuid, record FROM runs WHERE change > ?1 ORDER BY change LIMIT ?2",
                )?;
                let mut rows = all.query(params![cursor, limit])?;
                let mut all = Vec::new();
                while let Some(row) = rows.next()? {
                    all.push(read(row)?);
                }
                return Ok(all);
            };
            let mut one = connection
                .prepare_cached("SELECT change, uuid, record FROM runs WHERE uuid = ?1 AND change > ?2")?;
            let mut some = Vec::new();
            for run in runs {
                let mut rows = one.query(params![run.to_string(), cursor])?;
                some.extend(rows.next()?.map(read).transpose()?);
            }
            some.sort_unstable_by_key(|(change, _)| *change);
            some.dedup_by_key(|(change, _)| *change);
            some.truncate(limit as usize);
            Ok(some)
        })
    }

    pub(super) fn records(&self, question: &str, values: impl Params) -> Result<Vec<RunRecord>, StoreError> {
        self.with_reader(|connection| {
            let mut records = connection.prepare_cached(question)?;
            let mut rows = records.query(values)?;
            let mut runs = Vec::new();
            while let Some(row) = rows.next()? {
                runs.push(read_run(self.codec(), row, 0)?);
            }
            Ok(runs)
        })
    }

    fn of_run<T: rusqlite::types::FromSql>(&self, run: RunId, question: &str) -> Result<T, StoreError> {
        self.with_reader(|connection| {
            let answer = connection
                .prepare_cached(question)?
                .query_row([run.to_string()], |row| row.get(0))
                .optional()?;
            answer.ok_or(StoreError::UnknownRun { run })
        })
    }
}

/// Reads a run by its row.
pub(crate) fn run_by_row(connection: &Connection, codec: &Codec, row: i64) -> Result<RunRecord, StoreError> {
    connection
        .prepare_cached("SELECT uuid, record FROM runs WHERE id = ?1")?
        .query_row([row], |row| Ok(read_run(codec, row, 0)))?
}

/// Where a page of runs ended.
struct Position {
    started: u64,
    row: i64,
}

impl Position {
    fn parse(text: &str) -> Result<Self, StoreError> {
        text.split_once('-')
            .and_then(|(started, row)| Some(Self { started: started.parse().ok()?, row: row.parse().ok()? }))
            .ok_or_else(|| StoreError::BadCursor { text: text.chars().take(80).collect() })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.started, self.row)
    }
}
