//! The steps of a migration: which columns are rewritten, in which order, and how.

use pointsman_model::{Digest, RunId};
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Column;
use super::migrate::Forms;
use crate::StoreError;
use crate::seal::Subject;
use crate::write::request_row;

/// One step: a column of a table, rewritten row by row in the order of the rows' numbers.
pub(super) enum Step {
    /// A column whose values are bound to a text that the database can make.
    Column {
        /// The column.
        column: Column,
        /// Gives number, text that the value is bound to, and value of rows after a number, at most so many.
        read: &'static str,
        /// Puts a value into a row.
        write: &'static str,
    },
    /// What was asked of runs.
    Specs,
    /// What is sealed in any case, by other means where payload is plain.
    Sealed {
        /// The column.
        column: Column,
        /// Gives a row's number, its run's id, its number in the run, and the sealed value, after a number.
        read: &'static str,
        /// Puts a sealed value into a row.
        write: &'static str,
    },
    /// The digests by which equal contents are found.
    Contents,
    /// Digests of what idempotency keys stand for: few, and of a table without numbers.
    Requests,
}

/// What was done in one transaction.
#[derive(Default)]
pub(super) struct Done {
    pub(super) rows: u64,
    /// The last row, unless there were no more behind it.
    pub(super) last: Option<i64>,
}

/// In this order for good: a migration that was interrupted goes on by the number of its step. New ones come last.
pub(super) const STEPS: &[Step] = &[
    Step::Column {
        column: Column::Run,
        read: "SELECT id, uuid, record FROM runs WHERE id > ?1 ORDER BY id LIMIT ?2",
        write: "UPDATE runs SET record = ?2 WHERE id = ?1",
    },
    Step::Specs,
    Step::Sealed {
        column: Column::Settings,
        read: "SELECT run, uuid, 0, sealed FROM specs LEFT JOIN runs ON id = run
               WHERE run > ?1 ORDER BY run LIMIT ?2",
        write: "UPDATE specs SET sealed = ?2 WHERE run = ?1",
    },
    Step::Column {
        column: Column::Entry,
        read: "SELECT id, CAST(id AS TEXT), entry FROM entries WHERE id > ?1 ORDER BY id LIMIT ?2",
        write: "UPDATE entries SET entry = ?2 WHERE id = ?1",
    },
    Step::Column {
        column: Column::Event,
        read: "SELECT e.id, r.uuid || '/' || (e.id & 4294967295), e.data
               FROM events AS e LEFT JOIN runs AS r ON r.id = e.id >> 32
               WHERE e.id > ?1 ORDER BY e.id LIMIT ?2",
        write: "UPDATE events SET data = ?2 WHERE id = ?1",
    },
    Step::Column {
        column: Column::Approval,
        read: "SELECT rowid, uuid, approval FROM approvals WHERE rowid > ?1 ORDER BY rowid LIMIT ?2",
        write: "UPDATE approvals SET approval = ?2 WHERE rowid = ?1",
    },
    Step::Column {
        column: Column::Remembered,
        read: "SELECT id, uuid, remembered FROM sessions
               WHERE id > ?1 AND remembered IS NOT NULL ORDER BY id LIMIT ?2",
        write: "UPDATE sessions SET remembered = ?2 WHERE id = ?1",
    },
    Step::Column {
        column: Column::RemoteRef,
        read: "SELECT id, uuid, remote_ref FROM sessions
               WHERE id > ?1 AND remote_ref IS NOT NULL ORDER BY id LIMIT ?2",
        write: "UPDATE sessions SET remote_ref = ?2 WHERE id = ?1",
    },
    Step::Column {
        column: Column::Mail,
        read: "SELECT id, uuid, mail FROM mail WHERE id > ?1 ORDER BY id LIMIT ?2",
        write: "UPDATE mail SET mail = ?2 WHERE id = ?1",
    },
    Step::Column {
        column: Column::Piece,
        read: "SELECT id, CAST(id AS TEXT), text FROM pieces WHERE id > ?1 ORDER BY id LIMIT ?2",
        write: "UPDATE pieces SET text = ?2 WHERE id = ?1",
    },
    Step::Contents,
    Step::Requests,
    Step::Sealed {
        column: Column::Original,
        read: "SELECT o.event, r.uuid, o.event & 4294967295, o.sealed
               FROM originals AS o LEFT JOIN runs AS r ON r.id = o.event >> 32
               WHERE o.event > ?1 AND o.sealed IS NOT NULL ORDER BY o.event LIMIT ?2",
        write: "UPDATE originals SET sealed = ?2 WHERE event = ?1",
    },
];

