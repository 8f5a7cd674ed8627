//! Questions to the person behind a client, where the operator says that it speaks for one.
//!
//! A client of the legacy era is asked by a request of the server's, whenever a question comes up (`legacy`). One of the
//! modern era cannot be: there the answer to a call that waits is that input is required, and the client calls again
//! with it (`modern`). Both show the same form and read the same answers (`form`).
//!
//! What is no clear answer leaves the question as it is, for another channel: a dialog that was closed, time that is
//! over, a client that went, content of another shape. A client that an agent's run stands above is never asked.

mod asks;
mod form;
mod legacy;
mod modern;

use std::time::Duration;

use pointsman_model::{Approval, ApprovalId, ApprovalState};
use rmcp::model::ClientCapabilities;
use serde_json::Value;

pub(crate) use self::asks::{Asks, News};
use self::form::Reading;
pub(crate) use self::legacy::ask;
pub(crate) use self::modern::{Call, Rounds};
use crate::calls::Calls;

/// Which clients are asked about what waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elicitation {
    /// Those that speak for a person, by the name that they give themselves. Empty: none.
    pub clients: Vec<String>,
    /// How long a client is asked. After that the question waits for another channel.
    pub timeout: Duration,
    /// Whether they are asked even where an approver's secret is set, which they cannot be asked for.
    pub instead_of_secret: bool,
}

impl Default for Elicitation {
    /// Nobody is asked.
    fn default() -> Self {
        Self { clients: Vec::new(), timeout: Duration::from_secs(3_600), instead_of_secret: false }
    }
}

impl Elicitation {
    /// Says whether a client is one of those, and can show a form.
    pub(crate) fn is_for(&self, name: &str, capabilities: &ClientCapabilities) -> bool {
        self.clients.iter().any(|client| client == name) && shows_forms(capabilities)
    }

    /// How long a client is asked; clocks do not count for ever.
    fn time(&self) -> Duration {
        self.timeout.min(Duration::from_secs(365 * 24 * 3_600))
    }
}

/// A client that names neither way means forms: the other came later.
fn shows_forms(capabilities: &ClientCapabilities) -> bool {
    capabilities.elicitation.as_ref().is_some_and(|it| it.form.is_some() || it.url.is_none())
}

/// Gives a question if it may be put to a client now.
async fn puttable<C: Calls>(host: &C, settings: &Elicitation, id: ApprovalId) -> Option<Approval> {
    let found = match host.approval(id).await {
        Ok(found) => found?,
        Err(error) => {
            tracing::warn!(%error, approval = %id, "a question to a person cannot be read");
            return None;
        }
    };
    if found.state != ApprovalState::Pending {
        return None;
    }
    if !settings.instead_of_secret && host.needs_secret().await {
        tracing::warn!(
            approval = %id,
            "no client is asked where an approver's secret is set, unless approvals.elicitation.instead_of_secret says so"
        );
        return None;
    }
    Some(found)
}

/// Takes what a client sent for a question that it was shown.
async fn take<C: Calls>(host: &C, settings: &Elicitation, client: &str, shown: &Approval, result: &Value) {
    let id = shown.approval_id;
    let answer = match form::read(result, shown, host.longest_session(), host.now()) {
        Reading::Answer(answer) => answer,
        Reading::None => {
            tracing::info!(approval = %id, client, "a person closed a question; it waits for another channel");
            return;
        }
        Reading::Misfit(why) => {
            tracing::warn!(approval = %id, client, why, "what a client answered does not fit the question, which stays open");
            return;
        }
    };
    // It may have been set while the question was open.
    if !settings.instead_of_secret && host.needs_secret().await {
        tracing::warn!(approval = %id, client, "an answer does not count: an approver's secret was set meanwhile");
        return;
    }
    match host.answer_approval(id, shown.digest, answer, &format!("mcp:{client}")).await {
        Ok(settled) => {
            tracing::info!(approval = %id, client, state = settled.state.as_str(), "a client's person has answered");
        }
        Err(error) => tracing::warn!(approval = %id, client, %error, "a client's answer does not count"),
    }
}
