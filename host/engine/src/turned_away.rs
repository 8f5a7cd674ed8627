//! Who was turned away before any policy was asked, for the audit log.

use pointsman_audit::{Fact, Member};
use pointsman_model::{ApprovalId, Digest, RunId};

use crate::reach::chain_below;
use crate::{Client, Error, Host};

/// Somebody who was turned away before it was heard as a client.
#[derive(Debug, Clone, Copy)]
pub struct TurnedAway<'a> {
    /// What it wanted: `answer`, `revoke`, `cancel`, `continue` or `attach`.
    pub action: &'static str,
    /// The run whose agent it is, if that is known.
    pub agent_of: Option<RunId>,
    /// The question that it wanted to answer.
    pub approval_id: Option<ApprovalId>,
    /// Why: a stable word.
    pub reason: &'static str,
    /// What it was told.
    pub told: &'a str,
}

impl Host {
    /// Records that somebody was turned away who is not let in at all.
    pub async fn turned_away(&self, who: TurnedAway<'_>) {
        let chain = match who.agent_of {
            Some(run) => {
                let known = self.parts.read(move |store| chain_below(store, run)).await.ok().flatten();
                known.map_or_else(
                    || vec![Member { name: "unknown agent".to_owned(), run_id: Some(run.to_string()) }],
                    |chain| chain.iter().map(Member::from).collect(),
                )
            }
            None => Vec::new(),
        };
        let fact = Fact::Denied {
            action: who.action.to_owned(),
            chain,
            approval_id: who.approval_id,
            reason: who.reason.to_owned(),
            why: Digest::of(who.told.as_bytes()),
        };
        self.parts.recorder.tell(vec![fact]).await;
    }

    /// Records a call that was refused because the caller wanted more than it may have; hands on what came of it.
    pub(crate) async fn heard<T>(
        &self,
        action: &'static str,
        client: &Client,
        done: Result<T, Error>,
    ) -> Result<T, Error> {
        if let Err(error) = &done
            && let Some(reason) = bound(error)
        {
            let fact = Fact::Denied {
                action: action.to_owned(),
                chain: self.chain(client).iter().map(Member::from).collect(),
                approval_id: None,
                reason: reason.to_owned(),
                why: Digest::of(error.to_string().as_bytes()),
            };
            self.parts.recorder.tell(vec![fact]).await;
        }
        done
    }
}

/// Names the bound that a caller met; none if its request was only wrong, or was judged.
fn bound(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::Beyond { .. } => "beyond_rights",
        Error::Budget { .. } => "budget_exhausted",
        Error::NotYours { .. } | Error::OtherSession { .. } => "not_yours",
        Error::Oneself { .. } => "oneself",
        _ => return None,
    })
}
