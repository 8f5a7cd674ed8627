//! The end of approvals that outlive their runs.

use pointsman_model::{Approval, ApprovalState, Timestamp};
use rusqlite::{Connection, params};

use super::Durability;
use crate::at_rest::{Codec, Column};
use crate::read::read_approval;
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
        let looked =
            self.read(move |store| store.with_reader(|connection| overdue(connection, store.codec(), at)));
        if looked.await?.is_empty() {
            return Ok(Vec::new());
        }
        let codec = self.codec().clone();
        self.write(Durability::Flushed, 0, move |connection| {
            let mut over = overdue(connection, &codec, at)?;
            for approval in &mut over {
                approval.state = ApprovalState::Expired;
                connection
                    .prepare_cached("UPDATE approvals SET state = ?2, approval = ?3 WHERE uuid = ?1")?
                    .execute(params![
                        approval.approval_id.to_string(),
                        approval.state.as_str(),
                        codec.put_json(Column::Approval, approval.approval_id, approval)?
                    ])?;
            }
            Ok(over)
        })
        .await
    }
}

fn overdue(connection: &Connection, codec: &Codec, at: Timestamp) -> Result<Vec<Approval>, StoreError> {
    let mut approvals = connection.prepare_cached(
        "SELECT a.uuid, a.approval FROM approvals AS a JOIN runs AS r ON r.id = a.run
         WHERE a.state = 'approved' AND r.ended = 1",
    )?;
    let mut rows = approvals.query([])?;
    let mut over = Vec::new();
    while let Some(row) = rows.next()? {
        let approval: Approval = read_approval(codec, row)?;
        if approval.standing.is_some_and(|standing| standing.is_over(at)) {
            over.push(approval);
        }
    }
    Ok(over)
}
