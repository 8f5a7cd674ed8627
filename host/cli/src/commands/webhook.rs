//! The webhook of a host, while it lives.

use pointsman_engine::Host;
use pointsman_webhook::{Settings, Webhook};

/// Begins to tell of a host's questions, if the operator wants it.
///
/// Not below an agent: an agent could start a host of its own, with a receiver of its own, over the state in which its
/// question waits; and whoever asks cannot answer.
pub(super) fn tell(host: &Host, settings: Option<Settings>) -> Option<Webhook> {
    let settings = settings?;
    if !host.settings().ancestors.is_empty() {
        tracing::warn!("this host stands below an agent: it tells of no question by webhook");
        return None;
    }
    Some(Webhook::start(host.clone(), settings))
}
