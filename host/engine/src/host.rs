//! A host: its parts, its start and its end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointsman_capabilities::process::{Limits, Processes, sweep};
use pointsman_kernel::{Entry, Next, Run};
use pointsman_model::{HostId, Outcome, RunId, RunRecord, SessionId, reason};
use pointsman_store::{HostLease, Store, StoreError};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::driver::{Driver, Order};
use crate::journal::{self, Journal};
use crate::plugins::Plugins;
use crate::projection::Projection;
use crate::sanitize::Sanitizers;
use crate::{Error, Settings, clock};

/// How long the end of a host may take.
const LINGER: Duration = Duration::from_millis(850);

/// Who calls: the root of every chain of principals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// What the client calls itself, such as `claude-code`.
    pub name: String,
    /// Its version, if it says one.
    pub version: Option<String>,
}

/// A host: everything that a face may ask of it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

/// The parts of a host.
pub(crate) struct Inner {
    pub(crate) id: HostId,
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    pub(crate) plugins: Arc<Plugins>,
    pub(crate) sanitizers: Arc<Sanitizers>,
    pub(crate) processes: Processes,
    /// Room for live runs.
    pub(crate) slots: Arc<Semaphore>,
    /// Runs that this process drives.
    pub(crate) live: Mutex<HashMap<RunId, Live>>,
    /// One run of a session after the other, in the order in which they came.
    turns: Mutex<HashMap<SessionId, Arc<tokio::sync::Mutex<()>>>>,
    pub(crate) ending: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Kept to the end: while it is held, nobody takes this host's runs.
    _lease: HostLease,
}

/// How to reach the task that owns a run.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) orders: mpsc::Sender<Order>,
    /// Closes when the run is over and everything of it is written.
    pub(crate) over: watch::Receiver<()>,
}

