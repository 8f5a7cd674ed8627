//! Requests that are under way, and what came of them so far.

use std::collections::BTreeMap;

use pointsman_sdk::backend::{Effects, Framing, HandleId, Request, ResponseHead, Value as Secret};

use crate::address::shortened;
use crate::config::Config;
use crate::dialect::Written;
use crate::json;
use crate::reply::Fault;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Card,
    Send,
    Subscribe,
    Poll,
    Cancel,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) purpose: Purpose,
    /// The method, for people.
    pub(crate) name: &'static str,
    pub(crate) status: Option<u16>,
    /// A stream was asked for and came.
    pub(crate) streams: bool,
    /// Events that came of it.
    pub(crate) events: usize,
    challenge: Option<String>,
    body: Vec<u8>,
}

/// All requests that are under way.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    last: HandleId,
    live: BTreeMap<HandleId, Call>,
}

impl Calls {
    /// Gives the handle that the next request will have.
    pub(crate) fn next(&self) -> HandleId {
        self.last.wrapping_add(1)
    }

    /// Sends a request, with the headers that every request has.
    pub(crate) fn send(
        &mut self,
        purpose: Purpose,
        name: &'static str,
        written: Written,
        headers: Vec<(String, Secret)>,
        effects: &mut Effects,
    ) -> HandleId {
        self.last = self.next();
        let id = self.last;
        let streams = matches!(purpose, Purpose::Send | Purpose::Subscribe);
        // A stream may be silent for as long as its agent thinks, and a message may be answered as late: what the task
        // is doing is asked beside it.
        let (idle, total) = match purpose {
            Purpose::Card | Purpose::Poll => (30_000, Some(30_000)),
            Purpose::Cancel => (5_000, Some(5_000)),
            Purpose::Send | Purpose::Subscribe => (3_600_000, None),
        };
        effects.send_request(Request {
            id,
            method: written.method.to_owned(),
            url: written.url,
            headers,
            body: written.body.map(|body| body.to_string().into_bytes()),
            framing: if streams { Framing::Sse } else { Framing::Bytes },
            idle_timeout_ms: Some(idle),
            total_timeout_ms: total,
        });
        let call = Call {
            purpose,
            name,
            status: None,
            streams: false,
            events: 0,
            challenge: None,
            body: Vec::new(),
        };
        self.live.insert(id, call);
        id
    }

    /// Takes the beginning of a response.
    pub(crate) fn head(&mut self, head: ResponseHead) {
        let Some(call) = self.live.get_mut(&head.id) else { return };
        let header = |name: &str| {
            let found = head.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.trim().to_ascii_lowercase())
        };
        let content = header("content-type").unwrap_or_default();
        call.status = Some(head.status);
        // An error comes as plain JSON even where a stream was asked for.
        call.streams = content.starts_with("text/event-stream");
        let found = head.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case("www-authenticate"));
        call.challenge = found.map(|(_, value)| shortened(value));
    }

    /// Takes a piece of a body. The error says that there is too much of it.
    pub(crate) fn bytes(&mut self, id: HandleId, bytes: &[u8]) -> Result<(), String> {
        let Some(call) = self.live.get_mut(&id) else { return Ok(()) };
        if call.body.len() + bytes.len() > json::LARGEST {
            return Err(format!(
                "the agent's answer to {} is longer than {} bytes",
                call.name,
                json::LARGEST
            ));
        }
        call.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Gives a request that is under way.
    pub(crate) fn get_mut(&mut self, id: HandleId) -> Option<&mut Call> {
        self.live.get_mut(&id)
    }

    /// Takes one that is over.
    pub(crate) fn end(&mut self, id: HandleId) -> Option<Call> {
        self.live.remove(&id)
    }

    /// Gives up one.
    pub(crate) fn abort(&mut self, id: HandleId, effects: &mut Effects) {
        if self.live.remove(&id).is_some() {
            effects.abort_request(id);
        }
    }

    /// Gives up all of one purpose.
    pub(crate) fn abort_all(&mut self, purpose: Purpose, effects: &mut Effects) {
        let ids: Vec<HandleId> =
            self.live.iter().filter(|(_, call)| call.purpose == purpose).map(|(id, _)| *id).collect();
        for id in ids {
            self.abort(id, effects);
        }
    }

    /// Says whether one of this purpose is under way.
    pub(crate) fn is_live(&self, purpose: Purpose) -> bool {
        self.live.values().any(|call| call.purpose == purpose)
    }
}

impl Call {
    /// Says whether nothing came that was not an event.
    pub(crate) fn body_is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Reads the body as JSON, or says what is wrong with the answer as a whole.
    pub(crate) fn body(&self) -> Result<serde_json::Value, Fault> {
        let status = self.status.unwrap_or_default();
        let good = (200..300).contains(&status);
        let text = String::from_utf8_lossy(&self.body);
        let parsed = json::read(&text);
        if good {
            return parsed
                .map_err(|wrong| Fault { code: 0, message: format!("the answer to {} {wrong}", self.name) });
        }
        // Errors of REST say in their body what an envelope of JSON-RPC would say.
        let object = parsed.ok().and_then(|value| value.as_object().cloned());
        let said = object.as_ref().and_then(|object| {
            let fault = crate::reply::fault(object).map(|fault| (fault.code, fault.message));
            fault.or_else(|| Some((0, json::text(object, "message").map(shortened)?)))
        });
        let challenge =
            self.challenge.as_ref().map(|challenge| format!("; it wants {challenge}")).unwrap_or_default();
        let (code, message) = match said {
            Some((code, said)) if code < 0 => (code, said),
            Some((_, said)) => (i64::from(status), format!("HTTP {status}: {said}{challenge}")),
            None => (i64::from(status), format!("HTTP {status}{challenge}")),
        };
        Err(Fault { code, message })
    }
}

/// Makes the headers of a request: what the protocol wants, and what the configuration adds to every one.
pub(crate) fn headers(
    config: &Config,
    stream: bool,
    body: bool,
    version: Option<crate::card::Version>,
) -> Vec<(String, Secret)> {
    let mut headers: Vec<(String, Secret)> = Vec::new();
    let mut put = |name: &str, value: Secret| {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value));
    };
    let plain = |text: &str| Secret::Plain(text.to_owned());
    put("accept", plain(if stream { "text/event-stream" } else { "application/json" }));
    if body {
        put("content-type", plain("application/json"));
    }
    if version == Some(crate::card::Version::V1) {
        put("a2a-version", plain("1.0"));
    }
    if !config.extensions.is_empty() && version.is_some() {
        let name =
            if version == Some(crate::card::Version::V1) { "a2a-extensions" } else { "x-a2a-extensions" };
        put(name, Secret::Plain(config.extensions.join(", ")));
    }
    if let Some(token) = &config.auth_token {
        put("authorization", Secret::Plain(format!("Bearer {token}")));
    }
    if let Some(name) = &config.auth_token_secret {
        put("authorization", Secret::Secret(name.clone()));
    }
    for (name, value) in &config.headers {
        put(&name.to_ascii_lowercase(), plain(value));
    }
    for (name, secret) in &config.secret_headers {
        put(&name.to_ascii_lowercase(), Secret::Secret(secret.clone()));
    }
    headers
}
