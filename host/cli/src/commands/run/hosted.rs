//! A host of one's own, for one run.

use pointsman_engine::{Client, Host};
use pointsman_mcp::Elicitation;
use pointsman_store::Store;
use pointsman_webhook::Webhook;

use crate::attach::{Door, Server as Entrance};
use crate::commands::serve::{entrance, stop};
use crate::commands::webhook::tell;
use crate::config::{Loaded, settings, state_key, webhook};
use crate::control::Server;
use crate::failure::Failure;
use crate::lineage::ancestors;

/// Little is computed here: components run on threads of their own, and agents are other processes.
const WORKERS: usize = 2;

/// A host inside this process, with the control socket by which other terminals reach it.
pub(super) struct Hosted {
    pub(super) host: Host,
    /// Who launches the run.
    pub(super) client: Client,
    /// Whether an agent stands above this process. Whoever asks cannot answer, so nothing is asked in place then.
    pub(super) below_an_agent: bool,
    control: Option<Server>,
    telling: Option<Webhook>,
    /// Where the agents of the run attach.
    _entrance: Option<Entrance>,
}

impl Hosted {
    /// Starts it; `asks` says whether anybody may answer what is asked. Must be called inside the runtime.
    pub(super) async fn start(loaded: &Loaded, asks: bool) -> Result<Self, Failure> {
        let mut settings = settings(loaded)?;
        let webhook = webhook(loaded, &settings.secrets)?;
        settings.key = state_key(loaded)?;
        settings.ancestors = ancestors(|| Store::open_with(&settings.state, settings.key.as_ref()))?;
        let (state, below_an_agent) = (settings.state.clone(), !settings.ancestors.is_empty());
        let host = Host::start(settings).await.map_err(|error| Failure::located(loaded, error))?;
        let control = Server::start(&state, host.clone());
        if let Err(error) = &control {
            tracing::warn!(%error, "no control socket: other terminals cannot reach this run");
        }
        let telling = tell(&host, webhook.filter(|_| asks));
        let entrance = entrance(&state, &host, Door::Agents, Elicitation::default());
        let client = Client {
            name: format!("cli:{}", crate::user::name()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        };
        Ok(Self { host, client, below_an_agent, control: control.ok(), telling, _entrance: entrance })
    }

    /// Ends it, and whatever of the run still lives.
    pub(super) async fn end(self) {
        stop(&self.host, None, self.telling).await;
        if let Some(control) = self.control {
            control.finish().await;
        }
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("pointsman")
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("the runtime cannot be started: {error}")))
}
