//! Sending one message once.

use std::time::Duration;

use pointsman_capabilities::Asker;
use pointsman_capabilities::request::{Client, Limits, Network, Proxies, ResponseEvent, authorize};
use pointsman_capabilities::secret::Secrets;
use pointsman_model::plugin::{Framing, HandleId, Request, SecretOr};
use pointsman_model::{CapabilityRequest, Grant, Leaf, Timestamp};

use crate::receiver::Receiver;
use crate::secret::Secret;

/// How long a receiver may take to say that it has a message.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of a receiver's answer: nobody reads them.
const ANSWER: u64 = 16 * 1024;
/// The table that the operator would look at, where a refusal names one.
const TABLE: &str = "approvals.webhook";

/// Sends messages to the receiver.
pub(crate) struct Post {
    network: Network,
    receiver: Receiver,
    secret: Secret,
    requests: [CapabilityRequest; 1],
    grants: [Grant; 1],
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The receiver has it.
    Taken,
    /// The receiver wants no messages any more.
    Gone,
    /// It does not have it; it may have it later.
    Failed {
        /// Why, without the address and what was sent.
        why: String,
        /// When the receiver wants to be asked again, if it said so.
        again: Option<Duration>,
    },
}

impl Post {
    pub(crate) fn new(receiver: Receiver, secret: Secret, proxies: Proxies) -> Self {
        let limits = Limits {
            idle_timeout: PATIENCE,
            most_idle_timeout: PATIENCE,
            most_total_timeout: PATIENCE,
            body_bytes: ANSWER,
            event_bytes: 1024,
            redirects: 0,
            ..Limits::standard()
        };
        let target = receiver.origin.as_str().to_owned();
        let why = "messages about questions".to_owned();
        Self {
            network: Network::new(proxies, limits),
            requests: [CapabilityRequest { leaf: Leaf::RequestSend, target: target.clone(), why }],
            grants: [Grant { leaf: Leaf::RequestSend, target }],
            receiver,
            secret,
        }
    }

    /// Gives where messages go, as logs may show it.
    pub(crate) fn place(&self) -> &str {
        self.receiver.origin.as_str()
    }

    /// Sends a message, signed as of now.
    pub(crate) async fn send(&self, id: &str, body: &str, now: Timestamp) -> Sent {
        // What a plugin's operator would write elsewhere is written in this table here.
        let there = format!("[origins.\"{}\"]", self.receiver.origin);
        let failed =
            |why: String| Sent::Failed { why: why.replace(&there, &format!("[{TABLE}]")), again: None };
        let seconds = now.as_millis() / 1000;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", self.secret.sign(id, seconds, body)),
        ];
        let request = Request {
            id: HandleId::default(),
            method: "POST".to_owned(),
            url: self.receiver.url.to_string(),
            headers: headers.map(|(name, value)| (name.to_owned(), SecretOr::Plain(value))).to_vec(),
            body: Some(body.as_bytes().to_vec()),
            framing: Framing::Bytes,
            idle_timeout_ms: None,
            total_timeout_ms: None,
        };
        let asker = Asker { table: TABLE, requests: &self.requests, grants: &self.grants };
        let authorized = authorize(&request, &asker, &self.receiver.origins, &Secrets::default());
        // A client of its own: whatever the last one's connection has come to is not this one's.
        let mut client = Client::new(&self.network);
        let sent = authorized.and_then(|request| client.send(request.quiet()));
        let (_live, mut events) = match sent {
            Ok(sent) => sent,
            Err(refusal) => return failed(refusal.reason),
        };
        let mut verdict = None;
        while let Some(event) = events.recv().await {
            match event {
                ResponseEvent::Head { status, headers } => verdict = Some(verdict_of(status, &headers, now)),
                ResponseEvent::Events(_) | ResponseEvent::Bytes(_) => {}
                // What comes behind the status decides nothing.
                ResponseEvent::Ended => break,
                ResponseEvent::Failed { text, .. } => return verdict.unwrap_or_else(|| failed(text)),
            }
        }
        verdict.unwrap_or_else(|| failed("the connection ended without an answer".to_owned()))
    }
}

fn verdict_of(status: u16, headers: &[(String, String)], now: Timestamp) -> Sent {
    match status {
        200..=299 => Sent::Taken,
        410 => Sent::Gone,
        _ => {
            let said = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            let again = said.and_then(|(_, value)| retry_after(value.trim(), now));
            Sent::Failed { why: format!("it answered with status {status}"), again }
        }
    }
}

/// Reads when to come again: in so many seconds, or at a time (RFC 9110, 10.2.3).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Whatever is too large for a number is longer than anybody waits.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let at = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_millis(now.as_millis())))
}
