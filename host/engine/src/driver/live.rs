//! A live run: inputs go to its plugin, effects come back and are performed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pointsman_capabilities::timer::Ring;
use pointsman_kernel::Command;
use pointsman_model::plugin::{Effect, Input, PermissionAnswer, PluginEvent, Stamped, Task};
use pointsman_model::{Ending, EventKind, Failure, Outcome, Status, Verdict, reason};
use pointsman_sandbox::{BackendPlugin, BackendRun, CallError};
use pointsman_store::Durability;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::hands::{Asking, Hands, refused};
use super::outcome::checked;
use super::{Driver, Step, awaits, in_words, respond};
use crate::journal::JournalError;
use crate::order::Order;
use crate::{Error, clock, request};

/// Inputs handed to a plugin at once, at most. Each may hold many lines.
const BATCH: usize = 16;

/// Refusals in a row that a plugin may answer with something else that is refused.
const REFUSALS: u32 = 32;

/// Further away than any run lasts.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A live run's plugin and everything that it set in motion.
struct Stage {
    plugin: BackendPlugin,
    /// Taken while a call is on another thread.
    guest: Option<BackendRun>,
    hands: Hands,
    inputs: mpsc::Receiver<Input>,
    rings: mpsc::Receiver<Ring>,
    /// Inputs of the host's own, handed over before anything else.
    own: VecDeque<Input>,
    /// How often in a row the plugin was told nothing but refusals.
    refusals: u32,
    /// When patience with a run that was cancelled ends.
    deadline: Option<Instant>,
}

impl Driver {
    /// Launches the run and stays with it to its end.
    pub(super) async fn live(&mut self) -> Result<Step, JournalError> {
        let run = self.journal.run();
        let (spec, record) = (run.spec().clone(), run.record().clone());
        let action = if spec.resumed_from.is_some() { "continue" } else { "spawn" };
        let detail = request::detail(&spec, &record.agent_name, &self.config);
        let supervision = Some(pointsman_capabilities::process::supervision());
        let launch = Command::Launch { digest: request::digest(action, &spec, &detail), supervision };
        match self.write(launch, Durability::Flushed).await {
            Ok(()) => {}
            // The approval is for another request, or lapsed: never launched.
            Err(JournalError::Refused(refused)) => {
                let outcome =
                    Outcome::without_result(Ending::Rejected, reason::APPROVAL_DENIED, refused.to_string());
                self.finish(outcome).await;
                return Ok(Step::On);
            }
            Err(error) => return Err(error),
        }
        let outcome = match self.raise(&spec).await {
            Ok((mut stage, effects)) => {
                let outcome = self.act(&mut stage, effects).await;
                let grace = self.grace();
                // Invariant 10: what lives of the run ends before its end can be seen.
                stage.inputs.close();
                stage.hands.stop_all(grace).await;
                outcome?
            }
            Err(outcome) => outcome,
        };
        let outcome = checked(outcome, spec.output_schema.as_ref());
        let outcome = self.parts.sanitizers.clean_outcome(outcome, clock::now()).await;
        self.finish(outcome).await;
        Ok(Step::On)
    }