impl Host {
    /// Opens the state and takes up or ends what a dead host left. Loads no plugin, unless there are rules that no start
    /// has read before.
    ///
    /// # Errors
    ///
    /// If the state cannot be opened, or rules do not hold what their examples say.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let id = HostId::from_random(clock::random());
        let store = Store::open(&settings.state)?;
        let lease = store.register_host(id)?;
        let plugins = Arc::new(Plugins::new(Arc::clone(&settings)));
        let scratch = settings.state.join("scratch");
        if let Err(error) = sweep(&scratch) {
            tracing::warn!(%error, "files of dead hosts' processes could not be removed");
        }
        let processes = Processes::new(settings.supervisor.clone(), Limits::standard(), scratch);
        let inner = Arc::new(Inner {
            id,
            sanitizers: Arc::new(Sanitizers::new(Arc::clone(&plugins))),
            plugins,
            processes,
            slots: Arc::new(Semaphore::new(settings.live_runs)),
            settings,
            store,
            live: Mutex::default(),
            turns: Mutex::default(),
            ending: CancellationToken::new(),
            tasks: TaskTracker::new(),
            _lease: lease,
        });
        let host = Self { inner };
        let plugins = Arc::clone(&host.inner.plugins);
        tokio::task::spawn_blocking(move || plugins.vet_policies())
            .await
            .map_err(|error| Error::Store(format!("reading the rules failed: {error}")))??;
        host.recover().await?;
        Ok(host)
    }

    /// Gives what the operator decided.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Names this host.
    #[must_use]
    pub fn id(&self) -> HostId {
        self.inner.id
    }

    /// Ends every run of this host, its processes included. Runs that wait for a person stay as they are: the next
    /// host takes them up.
    ///
    /// Takes less than a second: clients kill a server that lingers. What has not ended by then ends with this process,
    /// because its supervisors see that their host is gone.
    pub async fn shutdown(&self) {
        self.inner.ending.cancel();
        self.inner.tasks.close();
        if tokio::time::timeout(LINGER, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                runs = self.live_count(),
                "runs have not ended in time; they end with this process"
            );
        }
    }

    /// Reads off the reactor.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.inner.store.read(question).await?)
    }

    /// Invariant 11: a host that died leaves no run running.
    async fn recover(&self) -> Result<(), Error> {
        for dead in self.read(Store::dead_hosts).await? {
            for record in self.read(move |store| store.unfinished_runs_of(dead)).await? {
                if let Err(error) = self.take_up(dead, record).await {
                    tracing::error!(%error, host = %dead, "a run of a dead host could not be taken up");
                }
            }
        }
        Ok(())
    }

    /// Takes over one run of a dead host: a question to a person stays open, anything else ends.
    async fn take_up(&self, dead: HostId, record: RunRecord) -> Result<(), Error> {
        let id = record.run_id;
        if !self.inner.store.adopt(id, dead, self.inner.id).await? {
            return Ok(());
        }
        let run = self.load(record).await?;
        let waits = match run.next() {
            Next::AwaitPerson(_) => true,
            Next::Launch => run.approvals().next().is_some(),
            Next::AskPolicies | Next::Live | Next::Nothing => false,
        };
        if waits {
            let config = self.read(move |store| store.sealed_config(id)).await?;
            self.drive(run, config, None);
            return Ok(());
        }
        let mut journal = self.journal(run);
        let message = "the host that drove this run died; its processes have ended with it";
        let outcome = Outcome::failed(reason::HOST_RESTARTED, message);
        journal
            .write(
                &self.inner,
                pointsman_kernel::Command::Finish(outcome),
                pointsman_store::Durability::Flushed,
            )
            .await
            .map_err(|error| Error::Store(error.to_string()))?;
        journal.close().await;
        Ok(())
    }

    /// Puts a run's state together from the store.
    async fn load(&self, record: RunRecord) -> Result<Run, Error> {
        let id = record.run_id;
        let (spec, lines, events) = self
            .read(move |store| {
                let mut events = Vec::new();
                loop {
                    let after = events.last().map_or(0, |event: &pointsman_model::Event| event.seq);
                    let slice = store.events(id, after, 1_000, usize::MAX)?;
                    events.extend(slice.events);
                    if !slice.more {
                        break;
                    }
                }
                Ok((store.run_spec(id)?, store.entries(id)?, events))
            })
            .await?;
        let created = Entry::Created {
            at: record.started_at,
            run_id: id,
            session_id: record.session_id,
            agent_name: record.agent_name,
            spec: Box::new(spec),
        };
        journal::replay(created, &lines, events)
            .map_err(|error| Error::Store(format!("journal of run {id}: {error}")))
    }

    pub(crate) fn journal(&self, run: Run) -> Journal {
        let wanted = self.inner.settings.run_folders;
        let projection = if wanted { Projection::start(self.inner.store.clone()) } else { Projection::off() };
        Journal::new(run, projection)
    }

    /// Starts the task that owns a run. `ruled` is told when the policies have spoken.
    pub(crate) fn drive(
        &self,
        run: Run,
        config: serde_json::Value,
        ruled: Option<tokio::sync::oneshot::Sender<RunRecord>>,
    ) {
        let id = run.record().run_id;
        let (orders, mailbox) = mpsc::channel(16);
        let (running, over) = watch::channel(());
        self.lock_live().insert(id, Live { orders, over });
        let driver = Driver::new(self.clone(), self.journal(run), config, mailbox, ruled);
        let host = self.clone();
        self.inner.tasks.spawn(async move {
            driver.drive().await;
            host.lock_live().remove(&id);
            drop(running);
        });
    }

    /// Gives the task that owns a run, if it is this process's.
    pub(crate) fn live(&self, run: RunId) -> Option<Live> {
        self.lock_live().get(&run).cloned()
    }

    /// Counts the runs that this process drives.
    pub(crate) fn live_count(&self) -> usize {
        self.lock_live().len()
    }

    fn lock_live(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Live>> {
        self.inner.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the turnstile of a session. Those that wait at it pass in the order in which they came.
    pub(crate) fn turn(&self, session: SessionId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(session).or_default())
    }
}

/// How long a gentle stop may take in all, with what the last kill needs.
pub(crate) fn patience(settings: &Settings) -> Duration {
    settings.stop_grace * 3 + Duration::from_secs(5)
}
