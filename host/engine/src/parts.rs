//! The parts of a host: what its calls and the tasks that own its runs share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_approver::Approver;
use pointsman_capabilities::process::Processes;
use pointsman_capabilities::request::Network;
use pointsman_model::{HostId, RunId, SessionId, Timestamp};
use pointsman_sandbox::BackendPlugin;
use pointsman_store::{HostLease, Store, StoreError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::audit::Recorder;
use crate::driven::{Driven, Drivers};
use crate::journal::Pen;
use crate::plugins::Plugins;
use crate::sanitize::Sanitizers;
use crate::token::Tokens;
use crate::{BackendSettings, Error, Settings};

/// The parts of a host.
pub(crate) struct Parts {
    pub(crate) id: HostId,
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) approver: Arc<Approver>,
    pub(crate) plugins: Arc<Plugins>,
    pub(crate) sanitizers: Arc<Sanitizers>,
    pub(crate) processes: Processes,
    pub(crate) network: Network,
    /// Room for live runs.
    pub(crate) slots: Arc<Semaphore>,
    /// By which the agents of live runs are known.
    pub(crate) tokens: Tokens,
    /// Cancelled when the host is to end.
    pub(crate) ending: CancellationToken,
    /// Runs that this process drives.
    pub(crate) driven: Drivers,
    /// One run of a session after the other, in the order in which they came.
    turns: Mutex<HashMap<SessionId, Arc<tokio::sync::Mutex<()>>>>,
    /// Kept to the end: while it is held, nobody takes this host's runs.
    _lease: HostLease,
}

impl Parts {
    pub(crate) fn new(
        settings: Arc<Settings>,
        store: Store,
        lease: HostLease,
        recorder: Arc<Recorder>,
        approver: Approver,
        processes: Processes,
        network: Network,
    ) -> Self {
        let plugins = Arc::new(Plugins::new(Arc::clone(&settings)));
        Self {
            id: lease.host(),
            sanitizers: Arc::new(Sanitizers::new(Arc::clone(&plugins))),
            slots: Arc::new(Semaphore::new(settings.live_runs)),
            approver: Arc::new(approver),
            settings,
            store,
            recorder,
            plugins,
            processes,
            network,
            tokens: Tokens::default(),
            ending: CancellationToken::new(),
            driven: Drivers::default(),
            turns: Mutex::default(),
            _lease: lease,
        }
    }

    /// Reads the clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Gives what writing a run's journal takes.
    pub(crate) fn pen(&self) -> Pen {
        Pen {
            host: self.id,
            store: self.store.clone(),
            sanitizers: Arc::clone(&self.sanitizers),
            clock: Arc::clone(&self.settings.clock),
            recorder: Arc::clone(&self.recorder),
        }
    }

    /// Reads off the reactor.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.store.read(question).await?)
    }

    /// Gives a backend, or says which there are. Blocks.
    pub(crate) fn backend(&self, name: &str) -> Result<(BackendPlugin, &BackendSettings), Error> {
        self.plugins.backend(name)?.ok_or_else(|| {
            let known: Vec<&str> = self.settings.backends.keys().map(String::as_str).collect();
            Error::Invalid(format!(
                "Unknown backend: {name}. This host has {}; an operator adds one as [backends.{name}] in pointsman.toml",
                known.join(", ")
            ))
        })
    }

    /// Gives the task that owns a run, if it is this process's.
    pub(crate) fn driven(&self, run: RunId) -> Option<Driven> {
        self.driven.get(run)
    }

    /// Gives the turnstile of a session. Those that wait at it pass in the order in which they came.
    pub(crate) fn turn(&self, session: SessionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(session).or_default())
    }
}