    /// Instantiates the plugin and hands it the task.
    async fn raise(&self, spec: &pointsman_model::RunSpec) -> Result<(Stage, Vec<Effect>), Outcome> {
        let record = self.journal.run().record();
        let session_id = record.session_id;
        let session = self.parts.read(move |store| store.session(session_id)).await;
        let session = session.map_err(|error| Outcome::failed(reason::STORE_FAILED, error.to_string()))?;
        let resume = match spec.session_mode {
            pointsman_model::SessionMode::New => None,
            pointsman_model::SessionMode::Resume => {
                let remembered = session.and_then(|session| session.remembered);
                if remembered.is_none() {
                    let message = format!("Session {session_id} has no backend session id yet");
                    return Err(Outcome::failed(reason::TASK_REFUSED, message));
                }
                remembered
            }
        };
        let task = Task {
            run_id: record.run_id.to_string(),
            session_id: session_id.to_string(),
            agent_name: record.agent_name.clone(),
            started_at: record.started_at,
            role: spec.role.as_str().to_owned(),
            message: spec.message.clone(),
            instructions: spec.profile.as_ref().map(|(path, text)| format!("Profile: {path}\n\n{text}")),
            cwd: spec.cwd.clone(),
            access: spec.access,
            output_schema: spec.output_schema.clone(),
            resume,
            config: self.config.clone(),
        };
        let (parts, expected) = (Arc::clone(&self.parts), spec.plugin);
        let backend = spec.backend.clone();
        let raised = tokio::task::spawn_blocking(move || {
            let failed = |reason, error: String| Failure { reason: str::to_owned(reason), message: error };
            let (plugin, settings) =
                parts.backend(&backend).map_err(|error| failed(reason::PLUGIN_FAILED, error.to_string()))?;
            if expected.is_some_and(|expected| expected != plugin.digest()) {
                let message =
                    format!("the component of backend {backend} is not the one this run was allowed with");
                return Err(failed(reason::PLUGIN_FAILED, message));
            }
            let grants = settings.grants.clone();
            match plugin.start(&task, clock::random()) {
                Ok((guest, effects)) => Ok((plugin, grants, guest, effects)),
                Err(error) => Err(failed(blame(&error), error.to_string())),
            }
        });
        let raised = raised.await.map_err(|error| panicked(&error))?;
        let (plugin, grants, guest, effects) =
            raised.map_err(|failure| Outcome::failed(&failure.reason, failure.message))?;
        let requests = plugin.about().common.requests.clone();
        let environment = vec![
            ("PEER_NAME".to_owned(), record.agent_name.clone()),
            ("PEER_SESSION_ID".to_owned(), session_id.to_string()),
            ("PEER_CWD".to_owned(), spec.cwd.clone()),
            ("POINTSMAN_RUN_ID".to_owned(), record.run_id.to_string()),
        ];
        let asking = Asking {
            table: format!("backends.{}", spec.backend),
            requests,
            grants,
            cwd: spec.cwd.clone().into(),
            environment,
        };
        let (hands, inputs, rings) = Hands::new(Arc::clone(&self.parts), asking);
        let stage = Stage {
            plugin,
            guest: Some(guest),
            hands,
            inputs,
            rings,
            own: VecDeque::new(),
            refusals: 0,
            deadline: None,
        };
        Ok((stage, effects))
    }

    /// Performs effects and gathers inputs in turn until the run has an outcome.
    async fn act(&mut self, stage: &mut Stage, mut effects: Vec<Effect>) -> Result<Outcome, JournalError> {
        loop {
            if let Some(outcome) = self.perform(stage, effects).await? {
                return Ok(outcome);
            }
            let inputs = match self.gather(stage).await? {
                Gathered::Inputs(inputs) => inputs,
                Gathered::Over(outcome) => return Ok(outcome),
            };
            effects = match call(stage, inputs).await {
                Ok(effects) => effects,
                Err(outcome) => return Ok(outcome),
            };
        }
    }

    /// Waits for inputs; takes orders meanwhile.
    async fn gather(&mut self, stage: &mut Stage) -> Result<Gathered, JournalError> {
        loop {
            if !stage.own.is_empty() && !self.parts.ending.is_cancelled() {
                // Nobody waits for a plugin that keeps itself busy.
                while let Ok(order) = self.mailbox.try_recv() {
                    self.take_live(stage, order).await?;
                }
                return Ok(stage.take_own());
            }
            let status = self.journal.run().record().status;
            let expects = stage.hands.is_busy() || awaits(status) || status == Status::ApprovalRequired;
            if !expects && stage.inputs.is_empty() {
                let message = "the plugin waits for nothing and told no outcome";
                return Ok(Gathered::Over(Outcome::failed(reason::NO_OUTCOME, message)));
            }
            let lapse = self.lapse();
            let deadline = stage.deadline.unwrap_or_else(|| Instant::now() + FAR);
            let ending = self.parts.ending.clone();
            tokio::select! {
                biased;
                () = ending.cancelled() => {
                    drop(self.write(Command::Cancel(reason::SHUTDOWN.to_owned()), Durability::Batched).await);
                    return Ok(Gathered::Over(Outcome::without_result(Ending::Cancelled, reason::SHUTDOWN, "shutdown")));
                }
                order = self.mailbox.recv() => match order {
                    Some(order) => self.take_live(stage, order).await?,
                    None => return Ok(Gathered::Over(Outcome::failed(reason::SHUTDOWN, "the host ends"))),
                },
                () = tokio::time::sleep_until(deadline), if stage.deadline.is_some() => {
                    // The plugin had its time; its processes are stopped by the host now.
                    let why = self.journal.run().cancel_requested().unwrap_or(reason::CANCELLED).to_owned();
                    return Ok(Gathered::Over(Outcome::without_result(Ending::Cancelled, reason::CANCELLED, why)));
                }
                () = tokio::time::sleep_until(lapse) => self.lapse_live(stage).await?,
                Some(ring) = stage.rings.recv() => stage.own.extend(stage.hands.ring(ring)),
                input = stage.inputs.recv() => {
                    let Some(first) = input else { continue };
                    let mut inputs = vec![first];
                    while inputs.len() < BATCH && let Ok(next) = stage.inputs.try_recv() {
                        inputs.push(next);
                    }
                    stage.refusals = 0;
                    stage.hands.note(&inputs);
                    return Ok(Gathered::Inputs(inputs));
                }
            }
        }
    }

