//! One task owns one run, from the policies' word to the last process.

mod corrective;
mod discreet;
mod entry;
mod gate;
mod hands;
mod held;
mod live;
mod meter;
mod outcome;
mod permission;
mod raise;
mod say;
mod told;

use std::future::Future;
use std::sync::{Arc, Mutex};

use pointsman_kernel::{Command, Next, Question as Asked, Refused};
use pointsman_model::{ApprovalId, Outcome, Question, RunRecord, RunSpec, Spent, Timestamp, reason};
use pointsman_store::Durability;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use self::meter::Meter;
use crate::facts::{LiveRun, Surroundings};
use crate::journal::{Journal, JournalError};
use crate::judge::{Moment, judge};
use crate::order::Order;
use crate::parts::Parts;
use crate::{Client, Error, clock, facts, request};

/// The task that owns a run.
pub(crate) struct Driver {
    parts: Arc<Parts>,
    journal: Journal,
    config: Value,
    mailbox: mpsc::Receiver<Order>,
    ruled: Option<oneshot::Sender<RunRecord>>,
    meter: Meter,
}

/// Whether there is more to do for this host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    On,
    /// The host ends, and the run stays as it is for the next one.
    Leave,
}

impl Driver {
    pub(crate) fn new(
        parts: Arc<Parts>,
        journal: Journal,
        config: Value,
        mailbox: mpsc::Receiver<Order>,
        ruled: Option<oneshot::Sender<RunRecord>>,
        spent: Arc<Mutex<Spent>>,
    ) -> Self {
        Self { parts, journal, config, mailbox, ruled, meter: Meter::new(spent) }
    }

    /// Takes the run as far as it goes.
    pub(crate) async fn drive(mut self) {
        loop {
            let step = match self.journal.run().next() {
                Next::AskPolicies => self.ask_policies().await,
                Next::AwaitPerson(id) => self.await_person(id).await,
                Next::Launch => match self.await_turn().await {
                    Turn::Ours(admission) => {
                        let step = self.live().await;
                        drop(admission);
                        step
                    }
                    Turn::Gone => Ok(Step::On),
                    Turn::Leave => Ok(Step::Leave),
                },
                Next::Live | Next::Nothing => break,
            };
            match step {
                Ok(Step::On) => {}
                Ok(Step::Leave) => break,
                Err(error) => {
                    tracing::error!(run = %self.journal.run().record().run_id, %error, "a run cannot go on");
                    let why = match error {
                        JournalError::Audit(_) => reason::AUDIT_FAILED,
                        _ => reason::STORE_FAILED,
                    };
                    self.finish(Outcome::failed(why, error.to_string())).await;
                }
            }
        }
        self.journal.close().await;
    }

    async fn write(&mut self, command: Command, durability: Durability) -> Result<(), JournalError> {
        self.journal.write(command, durability).await
    }

    /// Ends the run. A store that cannot take it now is asked again until it can, or until the host ends; then the
    /// next host finds the run and ends it.
    async fn finish(&mut self, outcome: Outcome) {
        loop {
            match self.write(Command::Finish(outcome.clone()), Durability::Flushed).await {
                Ok(()) | Err(JournalError::Refused(_)) => return,
                Err(error) => {
                    tracing::error!(run = %self.journal.run().record().run_id, %error, "the end of a run cannot be stored yet");
                }
            }
            let ending = &self.parts.ending;
            tokio::select! {
                () = ending.cancelled() => return,
                () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
            }
        }
    }

    async fn ask_policies(&mut self) -> Result<Step, JournalError> {
        let run = self.journal.run();
        let action = if run.spec().resumed_from.is_some() { "continue" } else { "spawn" };
        let (mut spec, name) = (run.spec().clone(), run.record().agent_name.clone());
        let question = self.question(action, &spec, request::detail(&spec, &name, &self.config)).await;
        let ruling =
            judge(&self.parts, Some(self.journal.run().record().run_id), &question, Moment::Launch).await;
        if let Some(ceiling) = ruling.ceiling {
            spec.access = spec.access.min(ceiling);
        }
        let detail = request::detail(&spec, &name, &self.config);
        let asked = self.asked(action, &spec, question, detail, ruling.ttl_seconds);
        let written = self.write(Command::Rule { ruling, question: asked }, Durability::Flushed).await;
        if let Some(ruled) = self.ruled.take() {
            // Whoever asked may have gone.
            drop(ruled.send(self.journal.run().record().clone()));
        }
        written.map(|()| Step::On)
    }

