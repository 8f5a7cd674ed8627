//! Reading the card. Nobody keeps it: an agent may have moved since the last run.

use pointsman_sdk::backend::{Effects, Outcome, RequestFault};

use super::{Conversation, Phase};
use crate::address::Address;
use crate::calls::{Call, Purpose, headers};
use crate::card;
use crate::dialect::Written;
use crate::timer;

/// How often an address that cannot be reached is tried again: the agent may just be starting.
pub(super) const ATTEMPTS: u32 = 3;

impl Conversation {
    /// Looks for the card at the next address.
    pub(super) fn next_card(&mut self, effects: &mut Effects) {
        let Some(url) = self.cards.front().cloned() else { return };
        let written = Written { method: "GET", url, body: None };
        let headers = headers(&self.config, false, false, None);
        self.calls.send(Purpose::Card, "the request for its card", written, headers, effects);
    }

    /// Takes the card.
    pub(super) fn card(&mut self, call: &Call, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        let Some(from) = self.cards.pop_front() else { return };
        let card = match call.body() {
            Ok(card) => card,
            Err(fault) if matches!(call.status, Some(404 | 410)) && !self.cards.is_empty() => {
                drop(fault);
                return self.next_card(effects);
            }
            Err(fault) => {
                let reason = if fault.code == 0 { "protocol_error" } else { fault.reason() };
                let text = format!(
                    "the agent's card at {from} cannot be read: {}{}",
                    fault.message,
                    advice(fault.code)
                );
                return self.finish(Outcome::failed(reason, text), effects);
            }
        };
        let read = Address::parse(&from)
            .map_err(|text| card::Unusable { reason: "protocol_error", text })
            .and_then(|from| card::read(&card, &from, &self.config));
        let agent = match read {
            Ok(agent) => agent,
            Err(unusable) => return self.finish(Outcome::failed(unusable.reason, unusable.text), effects),
        };
        self.book.set_agent(&self.base.url(), agent.name.as_deref());
        effects.emit(
            self.book
                .status_event("running")
                .field("protocol_version", agent.version.as_str())
                .field("transport", agent.binding.as_str())
                .field("streaming", agent.streaming && self.config.streaming)
                .field("endpoint", agent.endpoint.url()),
        );
        self.agent = Some(agent);
        self.phase = Phase::Talking;
        self.attempts = 0;
        self.send(effects);
    }

    /// Takes that the card could not be fetched.
    pub(super) fn no_card(&mut self, fault: RequestFault, text: &str, effects: &mut Effects) {
        if matches!(self.phase, Phase::Closing(_)) {
            return self.close(effects);
        }
        self.attempts += 1;
        if fault == RequestFault::Unreachable && self.attempts < ATTEMPTS {
            effects.set_timer(timer::RETRY, 250 << self.attempts);
            return;
        }
        let outcome = Outcome::failed(reason(fault), format!("the agent's card cannot be fetched: {text}"));
        self.finish(outcome, effects);
    }
}

/// Gives the word for a request that came to nothing.
pub(super) fn reason(fault: RequestFault) -> &'static str {
    match fault {
        RequestFault::Unreachable => "unreachable",
        RequestFault::Broken => "connection_lost",
        RequestFault::TimedOut => "timed_out",
        RequestFault::TooLarge => "too_large",
        RequestFault::Redirected => "redirected",
        RequestFault::Malformed => "protocol_error",
    }
}

/// Says what would help against an error.
pub(super) fn advice(code: i64) -> &'static str {
    match code {
        401 | 403 => "; give auth_token, auth_token_secret or headers",
        404 => "; is agent_url right, and does the card lie elsewhere (agent_card_path)?",
        _ => "",
    }
}
