//! The server: who is let in, where things lie, and how answers look.

mod guard;
mod respond;
mod rest;
mod rpc;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use pointsman_engine::Host;
use pointsman_listen::{Limits, Unread};
use pointsman_model::plugin::Feature;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::card::{self, KEYS, REST, RPC, WELL_KNOWN};
use crate::error::ServeError;
use crate::settings::{Admission, AgentSettings, Settings};
use crate::tasks::{Tasks, Viewer};
use guard::Guard;

/// What every request needs.
pub(crate) struct Server<C> {
    settings: Settings,
    guard: Guard,
    limits: Limits,
    base: String,
    pub(crate) tasks: Arc<Tasks<C>>,
}

/// A server that has its address and does not answer yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    base: String,
    limits: Limits,
}

/// Takes an address to listen at; port 0 takes a free one.
///
/// # Errors
///
/// If the address cannot be had, or is not for everybody's settings: anybody's admission is for loopback alone, and
/// an address that stands for all of the machine's needs a public URL.
pub async fn bind(settings: &Settings, address: SocketAddr) -> Result<Bound, ServeError> {
    if matches!(settings.admission, Admission::Anybody) && !address.ip().is_loopback() {
        return Err(ServeError::OpenToAll { address });
    }
    if address.ip().is_unspecified() && settings.public_url.is_none() {
        return Err(ServeError::NoName { address });
    }
    let failed = |source| ServeError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let base = settings.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
    Ok(Bound { listener, address, base: base.trim_end_matches('/').to_owned(), limits: Limits::default() })
}

impl Bound {
    /// Gives the address that is listened at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives where an agent lies: its card is at `/.well-known/agent-card.json` below.
    #[must_use]
    pub fn url_of(&self, agent: &str) -> String {
        format!("{}/agents/{agent}", self.base)
    }

    #[cfg(test)]
    pub(crate) fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Answers until it is told to end. Streams end then, and calls that wait are told to come again.
    ///
    /// # Errors
    ///
    /// If the listener fails for good.
    pub async fn serve(
        self,
        host: Host,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        self.serve_calls(Arc::new(host), settings, shutdown).await
    }

    pub(crate) async fn serve_calls<C: Calls>(
        self,
        host: Arc<C>,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Result<(), ServeError> {
        let server = Server::new(host, settings, self.base, shutdown.clone()).with_limits(self.limits);
        let server = Arc::new(server);
        let answer = move |request| {
            let server = Arc::clone(&server);
            async move { server.answer(request).await }
        };
        let served = pointsman_listen::serve(self.listener, self.limits, answer, shutdown).await;
        served.map_err(|source| ServeError::Listen { source })
    }
}

impl<C: Calls> Server<C> {
    pub(crate) fn new(host: Arc<C>, settings: Settings, base: String, ending: CancellationToken) -> Self {
        Self {
            guard: Guard::new(&settings),
            limits: Limits::default(),
            settings,
            base,
            tasks: Arc::new(Tasks::new(host, ending)),
        }
    }

    fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(crate) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        if let Err(why) = self.guard.stranger(request.headers()) {
            return respond::plain(StatusCode::FORBIDDEN, &why);
        }
        let path = request.uri().path().to_owned();
        let Some((agent, rest)) = self.agent_of(&path) else {
            return respond::plain(StatusCode::NOT_FOUND, "there is no such agent");
        };
        let method = request.method().clone();
        match (&method, rest) {
            (&Method::GET | &Method::HEAD, WELL_KNOWN) => {
                let known = request.headers().get(header::IF_NONE_MATCH).cloned();
                return self.card(agent, known).await;
            }
            (&Method::GET, KEYS) => {
                return match &self.settings.signer {
                    Some(signer) => respond::json(StatusCode::OK, &signer.key_set()),
                    None => respond::plain(StatusCode::NOT_FOUND, "cards are not signed here"),
                };
            }
            _ => {}
        }
        let Some(viewer) = self.guard.viewer(request.headers()) else { return respond::unauthorized() };
        match (&method, rest.strip_suffix('/').unwrap_or(rest)) {
            (&Method::POST, RPC) => rpc::answer(self, agent, &viewer, request).await,
            (_, RPC) => respond::plain(StatusCode::METHOD_NOT_ALLOWED, "JSON-RPC is sent by POST"),
            (_, below) => match below.strip_prefix(REST) {
                Some(below) if below.starts_with('/') => {
                    let below = below.to_owned();
                    rest::answer(self, agent, &viewer, request, &below).await
                }
                _ => respond::plain(StatusCode::NOT_FOUND, "there is nothing here"),
            },
        }
    }

    /// Finds the agent of a path, and what of the path lies below it. The card of the only agent lies at the root, too.
    fn agent_of<'a>(&self, path: &'a str) -> Option<(&AgentSettings, &'a str)> {
        let agents = &self.settings.agents;
        if let Some(below) = path.strip_prefix("/agents/") {
            let (name, rest) = below.split_at(below.find('/').unwrap_or(below.len()));
            return agents.iter().find(|agent| agent.name == name).map(|agent| (agent, rest));
        }
        match agents.as_slice() {
            [only] if path == WELL_KNOWN => Some((only, path)),
            _ => None,
        }
    }

    /// Answers with a card, unless the client knows it.
    async fn card(&self, agent: &AgentSettings, known: Option<HeaderValue>) -> Response {
        // An agent whose backend cannot be loaded has a card all the same; its tasks say what is wrong.
        let features = self.tasks.host.backend_features(&agent.backend).await.unwrap_or_default();
        let base = format!("{}/agents/{}", self.base, agent.name);
        let card = card::card(&self.settings, agent, &base, features.contains(&Feature::Images));
        let tag = format!("W/\"{}\"", pointsman_model::Digest::of(card.to_string().as_bytes()).to_hex());
        let known = known.as_ref().and_then(|it| it.to_str().ok());
        let fresh =
            known.is_some_and(|known| known.split(',').any(|it| it.trim() == tag || it.trim() == "*"));
        let mut response = if fresh {
            respond::empty(StatusCode::NOT_MODIFIED)
        } else {
            respond::json(StatusCode::OK, &card)
        };
        let headers = response.headers_mut();
        respond::header(headers, header::ETAG, &tag);
        respond::header(headers, header::CACHE_CONTROL, "public, max-age=60");
        response
    }
}

/// Reads a request's body, within bounds of size and time.
async fn body(body: Body, limits: &Limits) -> Result<Bytes, Response> {
    pointsman_listen::read(body, limits).await.map_err(|unread| {
        let status = match unread {
            Unread::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Unread::TooSlow => StatusCode::REQUEST_TIMEOUT,
        };
        respond::plain(status, &unread.to_string())
    })
}

/// Says whether a request's body claims to be JSON: a page in a browser cannot send that to a stranger unasked.
fn is_json(request: &Request) -> bool {
    let kind =
        request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Gives the version that a request wants: by header, or by query.
fn version_of(request: &Request) -> Option<String> {
    let header = request.headers().get("a2a-version").and_then(|it| it.to_str().ok()).map(str::to_owned);
    header.or_else(|| {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let mut pairs = url::form_urlencoded::parse(query);
        pairs.find(|(key, _)| key.eq_ignore_ascii_case("a2a-version")).map(|(_, value)| value.into_owned())
    })
}

/// An agent and who asks it: what every operation takes first.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) agent: &'a AgentSettings,
    pub(crate) viewer: &'a Viewer,
}