    /// Puts a question together that the run asks, with the facts that the host gathers.
    async fn question(&self, action: &str, spec: &RunSpec, detail: Value) -> Question {
        let client = Client {
            name: spec.chain.first().map_or_else(String::new, |root| root.name.clone()),
            version: spec.client_version.clone(),
        };
        self.question_of(action, spec, detail, &client).await
    }

    /// Puts a question together that a client asks about the run.
    async fn question_of(&self, action: &str, spec: &RunSpec, detail: Value, client: &Client) -> Question {
        let run = self.journal.run();
        let live = (run.next() == Next::Live).then(|| LiveRun {
            elapsed_seconds: self.parts.now().as_millis().saturating_sub(run.record().started_at.as_millis())
                / 1000,
            questions: run.approvals().count(),
        });
        let around = Surroundings {
            client: client.clone(),
            run: live,
            budget: self.parts.budget_left(run.record().run_id, spec).await,
            permission: if action == "permission" { detail.get("detail").cloned() } else { None },
            own_tool: (action == "permission").then(|| self.asks_for_own_tool(&spec.backend, &detail)),
            // Looking through a large work tree takes its time; what a plugin does in a run is asked about often.
            changes: !matches!(action, "process" | "request"),
            ..Surroundings::of(&self.parts, spec.cwd.clone())
        };
        let facts = facts::gather(around).await;
        Question {
            action: action.to_owned(),
            chain: spec.chain.clone(),
            backend: Some(spec.backend.clone()),
            role: Some(spec.role.as_str().to_owned()),
            cwd: Some(spec.cwd.clone()),
            access: Some(spec.access),
            detail,
            facts,
            at: self.parts.now(),
        }
    }

    fn asked(
        &self,
        action: &str,
        spec: &RunSpec,
        question: Question,
        detail: Value,
        ttl_seconds: Option<u32>,
    ) -> Asked {
        let ttl = ttl_seconds.map_or(self.parts.settings.approval_ttl.as_secs(), u64::from);
        Asked {
            approval_id: ApprovalId::from_random(clock::random()),
            action: action.to_owned(),
            digest: request::digest(action, spec, &detail),
            chain: question.chain.clone(),
            detail,
            expires_at: self.parts.now().plus_seconds(ttl),
            judged: Some(Box::new(question)),
        }
    }

    /// No answer that is given now reaches further than this.
    fn latest(&self) -> Timestamp {
        self.parts.now().plus_seconds(self.parts.settings.longest_session.as_secs())
    }

    /// Parks the run until a person has spoken, time is up, or somebody cancels it.
    async fn await_person(&mut self, id: ApprovalId) -> Result<Step, JournalError> {
        while self.journal.run().next() == Next::AwaitPerson(id) {
            let lapse = self.lapse();
            let order = tokio::select! {
                order = self.mailbox.recv() => order,
                () = lapse => {
                    self.write(Command::Lapse, Durability::Flushed).await?;
                    continue;
                }
                () = self.parts.ending.cancelled() => return Ok(Step::Leave),
            };
            let Some(order) = order else { return Ok(Step::Leave) };
            self.take_parked(order).await?;
        }
        Ok(Step::On)
    }

