//! A host: its parts, its start and its end.

use std::sync::Arc;
use std::time::Duration;

use pointsman_approver::Approver;
use pointsman_capabilities::process::{HostEnvironment, Limits, Processes, sweep};
use pointsman_capabilities::request::{self, Network, Proxies};
use pointsman_kernel::{Command, Entry, Next, Run};
use pointsman_model::{Event, HostId, Outcome, Principal, RunRecord, reason};
use pointsman_store::{Durability, Store};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;

use crate::approver::APPROVER_PIN;
use crate::audit::Recorder;
use crate::driven::Driven;
use crate::driver::Driver;
use crate::journal::{self, Journal};
use crate::parts::Parts;
use crate::projection::Projection;
use crate::tree::PARENT_OVER;
use crate::{Error, Settings, clock};

/// How often hosts that died are looked for.
const WATCH: Duration = Duration::from_secs(10);

/// How long the end of a host may take.
const LINGER: Duration = Duration::from_millis(850);

/// A host: everything that a face may ask of it. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    pub(crate) parts: Arc<Parts>,
    pub(crate) tasks: TaskTracker,
    /// Who stands above whoever meets it here, from the root.
    pub(crate) above: Arc<[Principal]>,
}

impl Host {
    /// Opens the state and takes up or ends what a dead host left. Loads no plugin, unless there are rules, or a
    /// sanitizer's configuration, that no start has read before.
    ///
    /// # Errors
    ///
    /// If the state cannot be opened, rules do not hold what their examples say, or a sanitizer does not take its
    /// configuration.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let id = HostId::from_random(clock::random());
        let store = Store::open_with(&settings.state, settings.key.as_ref())?;
        let lease = store.register_host(id)?;
        settings.secrets.handed_out().salt(store.redaction_salt()?);
        let approver = Approver::open(&settings.state).pinned(store.pin(APPROVER_PIN)?);
        let recorder = Recorder::open(&settings, id).map_err(|error| Error::Store(error.to_string()))?;
        let recorder = Arc::new(recorder);
        let scratch = settings.state.join("scratch");
        if let Err(error) = sweep(&scratch) {
            tracing::warn!(%error, "files of dead hosts' processes could not be removed");
        }
        let processes = Processes::new(settings.supervisor.clone(), Limits::standard(), scratch);
        let proxies = Proxies::of(&HostEnvironment::of_this_process());
        let network = Network::new(proxies, request::Limits::standard());
        let parts = Arc::new(Parts::new(settings, store, lease, recorder, approver, processes, network));
        let above = Arc::from(parts.settings.ancestors.as_slice());
        let host = Self { parts, tasks: TaskTracker::new(), above };
        let plugins = Arc::clone(&host.parts.plugins);
        tokio::task::spawn_blocking(move || plugins.vet())
            .await
            .map_err(|error| Error::Store(format!("reading rules and configurations failed: {error}")))??;
        host.parts.recorder.started();
        host.recover().await?;
        host.lapse_standing().await;
        host.keep_watch();
        Ok(host)
    }

    /// Gives what the operator decided.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// Names this host.
    #[must_use]
    pub fn id(&self) -> HostId {
        self.parts.id
    }

    /// Ends every run of this host, its processes included. Runs that wait for a person stay as they are: the next
    /// host takes them up.
    ///
    /// Takes less than a second: clients kill a server that lingers. What has not ended by then ends with this process,
    /// because its supervisors see that their host is gone.
    pub async fn shutdown(&self) {
        self.parts.ending.cancel();
        self.tasks.close();
        if tokio::time::timeout(LINGER, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                runs = self.parts.driven.count(),
                "runs have not ended in time; they end with this process"
            );
        }
        self.parts.recorder.stopped().await;
    }

    /// Looks now and then for hosts that died: what they left need not wait until another one starts.
    fn keep_watch(&self) {
        let host = self.clone();
        // Not tracked: there is nothing of it to wait for.
        tokio::spawn(async move {
            let ending = host.parts.ending.clone();
            while tokio::time::timeout(WATCH, ending.cancelled()).await.is_err() {
                if let Err(error) = host.recover().await {
                    tracing::warn!(%error, "runs of dead hosts could not be looked for");
                }
                host.lapse_standing().await;
            }
        });
    }

    /// Ends approvals that outlived their runs, and whose time is over now.
    async fn lapse_standing(&self) {
        match self.parts.store.lapse_standing(self.parts.now()).await {
            Ok(lapsed) => {
                for approval in lapsed {
                    tracing::info!(approval = %approval.approval_id, "a standing approval has lapsed");
                    self.parts.recorder.ended(&approval).await;
                }
            }
            Err(error) => tracing::warn!(%error, "standing approvals could not be looked through"),
        }
    }

    /// Invariant 11: a host that died leaves no run running.
    async fn recover(&self) -> Result<(), Error> {
        for dead in self.parts.read(Store::dead_hosts).await? {
            for record in self.parts.read(move |store| store.unfinished_runs_of(dead)).await? {
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
        if !self.parts.store.adopt(id, dead, self.parts.id).await? {
            return Ok(());
        }
        let run = self.load(record).await?;
        let waits = match run.next() {
            Next::AwaitPerson(_) => true,
            // What was allowed and then taken back is put to the policies anew.
            Next::Launch | Next::AskPolicies => run.approvals().next().is_some(),
            Next::Live | Next::Nothing => false,
        };
        if waits && self.is_orphan(run.spec()).await? {
            let mut journal = self.journal(run);
            let cancel = Command::cancel(PARENT_OVER);
            let written = journal.write(cancel, Durability::Flushed).await;
            journal.close().await;
            return written.map_err(|error| Error::Store(error.to_string()));
        }
        if waits {
            let config = self.parts.read(move |store| store.sealed_config(id)).await?;
            self.drive(run, config, None);
            return Ok(());
        }
        let mut journal = self.journal(run);
        let message = "the host that drove this run died; its processes have ended with it";
        let outcome = Outcome::failed(reason::HOST_RESTARTED, message);
        journal
            .write(Command::Finish(outcome), Durability::Flushed)
            .await
            .map_err(|error| Error::Store(error.to_string()))?;
        journal.close().await;
        Ok(())
    }

    /// Puts a run's state together from the store.
    async fn load(&self, record: RunRecord) -> Result<Run, Error> {
        let id = record.run_id;
        let (spec, lines, events) = self
            .parts
            .read(move |store| {
                let mut events = Vec::new();
                loop {
                    let after = events.last().map_or(0, |event: &Event| event.seq);
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

    fn journal(&self, run: Run) -> Journal {
        let store = self.parts.store.clone();
        let folders = self.parts.settings.run_folders;
        let projection = if folders { Projection::start(store) } else { Projection::off() };
        Journal::new(run, self.parts.pen(), projection)
    }

    /// Starts the task that owns a run. `ruled` is told when the policies have spoken.
    pub(crate) fn drive(&self, run: Run, config: Value, ruled: Option<oneshot::Sender<RunRecord>>) {
        let id = run.record().run_id;
        let (orders, mailbox) = mpsc::channel(16);
        let (running, over) = watch::channel(());
        let spent = Arc::default();
        self.parts.driven.begin(id, Driven { orders, over, spent: Arc::clone(&spent) });
        let (parts, host) = (Arc::clone(&self.parts), self.clone());
        let driver = Driver::new(Arc::clone(&parts), self.journal(run), config, mailbox, ruled, spent);
        self.tasks.spawn(async move {
            driver.drive().await;
            parts.driven.end(id);
            if let Err(error) = parts.check_accounts(id).await {
                tracing::error!(run = %id, %error, "budgets could not be looked at");
            }
            host.end_children(id).await;
            drop(running);
        });
    }
}
