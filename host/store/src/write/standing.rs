//! Approvals that outlive their runs: used by later ones, taken back, lapsed.

use pointsman_model::{Approval, ApprovalId, ApprovalState, Revocation, Timestamp};
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
                put(connection, &codec, approval)?;
            }
            Ok(over)
        })
        .await
    }

    /// Takes back an approval whose run is over: of one that has not ended, its host does it. Gives the approval as it
    /// stands now; it was taken back if that is `revoked` by this call's `by` and `at`.
    ///
    /// # Errors
    ///
    /// If the state cannot be read or written.
    pub async fn revoke_standing(
        &self,
        id: ApprovalId,
        by: String,
        at: Timestamp,
    ) -> Result<Option<Approval>, StoreError> {
        let codec = self.codec().clone();
        self.write(Durability::Flushed, 0, move |connection| {
            let Some((mut approval, over)) = get(connection, &codec, id)? else { return Ok(None) };
            if over && approval.state == ApprovalState::Approved {
                approval.state = ApprovalState::Revoked;
                approval.revoked = Some(Revocation { at, by });
                put(connection, &codec, &approval)?;
            }
            Ok(Some(approval))
        })
        .await
    }
}

/// Counts the uses of approvals that earlier runs of the session left. One that was taken back or has lapsed since it was
/// looked up is used no more: the batch that would is not stored.
pub(super) fn use_standing(
    connection: &Connection,
    codec: &Codec,
    claims: &[(ApprovalId, Timestamp)],
) -> Result<(), StoreError> {
    for (id, at) in claims {
        let settled = |from: &str| StoreError::ApprovalSettled {
            approval: *id,
            from: from.to_owned(),
            to: "used".to_owned(),
        };
        let (mut approval, _) = get(connection, codec, *id)?.ok_or_else(|| settled("unknown"))?;
        let over = approval.standing.is_none_or(|standing| standing.is_over(*at));
        if approval.state != ApprovalState::Approved || over {
            return Err(settled(approval.state.as_str()));
        }
        approval.uses = approval.uses.saturating_add(1);
        approval.used_at = Some(*at);
        put(connection, codec, &approval)?;
    }
    Ok(())
}

/// Gives an approval, and whether its run is over.
fn get(
    connection: &Connection,
    codec: &Codec,
    id: ApprovalId,
) -> Result<Option<(Approval, bool)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.uuid, a.approval, r.ended FROM approvals AS a JOIN runs AS r ON r.id = a.run WHERE a.uuid = ?1",
    )?;
    let mut rows = statement.query([id.to_string()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((read_approval(codec, row)?, row.get(2)?)))
}

/// Stores an approval as it stands now.
fn put(connection: &Connection, codec: &Codec, approval: &Approval) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE approvals SET state = ?2, approval = ?3 WHERE uuid = ?1")?.execute(
        params![
            approval.approval_id.to_string(),
            approval.state.as_str(),
            codec.put_json(Column::Approval, approval.approval_id, approval)?
        ],
    )?;
    Ok(())
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
