//! Whether whoever answers is the approver.

use std::sync::Arc;

use pointsman_approver::{ApproverError, Secret};
use pointsman_audit::{Attempt, Fact};
use pointsman_model::ApprovalId;

use crate::{Error, Host};

/// Under this name the state's database knows the fingerprint of the approver's secret that was set.
pub const APPROVER_PIN: &str = "approver";

impl Host {
    /// Says whether whoever answers from a terminal has to prove that it is the approver: the operator has set a secret.
    /// One that cannot be read, or was taken away, counts.
    pub async fn needs_approver(&self) -> bool {
        let (approver, now) = (Arc::clone(&self.parts.approver), self.parts.now());
        // Nothing is tried, so nothing is counted.
        let checked = tokio::task::spawn_blocking(move || approver.check(None, now)).await;
        !matches!(checked, Ok(Ok(false)))
    }

    /// Checks whoever is about to answer from a terminal: the operator may have set a secret. Each attempt is recorded.
    ///
    /// Channels that the operator opens to somebody by name, such as tokens of A2A, do not come this way.
    ///
    /// # Errors
    ///
    /// If the secret is missing or wrong, or too many were tried.
    pub async fn admit_approver(
        &self,
        secret: Option<Secret>,
        approval_id: ApprovalId,
        by: &str,
    ) -> Result<(), Error> {
        let (approver, now) = (Arc::clone(&self.parts.approver), self.parts.now());
        // Hashing takes its time, and is meant to.
        let checked = tokio::task::spawn_blocking(move || approver.check(secret.as_ref(), now)).await;
        let checked =
            checked.map_err(|error| Error::Store(format!("checking the secret failed: {error}")))?;
        let attempt = match &checked {
            // Nobody set a secret: nothing was tried.
            Ok(false) => return Ok(()),
            Ok(true) => Attempt::Right,
            Err(ApproverError::Missing) => Attempt::Missing,
            Err(ApproverError::Wrong { .. }) => Attempt::Wrong,
            Err(ApproverError::Locked { .. }) => Attempt::Locked,
            Err(_) => Attempt::Replaced,
        };
        let fact = Fact::Approver { by: by.to_owned(), attempt, approval_id: Some(approval_id) };
        self.parts.recorder.tell(vec![fact]).await;
        checked.map(|_| ()).map_err(|error| Error::Approver(error.to_string()))
    }
}
