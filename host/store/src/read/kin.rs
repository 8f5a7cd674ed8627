//! Reading who launched whom.

use pointsman_model::{HostId, Limits, RunId, RunRecord, SessionId, Status, Timestamp, Usage};
use rusqlite::{Connection, Rows, ToSql, params};
use serde::Deserialize;

use crate::at_rest::{Codec, Column};
use crate::{Store, StoreError};

/// Whose runs are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    #[default]
    Everybody,
    /// Those of one run's agent: every run of its session, and whatever these launched, however far down.
    Agent(RunId),
    /// Those that one host drives.
    Host(HostId),
}

/// A run's session, and everything below it. `:owner` is the run, which another state may know.
const OF_AGENT: &str = "uuid IN (
    WITH RECURSIVE mine(uuid) AS (
        SELECT :owner
        UNION SELECT uuid FROM runs WHERE session = (SELECT session FROM runs WHERE uuid = :owner)
        UNION SELECT runs.uuid FROM mine JOIN kin ON parent = mine.uuid JOIN runs ON id = run
    ) SELECT uuid FROM mine)";

impl Whose {
    /// Gives the condition on a row of `runs`, if there is one.
    pub(super) fn condition(self) -> Option<&'static str> {
        match self {
            Self::Everybody => None,
            Self::Agent(_) => Some(OF_AGENT),
            Self::Host(_) => Some("host = :owner"),
        }
    }

    /// Gives what `:owner` stands for in that condition.
    pub(super) fn name(self) -> Option<String> {
        match self {
            Self::Everybody => None,
            Self::Agent(run) => Some(run.to_string()),
            Self::Host(host) => Some(host.to_string()),
        }
    }
}

impl Store {
    /// Gives the runs of one owner; `None` for everybody's.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn runs_of(&self, whose: Whose) -> Result<Option<Vec<RunId>>, StoreError> {
        let (Some(condition), Some(owner)) = (whose.condition(), whose.name()) else { return Ok(None) };
        self.with_reader(|connection| {
            let mut runs = connection.prepare_cached(&format!("SELECT uuid FROM runs WHERE {condition}"))?;
            Ok(Some(ids(runs.query(&[(":owner", &owner)])?)?))
        })
    }

    /// Says whether a run was launched by another one's agent: by any run of that one's session, however far above.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn is_below(&self, run: RunId, ancestor: RunId) -> Result<bool, StoreError> {
        self.with_reader(|connection| {
            Ok(connection
                .prepare_cached(
                    "WITH RECURSIVE above(uuid) AS (
                         SELECT parent FROM kin JOIN runs ON id = run WHERE uuid = ?1
                         UNION
                         SELECT parent FROM above JOIN runs ON runs.uuid = above.uuid JOIN kin ON run = id
                     )
                     SELECT EXISTS (SELECT 1 FROM above WHERE uuid = ?2 OR uuid IN (
                         SELECT uuid FROM runs WHERE session = (SELECT session FROM runs WHERE uuid = ?2)))",
                )?
                .query_row(params![run.to_string(), ancestor.to_string()], |row| row.get(0))?)
        })
    }

    /// Says whether a session has a run of an owner.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn session_is_of(&self, session: SessionId, whose: Whose) -> Result<bool, StoreError> {
        let (Some(condition), Some(owner)) = (whose.condition(), whose.name()) else { return Ok(true) };
        let session = session.to_string();
        self.with_reader(|connection| {
            let question = format!(
                "SELECT 1 FROM runs
                 WHERE session = (SELECT id FROM sessions WHERE uuid = :session) AND {condition}"
            );
            let values: [(&str, &dyn ToSql); 2] = [(":session", &session), (":owner", &owner)];
            Ok(connection.prepare_cached(&question)?.exists(&values[..])?)
        })
    }

    /// Gives a run and everything below it; nothing if nobody knows it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn tree(&self, top: RunId) -> Result<Vec<TreeRun>, StoreError> {
        self.with_reader(|connection| tree_of(connection, self.codec(), top))
    }

    /// Gives the runs that a run launched and that are not over, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn unfinished_children(&self, run: RunId) -> Result<Vec<RunRecord>, StoreError> {
        self.records(
            "SELECT uuid, record FROM kin JOIN runs ON id = run WHERE parent = ?1 AND ended = 0 ORDER BY id",
            [run.to_string()],
        )
    }
}

/// What the budgets of a tree need to know of one of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeRun {
    /// The run.
    pub run_id: RunId,
    /// The run that launched it.
    pub parent: Option<RunId>,
    /// What it and everything below may use.
    pub budget: Limits,
    /// What it has used, as far as its backend has said.
    pub usage: Option<Usage>,
    /// Where it stands.
    pub status: Status,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
}

/// The part of what was asked of a run; prompts are passed over.
#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    budget: Limits,
}

/// The part of what is known of a run.
#[derive(Deserialize)]
struct Used {
    status: Status,
    usage: Option<Usage>,
    started_at: Timestamp,
    completed_at: Option<Timestamp>,
}

/// Gives a run and everything below it, as a connection sees them now.
pub(crate) fn tree_of(
    connection: &Connection,
    codec: &Codec,
    top: RunId,
) -> Result<Vec<TreeRun>, StoreError> {
    let mut runs = connection.prepare_cached(
        "WITH RECURSIVE tree(id) AS (
             SELECT id FROM runs WHERE uuid = ?1
             UNION
             SELECT kin.run FROM tree JOIN runs ON runs.id = tree.id JOIN kin ON parent = runs.uuid
         )
         SELECT uuid, record, spec, parent FROM tree
         JOIN runs ON runs.id = tree.id JOIN specs ON specs.run = tree.id LEFT JOIN kin ON kin.run = tree.id",
    )?;
    let mut rows = runs.query([top.to_string()])?;
    let mut tree = Vec::new();
    while let Some(row) = rows.next()? {
        let run_id = id(row.get_ref(0)?.as_str().unwrap_or_default())?;
        let used: Used = codec.json(Column::Run, run_id, row.get_ref(1)?)?;
        let spec = codec.spec_text(run_id, row.get_ref(2)?.as_str().unwrap_or_default())?;
        let granted: Granted = serde_json::from_str(&spec).map_err(|error| StoreError::Damaged {
            what: format!("what was asked of run {run_id} cannot be read: {error}"),
        })?;
        let parent: Option<String> = row.get(3)?;
        tree.push(TreeRun {
            run_id,
            parent: parent.map(|parent| id(&parent)).transpose()?,
            budget: granted.budget,
            usage: used.usage,
            status: used.status,
            started_at: used.started_at,
            completed_at: used.completed_at,
        });
    }
    Ok(tree)
}

fn ids(mut rows: Rows<'_>) -> Result<Vec<RunId>, StoreError> {
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(id(row.get_ref(0)?.as_str().unwrap_or_default())?);
    }
    Ok(ids)
}

fn id(text: &str) -> Result<RunId, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: format!("a run's id is {text:?}") })
}
