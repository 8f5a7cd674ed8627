//! Reading questions to a person.

use pointsman_model::{
    Approval, ApprovalId, ApprovalState, Digest, HostId, RunId, Scope, SessionId, Timestamp,
};
use rusqlite::{Params, params};

use super::{read_approval, row_of};
use crate::{Store, StoreError};

impl Store {
    /// Gives a question; `None` if nobody knows it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn approval(&self, approval: ApprovalId) -> Result<Option<Approval>, StoreError> {
        let mut found = self.approvals_where(
            "SELECT uuid, approval FROM approvals WHERE uuid = ?1",
            [approval.to_string()],
        )?;
        Ok(found.pop())
    }

    /// Lists questions, newest first: all, or those that stand somewhere; at most `limit`.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn approvals(&self, state: Option<ApprovalState>, limit: u32) -> Result<Vec<Approval>, StoreError> {
        match state {
            Some(state) => self.approvals_where(
                "SELECT uuid, approval FROM approvals WHERE state = ?1 ORDER BY asked DESC, uuid LIMIT ?2",
                params![state.as_str(), limit],
            ),
            None => self.approvals_where(
                "SELECT uuid, approval FROM approvals ORDER BY asked DESC, uuid LIMIT ?1",
                params![limit],
            ),
        }
    }

    /// Gives the questions that a run asked, oldest first.
    ///
    /// # Errors
    ///
    /// If there is no such run, or the state cannot be read.
    pub fn approvals_of(&self, run: RunId) -> Result<Vec<Approval>, StoreError> {
        let row = self.with_reader(|connection| row_of(connection, run))?;
        self.approvals_where(
            "SELECT uuid, approval FROM approvals WHERE run = ?1 ORDER BY asked, uuid",
            [row],
        )
    }

    /// Gives every question that waits for an answer, of the runs that a host drives, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn pending_of(&self, host: HostId) -> Result<Vec<ApprovalId>, StoreError> {
        self.with_reader(|connection| {
            let mut pending = connection.prepare_cached(
                "SELECT a.uuid FROM approvals AS a JOIN runs AS r ON r.id = a.run
                 WHERE a.state = 'pending' AND r.host = ?1 ORDER BY a.asked, a.uuid",
            )?;
            let mut rows = pending.query([host.to_string()])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let text: String = row.get(0)?;
                let damaged = || StoreError::Damaged { what: format!("an approval's id is {text:?}") };
                found.push(text.parse().map_err(|_| damaged())?);
            }
            Ok(found)
        })
    }

    /// Gives every question that waits for an answer and is about exactly this, of whatever run, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn pending_alike(&self, digest: Digest) -> Result<Vec<Approval>, StoreError> {
        self.approvals_where(
            "SELECT uuid, approval FROM approvals WHERE digest = ?1 AND state = 'pending' ORDER BY asked, uuid",
            [digest.to_string()],
        )
    }

    /// Gives the approval of an earlier run that covers exactly this in all of its session, if one does now.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub fn standing_approval(
        &self,
        session: SessionId,
        digest: Digest,
        at: Timestamp,
    ) -> Result<Option<Approval>, StoreError> {
        let found = self.approvals_where(
            "SELECT a.uuid, a.approval FROM approvals AS a JOIN runs AS r ON r.id = a.run
             WHERE a.digest = ?2 AND a.state = 'approved'
                 AND r.session = (SELECT id FROM sessions WHERE uuid = ?1)
             ORDER BY a.asked DESC, a.uuid",
            [session.to_string(), digest.to_string()],
        )?;
        let covers = |approval: &Approval| {
            approval.standing.is_some_and(|it| it.scope == Scope::Session && !it.is_over(at))
        };
        Ok(found.into_iter().find(covers))
    }

    fn approvals_where(&self, question: &str, values: impl Params) -> Result<Vec<Approval>, StoreError> {
        self.with_reader(|connection| {
            let mut approvals = connection.prepare_cached(question)?;
            let mut rows = approvals.query(values)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read_approval(self.codec(), row)?);
            }
            Ok(found)
        })
    }
}
