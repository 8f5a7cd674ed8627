//! Reading the runs that others asked for through a face of this host: who asked, of which agent, in which context.
//!
//! A face writes that into the run's metadata, as `a2a.agent`, `a2a.client` and `a2a.context_id`. It is indexed where
//! it never changes, in what was asked of the run.

use pointsman_model::{RunRecord, Status, Timestamp};
use rusqlite::{ToSql, params};

use super::read_run;
use crate::{Store, StoreError};

// The expressions have to be the index's letter by letter.
const MINE: &str = "json_extract(spec, '$.metadata.a2a.agent') = :agent
    AND json_extract(spec, '$.metadata.a2a.client') = :client";
const IN_CONTEXT: &str = "json_extract(spec, '$.metadata.a2a.context_id') = :context";

/// Which published runs are listed: those of one agent for one client, and among these …
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublishedFilter {
    /// The agent.
    pub agent: String,
    /// The client.
    pub client: String,
    /// Only those of this context.
    pub context: Option<String>,
    /// Only those with one of these statuses; empty: any.
    pub statuses: Vec<Status>,
    /// Only those that changed after this moment.
    pub changed_after: Option<Timestamp>,
}

/// One page of published runs, the one that changed last first.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedPage {
    /// The runs.
    pub runs: Vec<RunRecord>,
    /// How many there are in all pages.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<String>,
}

impl Store {
    /// Lists published runs, the one that changed last first. `cursor` is the page before's `next_cursor`.
    ///
    /// A run that changes while somebody pages moves to the front, and is not seen by the pages behind.
    ///
    /// # Errors
    ///
    /// If the cursor is none of this store's, or the state cannot be read.
    pub fn published_runs(
        &self,
        filter: &PublishedFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<PublishedPage, StoreError> {
        let after = cursor.map(position).transpose()?;
        let face = |word, text| self.codec().face(word, text).into_owned();
        self.with_snapshot(|connection| {
            let mut conditions = vec![MINE.to_owned()];
            let (agent, client) = (face("agent", &filter.agent), face("client", &filter.client));
            let mut values: Vec<(&str, &dyn ToSql)> = vec![(":agent", &agent), (":client", &client)];
            let context = filter.context.as_deref().map(|context| face("context_id", context));
            if let Some(context) = &context {
                conditions.push(IN_CONTEXT.to_owned());
                values.push((":context", context));
            }
            if !filter.statuses.is_empty() {
                // Words of an enumeration of our own: nothing in them needs quoting.
                let words: Vec<_> = filter.statuses.iter().map(|it| format!("'{}'", it.as_str())).collect();
                conditions.push(format!("status IN ({})", words.join(", ")));
            }
            let changed_after = filter.changed_after.map(Timestamp::as_millis);
            if let Some(moment) = &changed_after {
                conditions.push("updated > :moment".to_owned());
                values.push((":moment", moment));
            }
            let from = "FROM specs JOIN runs ON id = run WHERE";
            let total = connection
                .prepare_cached(&format!("SELECT count(*) {from} {}", conditions.join(" AND ")))?
                .query_row(&values[..], |row| row.get(0))?;
            if let Some((updated, row)) = &after {
                conditions.push("(updated, id) < (:updated, :id)".to_owned());
                values.push((":updated", updated));
                values.push((":id", row));
            }
            // One more than asked for says whether there is more.
            let rows = u64::from(limit) + 1;
            values.push((":rows", &rows));
            let mut page = connection.prepare_cached(&format!(
                "SELECT updated, id, uuid, record {from} {} ORDER BY updated DESC, id DESC LIMIT :rows",
                conditions.join(" AND ")
            ))?;
            let mut rows = page.query(&values[..])?;
            let (mut runs, mut last, mut next_cursor) = (Vec::new(), None::<(u64, i64)>, None);
            while let Some(row) = rows.next()? {
                if runs.len() as u64 == u64::from(limit) {
                    next_cursor = last.map(|(updated, row)| format!("{updated}-{row}"));
                    break;
                }
                last = Some((row.get(0)?, row.get(1)?));
                runs.push(read_run(self.codec(), row, 2)?);
            }
            Ok(PublishedPage { runs, total, next_cursor })
        })
    }

    /// Gives the run that began last in a context; `None` if nobody knows the context.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn newest_published_in(
        &self,
        agent: &str,
        client: &str,
        context: &str,
    ) -> Result<Option<RunRecord>, StoreError> {
        self.with_reader(|connection| {
            let mut newest = connection.prepare_cached(
                "SELECT uuid, record FROM specs JOIN runs ON id = run
                 WHERE json_extract(spec, '$.metadata.a2a.agent') = ?1
                     AND json_extract(spec, '$.metadata.a2a.client') = ?2
                     AND json_extract(spec, '$.metadata.a2a.context_id') = ?3
                 ORDER BY id DESC LIMIT 1",
            )?;
            let face = |word, text| self.codec().face(word, text);
            let mut newest = newest.query(params![
                face("agent", agent),
                face("client", client),
                face("context_id", context)
            ])?;
            newest.next()?.map(|row| read_run(self.codec(), row, 0)).transpose()
        })
    }
}

fn position(text: &str) -> Result<(u64, i64), StoreError> {
    text.split_once('-')
        .and_then(|(updated, row)| Some((updated.parse().ok()?, row.parse().ok()?)))
        .ok_or_else(|| StoreError::BadCursor { text: text.chars().take(80).collect() })
}