    async fn take_live(&mut self, stage: &mut Stage, order: Order) -> Result<(), JournalError> {
        match order {
            Order::Cancel { reason, reply } => {
                let first = self.journal.run().cancel_requested().is_none();
                let written = self.write(Command::Cancel(reason.clone()), Durability::Flushed).await;
                respond(reply, written)?;
                if first {
                    stage.own.push_back(Input::Cancel(reason));
                    stage.deadline = Some(Instant::now() + self.parts.settings.stop_grace * 2);
                }
                Ok(())
            }
            Order::Say { message, reply } => {
                let status = self.journal.run().record().status;
                let steers =
                    stage.plugin.about().features.contains(&pointsman_model::plugin::Feature::LiveInput);
                if awaits(status) {
                    let written = self.write(Command::Resume, Durability::Flushed).await;
                    let taken = written.is_ok();
                    respond(reply, written)?;
                    if taken {
                        stage.own.push_back(Input::Message(message));
                    }
                } else if status == Status::Running && steers {
                    drop(reply.send(Ok(())));
                    stage.own.push_back(Input::Message(message));
                } else {
                    drop(reply.send(Err(Error::NotAwaitingInput(status))));
                }
                Ok(())
            }
            Order::Settle { approval_id, digest, answer, by, reply } => {
                let settle = Command::Settle { approval_id, digest, answer: answer.clone(), by };
                match self.write(settle, Durability::Flushed).await {
                    Ok(()) => {
                        if let Some(id) = self.journal.run().permission_of(approval_id) {
                            stage.own.push_back(Input::Permission(id.to_owned(), answer.into()));
                        }
                        respond(reply, Ok(()))
                    }
                    Err(JournalError::Refused(refused)) => {
                        drop(reply.send(Err(in_words(&refused))));
                        Ok(())
                    }
                    Err(error) => respond(reply, Err(error)),
                }
            }
        }
    }

    /// Lets questions lapse whose time is up: the agent hears that nobody answered, which is never a yes.
    async fn lapse_live(&mut self, stage: &mut Stage) -> Result<(), JournalError> {
        let open = |driver: &Self| -> Vec<_> {
            let pending = |a: &&pointsman_model::Approval| a.state == pointsman_model::ApprovalState::Pending;
            driver.journal.run().approvals().filter(pending).map(|approval| approval.approval_id).collect()
        };
        let before = open(self);
        self.write(Command::Lapse, Durability::Flushed).await?;
        let after = open(self);
        for id in before.into_iter().filter(|id| !after.contains(id)) {
            if let Some(permission) = self.journal.run().permission_of(id) {
                let answer = PermissionAnswer::Deny("nobody answered in time".to_owned());
                stage.own.push_back(Input::Permission(permission.to_owned(), answer));
            }
        }
        Ok(())
    }

    /// Performs effects in order; gives the outcome if they hold one.
    async fn perform(
        &mut self,
        stage: &mut Stage,
        effects: Vec<Effect>,
    ) -> Result<Option<Outcome>, JournalError> {
        let mut told: Vec<(EventKind, PluginEvent)> = Vec::new();
        for effect in effects {
            match effect {
                Effect::Emit(event) => match kind_of(&event) {
                    Ok(kind) => told.push((kind, with_item(event))),
                    Err(reason) => stage.own.push_back(refused("emit", None, "", reason)),
                },
                Effect::Finish(outcome) => {
                    self.tell(&mut told).await?;
                    return Ok(Some(outcome));
                }
                Effect::AwaitInput(interruption) => {
                    self.tell(&mut told).await?;
                    self.write(Command::Await(interruption), Durability::Flushed).await?;
                }
                Effect::Remember(value) => {
                    self.tell(&mut told).await?;
                    self.write(Command::Remember(value), Durability::Flushed).await?;
                }
                Effect::AskPermission(permission) => {
                    self.tell(&mut told).await?;
                    self.permit(stage, permission).await?;
                }
                Effect::WithdrawPermission(permission) => {
                    self.tell(&mut told).await?;
                    self.write(Command::Withdraw { permission }, Durability::Flushed).await?;
                }
                effect => {
                    // What was told before something is set in motion is stored before it moves.
                    self.tell(&mut told).await?;
                    stage.own.extend(stage.hands.perform(effect).await);
                }
            }
        }
        self.tell(&mut told).await?;
        Ok(None)
    }