impl Step {
    /// Names what is worked on.
    pub(super) fn table(&self) -> &'static str {
        match self {
            Self::Column { column, .. } | Self::Sealed { column, .. } => column.name(),
            Self::Specs => Column::Spec.name(),
            Self::Contents => "contents.digest",
            Self::Requests => Column::Request.name(),
        }
    }

    /// Rewrites rows after a number, so many and so large at most.
    pub(super) fn rewrite(
        &self,
        connection: &Connection,
        forms: &Forms<'_>,
        after: i64,
        most: usize,
        bytes: usize,
    ) -> Result<Done, StoreError> {
        let batch = Batch { connection, after, most, bytes };
        match self {
            Self::Column { column, read, write } => batch.each(read, |id, row| {
                let bound: Option<String> = row.get(1)?;
                let bound = bound.ok_or_else(|| StoreError::Damaged {
                    what: format!("{} of row {id} belongs to nothing", column.name()),
                })?;
                let text = forms.from.text(*column, &bound, row.get_ref(2)?)?;
                let stored = forms.to.put(*column, &bound, text)?;
                connection.prepare_cached(write)?.execute(params![id, stored])?;
                Ok(stored.len())
            }),
            Self::Specs => batch.each(
                "SELECT run, uuid, spec FROM specs LEFT JOIN runs ON id = run WHERE run > ?1 ORDER BY run LIMIT ?2",
                |id, row| {
                    let (run, stored): (RunId, String) = (run_id(row)?, row.get(2)?);
                    let text = forms.from.spec_text(run, &stored)?.into_owned();
                    let asked: Map<String, Value> = crate::read::from_json("what was asked of a run", &text)?;
                    let nothing = Map::new();
                    let metadata = asked.get("metadata").and_then(Value::as_object).unwrap_or(&nothing);
                    let stored = forms.to.put_spec_text(run, text, metadata)?;
                    connection
                        .prepare_cached("UPDATE specs SET spec = ?2 WHERE run = ?1")?
                        .execute(params![id, stored])?;
                    Ok(stored.len())
                },
            ),
            Self::Sealed { column, read, write } => batch.each(read, |id, row| {
                let (run, sealed): (RunId, Vec<u8>) = (run_id(row)?, row.get(3)?);
                let subject = match column {
                    Column::Original => Subject::Original(run, row.get(2)?),
                    _ => Subject::Settings(run),
                };
                let plain = Zeroizing::new(forms.from_seal.open(forms.folder, subject, &sealed)?);
                let sealed = forms.to_seal.close(forms.folder, subject, &plain)?;
                connection.prepare_cached(write)?.execute(params![id, sealed])?;
                Ok(sealed.len())
            }),
            Self::Contents => batch.each(
                "SELECT id, bytes FROM contents WHERE id > ?1 ORDER BY id LIMIT ?2",
                |id, row| {
                    // Read once more: neither form gives the digest away.
                    let digest = forms.to.content(digest_of(connection, forms, id)?);
                    connection
                        .prepare_cached("UPDATE contents SET digest = ?2 WHERE id = ?1")?
                        .execute(params![id, digest])?;
                    Ok(row.get(1)?)
                },
            ),
            Self::Requests => requests(connection, forms),
        }
    }
}

fn run_id(row: &Row<'_>) -> Result<RunId, StoreError> {
    let id: Option<String> = row.get(1)?;
    let id = id
        .ok_or_else(|| StoreError::Damaged { what: "a row belongs to a run that is not there".to_owned() })?;
    id.parse().map_err(|_| StoreError::Damaged { what: format!("a run's id is {id:?}") })
}

/// Digests a content whose pieces are rewritten already.
fn digest_of(connection: &Connection, forms: &Forms<'_>, content: i64) -> Result<Digest, StoreError> {
    let mut pieces =
        connection.prepare_cached("SELECT id, text FROM pieces WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = pieces.query([content << 24, (content + 1) << 24])?;
    let mut digest = Sha256::new();
    while let Some(row) = rows.next()? {
        let piece = forms.to.text(Column::Piece, row.get::<_, i64>(0)?, row.get_ref(1)?)?;
        digest.update(piece.as_bytes());
    }
    let digest = format!("sha256:{}", hex::encode(digest.finalize()));
    digest.parse().map_err(|_| StoreError::Damaged { what: format!("content {content} has no digest") })
}

fn requests(connection: &Connection, forms: &Forms<'_>) -> Result<Done, StoreError> {
    let mut all = connection.prepare("SELECT cwd, key, request FROM idempotency")?;
    let mut rows = all.query([])?;
    let mut rewritten = Vec::new();
    while let Some(row) = rows.next()? {
        let (cwd, key): (String, String) = (row.get(0)?, row.get(1)?);
        let bound = request_row(&cwd, &key);
        let text = forms.from.text(Column::Request, &bound, row.get_ref(2)?)?.into_owned();
        rewritten.push((forms.to.put(Column::Request, &bound, text)?, cwd, key));
    }
    for (stored, cwd, key) in &rewritten {
        connection
            .prepare_cached("UPDATE idempotency SET request = ?3 WHERE cwd = ?1 AND key = ?2")?
            .execute(params![cwd, key, stored])?;
    }
    Ok(Done { rows: rewritten.len() as u64, last: None })
}

/// The rows of one transaction.
struct Batch<'a> {
    connection: &'a Connection,
    after: i64,
    most: usize,
    bytes: usize,
}

impl Batch<'_> {
    /// Rewrites row by row; `rewrite` says how many bytes it wrote.
    fn each(
        &self,
        read: &str,
        mut rewrite: impl FnMut(i64, &Row<'_>) -> Result<usize, StoreError>,
    ) -> Result<Done, StoreError> {
        let (mut done, mut written, mut after) = (Done::default(), 0, self.after);
        // One row at a time: what is being read must not be rewritten under the one who reads.
        let mut next = self.connection.prepare_cached(read)?;
        while done.rows < self.most as u64 && written < self.bytes {
            let mut rows = next.query(params![after, 1])?;
            let Some(row) = rows.next()? else { return Ok(Done { last: None, ..done }) };
            let id: i64 = row.get(0)?;
            written += rewrite(id, row)?;
            (after, done.last) = (id, Some(id));
            done.rows += 1;
        }
        Ok(done)
    }
}
