//! The end of approvals that outlive their runs.

use pointsman_model::{Approval, ApprovalState, Timestamp};
use rusqlite::{Connection, params};

use super::Durability;
use super::create::json_text;
use crate::read::from_json;
use crate::{Store, StoreError};

impl Store {
    /// Ends approvals that covered a session until a time which is over, of runs that have ended: of those that have
    /// not, their hosts do it. Gives those that it ended.
    ///
    /// # Errors
    ///
    /// If the state cannot be read or written.
    pub async fn lapse_standing(&self, at: Timestamp) -> Result<Vec<Approval>, StoreError> {
        // Most often there are none, and a look costs no write.
        if self.read(move |store| store.with_reader(|connection| overdue(connection, at))).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Durability::Flushed, 0, move |connection| {
            let mut over = overdue(connection, at)?;
            for approval in &mut over {
                approval.state = ApprovalState::Expired;
                connection
                    .prepare_cached("UPDATE approvals SET state = ?2, approval = ?3 WHERE uuid = ?1")?
                    .execute(params![
                        approval.approval_id.to_string(),
                        approval.state.as_str(),
                        json_text(approval)
                    ])?;
            }
            Ok(over)
        })
        .await
    }
}

fn overdue(connection: &Connection, at: Timestamp) -> Result<Vec<Approval>, StoreError> {
    let mut approvals = connection.prepare_cached(
        "SELECT a.approval FROM approvals AS a JOIN runs AS r ON r.id = a.run
         WHERE a.state = 'approved' AND r.ended = 1",
    )?;
    let mut rows = approvals.query([])?;
    let mut over = Vec::new();
    while let Some(row) = rows.next()? {
        let approval: Approval = from_json("an approval", row.get_ref(0)?.as_str().unwrap_or_default())?;
        if approval.standing.is_some_and(|standing| standing.is_over(at)) {
            over.push(approval);
        }
    }
    Ok(over)
}
