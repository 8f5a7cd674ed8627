//! How this machine reaches others: TLS, proxies, bounds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointsman_model::plugin::RequestFault;
use rustls::ClientConfig;
use tokio::sync::OnceCell;

use super::fault::Failure;
use super::origin::{Origin, OriginRules};
use super::proxy::{Proxies, Route};
use super::resolver::Resolver;
use super::tls;

/// What a stream of HTTP/2 may send ahead of its reader. All streams of a connection together fill the connection's
/// own window, so that some whose reader is slow leave room for the others.
const STREAM_WINDOW: u32 = 256 * 1024;
/// The largest window that HTTP/2 knows.
const MOST_WINDOW: u32 = (1 << 31) - 1;

/// How much and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one run that live at once.
    pub live: usize,
    /// How long a connection may take, name and TLS included.
    pub connect_timeout: Duration,
    /// How long silence is borne if the plugin does not say.
    pub idle_timeout: Duration,
    /// How long silence is borne at most.
    pub most_idle_timeout: Duration,
    /// How long a request may take at most.
    pub most_total_timeout: Duration,
    /// Bytes of a response's head.
    pub head_bytes: usize,
    /// Bytes of one server-sent event.
    pub event_bytes: usize,
    /// Bytes of a body that is not a stream of events.
    pub body_bytes: u64,
    /// How often a response may send a request elsewhere, within its origin.
    pub redirects: usize,
}

impl Limits {
    /// The usual: 16 requests, 10 s to connect, 5 minutes of silence (an hour at most), a day in all; heads of 64 KiB,
    /// events of 16 MiB, bodies of 64 MiB; 5 redirects.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            live: 16,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(300),
            most_idle_timeout: Duration::from_secs(3600),
            most_total_timeout: Duration::from_secs(24 * 3600),
            head_bytes: 64 * 1024,
            event_bytes: 16 * 1024 * 1024,
            body_bytes: 64 * 1024 * 1024,
            redirects: 5,
        }
    }
}

/// How this machine reaches others. One for a host.
#[derive(Debug, Clone)]
pub struct Network {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    proxies: Proxies,
    /// By the origin that has certificates of its own; `None` for all the others.
    tls: Mutex<HashMap<Option<Origin>, Arc<OnceCell<ClientConfig>>>>,
}

impl Network {
    /// Makes one. Reads no certificates before the first https request.
    #[must_use]
    pub fn new(proxies: Proxies, limits: Limits) -> Self {
        Self { inner: Arc::new(Inner { limits, proxies, tls: Mutex::default() }) }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Makes a pool of connections to one origin.
    pub(super) async fn pool(&self, rules: &OriginRules) -> Result<reqwest::Client, Failure> {
        let unreachable = |text: String| Failure::new(RequestFault::Unreachable, text);
        let limits = self.limits();
        let route = self.inner.proxies.route(rules).map_err(unreachable)?;
        let by_tls =
            rules.origin.as_str().starts_with("https:") || matches!(route, Route::Proxy { by_tls: true, .. });
        let tls = self.tls(rules, by_tls).await.map_err(unreachable)?;
        let streams = u32::try_from(limits.live).unwrap_or(u32::MAX).saturating_add(1);
        let connection_window = STREAM_WINDOW.saturating_mul(streams).min(MOST_WINDOW);
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("pointsman/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(limits.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(connection_window)
            .http2_max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX));
        let builder = match route {
            Route::Direct => builder.dns_resolver(Resolver::direct(rules)),
            Route::Proxy { proxy, .. } => builder.dns_resolver(Resolver::of_proxy(rules)).proxy(*proxy),
        };
        builder.build().map_err(|error| unreachable(format!("no connection can be made: {error}")))
    }

    async fn tls(&self, rules: &OriginRules, needed: bool) -> Result<ClientConfig, String> {
        if !needed {
            return tls::trusting_nobody().map_err(|error| error.to_string());
        }
        let own = (!rules.certificates.is_empty()).then(|| rules.origin.clone());
        let cell = {
            let mut known = self.inner.tls.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(own).or_default())
        };
        let certificates = rules.certificates.clone();
        let read = || async move {
            let read = tokio::task::spawn_blocking(move || tls::trusting(certificates)).await;
            match read {
                Ok(config) => config.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            }
        };
        let config = cell.get_or_try_init(read).await;
        config.cloned().map_err(|error| format!("certificates that are trusted cannot be had: {error}"))
    }
}