    /// Sanitizes and stores what the plugin told.
    async fn tell(&mut self, told: &mut Vec<(EventKind, PluginEvent)>) -> Result<(), JournalError> {
        if told.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(told);
        let sanitizers = Arc::clone(&self.parts.sanitizers);
        let at = clock::now();
        let clean = tokio::task::spawn_blocking(move || sanitizers.clean(events, at)).await;
        match clean {
            Ok(clean) => self.journal.emit(clean).await,
            Err(error) => {
                tracing::error!(%error, "the sanitizers panicked: events are lost");
                Ok(())
            }
        }
    }

    /// Puts an agent's wish to the policies.
    async fn permit(
        &mut self,
        stage: &mut Stage,
        permission: pointsman_model::plugin::Permission,
    ) -> Result<(), JournalError> {
        let spec = self.journal.run().spec().clone();
        let detail = json!({"kind": permission.kind, "title": permission.title, "detail": permission.detail});
        let question = self.question("permission", &spec, detail.clone()).await;
        let (question, ruling) = self.judged(question).await;
        let answer = match ruling.verdict {
            Verdict::Allow => PermissionAnswer::Allow,
            Verdict::Deny => PermissionAnswer::Deny(ruling.reason),
            Verdict::Ask | Verdict::Abstain => {
                let asked = self.asked("permission", &spec, question, detail, ruling.ttl_seconds);
                let ask = Command::AskPermission { permission, ruling, question: asked };
                return self.write(ask, Durability::Flushed).await;
            }
        };
        stage.own.push_back(Input::Permission(permission.id, answer));
        Ok(())
    }

    fn grace(&self) -> Duration {
        // A host that ends has a second in all: enough for an agent to hear the signal, not to finish its thought.
        let ending = Duration::from_millis(200);
        if self.parts.ending.is_cancelled() { ending } else { self.parts.settings.stop_grace }
    }
}

impl Stage {
    /// Hands over the host's own inputs. A plugin that answers refusals with nothing but what is refused again would
    /// go on for ever.
    fn take_own(&mut self) -> Gathered {
        let inputs: Vec<Input> = self.own.drain(..).collect();
        if inputs.iter().all(|input| matches!(input, Input::Refused { .. })) {
            self.refusals += 1;
        } else {
            self.refusals = 0;
        }
        if self.refusals > REFUSALS {
            let message = format!("the plugin asked {REFUSALS} times in a row for what was refused");
            return Gathered::Over(Outcome::failed(reason::PLUGIN_FAILED, message));
        }
        Gathered::Inputs(inputs)
    }
}

/// What waiting for inputs came to.
enum Gathered {
    Inputs(Vec<Input>),
    Over(Outcome),
}

/// Hands inputs to the plugin, off the reactor.
async fn call(stage: &mut Stage, inputs: Vec<Input>) -> Result<Vec<Effect>, Outcome> {
    let Some(mut guest) = stage.guest.take() else {
        return Err(Outcome::failed(reason::PLUGIN_FAILED, "the plugin is gone"));
    };
    let at = clock::now();
    let inputs: Vec<Stamped> = inputs.into_iter().map(|input| Stamped { at, input }).collect();
    let called = tokio::task::spawn_blocking(move || {
        let effects = guest.handle(&inputs);
        (guest, effects)
    });
    let (guest, effects) = called.await.map_err(|error| panicked(&error))?;
    stage.guest = Some(guest);
    effects.map_err(|error| Outcome::failed(blame(&error), error.to_string()))
}

/// Says whether the plugin refused the task or failed.
fn blame(error: &CallError) -> &'static str {
    match error {
        CallError::Refused(_) => reason::TASK_REFUSED,
        _ => reason::PLUGIN_FAILED,
    }
}

fn panicked(error: &tokio::task::JoinError) -> Outcome {
    Outcome::failed(reason::PLUGIN_FAILED, format!("the host failed while it called the plugin: {error}"))
}

/// Checks a kind that a plugin gave. Events that end a run come from `finish` alone.
fn kind_of(event: &PluginEvent) -> Result<EventKind, String> {
    let kind = EventKind::try_from(event.kind.clone()).map_err(|error| error.to_string())?;
    if kind.is_reserved() {
        return Err(format!("events of kind {kind} are made by the host: a plugin ends its run with finish"));
    }
    let ends = event.data.get("status").and_then(Value::as_str).and_then(Status::from_word);
    if kind == EventKind::STATUS_CHANGED && ends.is_some_and(Status::is_terminal) {
        return Err("a plugin ends its run with finish, not with status_changed".to_owned());
    }
    Ok(kind)
}

fn with_item(mut event: PluginEvent) -> PluginEvent {
    if let Some(item) = event.item.take() {
        event.data.entry("item_id").or_insert(Value::String(item));
    }
    event
}
