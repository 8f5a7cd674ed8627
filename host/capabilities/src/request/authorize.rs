//! Whether a plugin may send a request, and what exactly would be sent.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pointsman_model::plugin::{Framing, HandleId, Request, SecretOr};
use pointsman_model::{Digest, Leaf};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use url::Url;

use super::header;
use super::origin::{Origin, OriginRules, Origins};
use super::path::ambiguity;
use crate::secret::{Recipient, SecretError, Secrets};
use crate::{Asker, Refusal};

/// Bytes of a URL at most.
const MOST_URL: usize = 16 * 1024;

/// How a response's body is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Into events, if it is a stream of such.
    Events,
    /// Not at all.
    Bytes,
}

/// A request that may be sent. Only [`authorize`] makes one.
///
/// It shows where it goes, without its query, its headers' values and its body: some are secrets.
#[derive(Clone)]
pub struct AuthorizedRequest {
    pub(super) id: HandleId,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    /// Counted, not copied, each time that it is sent.
    pub(super) body: Option<Bytes>,
    pub(super) cut: Cut,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) total_timeout: Option<Duration>,
    pub(super) rules: Arc<OriginRules>,
    /// Whether its path is a secret.
    quiet: bool,
}

impl AuthorizedRequest {
    /// Has logs and failures show no more of it than its origin: some servers take a secret in the path.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Gives the plugin's handle.
    #[must_use]
    pub fn id(&self) -> HandleId {
        self.id
    }

    /// Gives the method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Gives the URL without its query, as logs show it.
    #[must_use]
    pub fn place(&self) -> String {
        if self.quiet { self.rules.origin().to_string() } else { place(&self.url) }
    }
}

impl AuthorizedRequest {
    /// Tells exactly what would be sent, as policies and people see it: where to and which headers, without the query,
    /// the headers' values and the body, which may hold secrets. Digests stand for the query and the body.
    #[must_use]
    pub fn told(&self) -> Value {
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        let mut headers: Vec<_> = self.headers.keys().map(|name| name.as_str()).collect();
        headers.sort_unstable();
        json!({
            "origin": self.rules.origin().as_str(),
            "method": self.method.as_str(),
            "path": self.url.path(),
            "headers": headers,
            "query_digest": self.url.query().map(|query| digest(query.as_bytes())),
            "body_digest": self.body.as_ref().map(|body| digest(body)),
        })
    }
}

impl fmt::Debug for AuthorizedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedRequest")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("place", &self.place())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Gives a URL as people and logs may see it: without user, query and fragment.
pub(super) fn place(url: &Url) -> String {
    match Origin::of(url) {
        Some(origin) => format!("{origin}{}", url.path()),
        None => format!("a URL of scheme {}", url.scheme()),
    }
}

impl OriginRules {
    /// Says whether a method may be used on a URL of this origin; else what would help.
    pub(super) fn permit(&self, method: &Method, url: &Url) -> Result<(), String> {
        let origin = self.origin();
        let line = |key: &str, values: Vec<String>| {
            let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("[origins.\"{origin}\"] {key} = [{}]", values.join(", "))
        };
        if !self.methods().iter().any(|permitted| permitted == method.as_str()) {
            let methods = self.methods().iter().cloned().chain([method.to_string()]).collect();
            let line = line("methods", methods);
            return Err(format!("method {method} is not permitted at {origin}; to allow it: {line}"));
        }
        let path = url.path();
        if self.paths().is_empty() {
            return Ok(());
        }
        if let Some(trick) = ambiguity(path) {
            return Err(format!(
                "path {path} holds {trick}, which servers read differently, and {origin} is permitted for some paths \
                 only"
            ));
        }
        if self.paths().iter().any(|prefix| prefix.covers(path)) {
            return Ok(());
        }
        let paths = self.paths().iter().map(ToString::to_string).chain([path.to_owned()]).collect();
        Err(format!("path {path} is not permitted at {origin}; to allow it: {}", line("paths", paths)))
    }
}

/// Decides whether a plugin may send `request`. Nothing is sent, but secrets are read.
///
/// Where the name leads is tested when it is connected to: that is a failure to reach it, not a refusal.
///
/// # Errors
/// If a grant is missing, the operator's table does not have it so, or the request is malformed.
pub fn authorize(
    request: &Request,
    asker: &Asker<'_>,
    origins: &Origins,
    secrets: &Secrets,
) -> Result<AuthorizedRequest, Refusal> {
    let refuse = |leaf, reason| Refusal { effect: "send-request", id: Some(request.id), leaf, reason };
    let send = |reason: String| refuse(Leaf::RequestSend, reason);
    if request.url.len() > MOST_URL {
        return Err(send(format!("a URL has at most {MOST_URL} bytes")));
    }
    // A text that is no URL is not repeated: whatever it is, it may hold a password.
    let mut url = Url::parse(&request.url).map_err(|error| send(format!("the URL is none: {error}")))?;
    let origin = Origin::of(&url)
        .ok_or_else(|| send(format!("only http and https are spoken, not {}", url.scheme())))?;
    asker.check(Leaf::RequestSend, origin.as_str()).map_err(send)?;
    if !url.username().is_empty() || url.password().is_some() {
        let why = "the URL holds a user or a password; give credentials as a header, best as a secret";
        return Err(send(why.to_owned()));
    }
    url.set_fragment(None);
    let rules = origins.get(origin.as_str()).ok_or_else(|| {
        send(format!("the operator's table has no origin {origin}; to add it: [origins.\"{origin}\"]"))
    })?;
    let method: Method = request.method.parse().map_err(|_| {
        send(format!("{:?} is no method", request.method.chars().take(32).collect::<String>()))
    })?;
    rules.permit(&method, &url).map_err(send)?;
    let cut = match request.framing {
        Framing::Sse => Cut::Events,
        Framing::Bytes => Cut::Bytes,
        Framing::Lines => {
            let why = "framing `lines` is for processes; a request takes `sse` or `bytes`";
            return Err(send(why.to_owned()));
        }
    };
    let mut headers = HeaderMap::new();
    for (text, value) in &request.headers {
        let name = header::name(text).map_err(send)?;
        let value = match value {
            SecretOr::Plain(text) => header::plain(&name, text).map_err(send)?,
            SecretOr::Secret(secret) => {
                if url.scheme() == "http" && !rules.stays_here() {
                    return Err(send(format!(
                        "secret {secret:?} would go to {origin} in the clear; a secret is sent by https, or to this \
                         machine"
                    )));
                }
                let read = secrets
                    .resolve(asker, secret, Recipient::Origin(&origin))
                    .map_err(|error: SecretError| refuse(Leaf::SecretUse, error.to_string()))?;
                header::secret(&name, &read).map_err(|reason| refuse(Leaf::SecretUse, reason))?
            }
        };
        headers.append(name, value);
    }
    header::within_bounds(&headers).map_err(send)?;
    let milliseconds = |timeout: u32| Duration::from_millis(timeout.into());
    Ok(AuthorizedRequest {
        id: request.id,
        method,
        url,
        headers,
        body: request.body.clone().map(Bytes::from),
        cut,
        idle_timeout: request.idle_timeout_ms.map(milliseconds),
        total_timeout: request.total_timeout_ms.map(milliseconds),
        rules: Arc::clone(rules),
        quiet: false,
    })
}