    /// Waits for the session's other runs and for room among the live ones.
    async fn await_turn(&mut self) -> Turn {
        let turn = self.parts.turn(self.journal.run().record().session_id);
        let slots = Arc::clone(&self.parts.slots);
        let mut admission = Box::pin(async move {
            let turn = turn.lock_owned().await;
            // The semaphore is never closed.
            let slot = slots.acquire_owned().await.ok();
            Admission { _turn: turn, _slot: slot }
        });
        while self.journal.run().next() == Next::Launch {
            let lapse = self.lapse();
            let written = tokio::select! {
                biased;
                order = self.mailbox.recv() => match order {
                    Some(order) => self.take_parked(order).await,
                    None => return Turn::Leave,
                },
                () = self.parts.ending.cancelled() => {
                    // What a person approved waits for the next host; anything else ends with this one.
                    if self.journal.run().approvals().next().is_none() {
                        drop(self.write(Command::cancel(reason::SHUTDOWN), Durability::Flushed).await);
                    }
                    return Turn::Leave;
                }
                () = lapse => self.write(Command::Lapse, Durability::Flushed).await,
                admission = &mut admission => return Turn::Ours(admission),
            };
            if let Err(error) = written {
                tracing::error!(%error, "a run that waits for its turn cannot be written");
            }
        }
        Turn::Gone
    }

    /// Takes an order while nothing was launched.
    async fn take_parked(&mut self, order: Order) -> Result<(), JournalError> {
        match order {
            Order::Cancel { reason, by, reply } => {
                let written = self.write(Command::Cancel { reason, by }, Durability::Flushed).await;
                respond(reply, written)
            }
            Order::Settle { approval_id, digest, answer, by, reply } => {
                let latest = self.latest();
                let settle = Command::Settle { approval_id, digest, answer, by, latest };
                let written = self.write(settle, Durability::Flushed).await;
                respond(reply, written)
            }
            Order::Revoke { approval_id, by, reply } => self.revoke(approval_id, by, reply).await,
            Order::Exhaust { message } => {
                self.finish(Outcome::failed(reason::BUDGET_EXHAUSTED, message)).await;
                Ok(())
            }
            // It has used nothing yet; what it launches could not.
            Order::Warn(_) => Ok(()),
            Order::Say { reply, .. } | Order::Post { reply, .. } => {
                drop(reply.send(Err(Error::NotAwaitingInput(self.journal.run().record().status))));
                Ok(())
            }
        }
    }

    /// Takes back what a person allowed.
    async fn revoke(
        &mut self,
        approval_id: ApprovalId,
        by: String,
        reply: oneshot::Sender<Result<(), Error>>,
    ) -> Result<(), JournalError> {
        let written = self.write(Command::Revoke { approval_id, by }, Durability::Flushed).await;
        respond(reply, written)
    }

    /// Waits until the next question or answer lapses; for ever if none can.
    fn lapse(&self) -> impl Future<Output = ()> + Send + 'static {
        let sleep = self.journal.run().next_lapse().map(|at| self.parts.settings.clock.sleep_until(at));
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }
}

/// The session's turn and room among the live runs, given back when the run is over.
struct Admission {
    _turn: tokio::sync::OwnedMutexGuard<()>,
    _slot: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// What came of waiting for a turn.
enum Turn {
    /// It is this run's.
    Ours(Admission),
    /// The run ended before its turn came.
    Gone,
    /// The host ends.
    Leave,
}

/// Tells whoever gave an order what became of it; gives back what the run itself must know.
fn respond(
    reply: oneshot::Sender<Result<(), Error>>,
    written: Result<(), JournalError>,
) -> Result<(), JournalError> {
    let (answer, rest) = match written {
        Ok(()) => (Ok(()), Ok(())),
        Err(JournalError::Refused(refused)) => (Err(in_words(&refused)), Ok(())),
        Err(JournalError::Store(error)) => (Err(error.clone().into()), Err(JournalError::Store(error))),
        // Nothing has happened, and the run goes on as if nobody had asked.
        Err(JournalError::Audit(error)) => (Err(Error::Store(error.to_string())), Ok(())),
    };
    // Whoever asked may have gone.
    drop(reply.send(answer));
    rest
}

fn in_words(refused: &Refused) -> Error {
    match refused {
        Refused::Ended(status) => Error::AlreadyTerminal(*status),
        Refused::Stage { status, .. } => Error::NotAwaitingInput(*status),
        refused => Error::Answer(refused.clone()),
    }
}
