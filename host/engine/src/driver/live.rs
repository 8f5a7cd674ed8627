//! A live run: inputs go to its plugin, effects come back and are performed.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use pointsman_capabilities::timer::Ring;
use pointsman_kernel::{Command, Level};
use pointsman_model::plugin::{Effect, Feature, Input, PermissionAnswer, PluginEvent, Stamped};
use pointsman_model::{Ending, EventKind, Outcome, RunSpec, Status, Timestamp, reason};
use pointsman_sandbox::{BackendPlugin, BackendRun};
use pointsman_store::Durability;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::corrective::Again;
use super::discreet::Discreet;
use super::hands::{Arrival, Hands, refused};
use super::held::{Held, Waiting};
use super::outcome::checked;
use super::raise::{blame, panicked};
use super::told::{kind_of, with_item};
use super::{Driver, Step, respond};
use crate::journal::JournalError;
use crate::order::Order;
use crate::{budget, request};

/// Inputs handed to a plugin at once, at most. Each may hold many lines.
const BATCH: usize = 16;

/// Refusals in a row that a plugin may answer with something else that is refused.
const REFUSALS: u32 = 32;

/// Further away than any run lasts.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A live run's plugin and everything that it set in motion.
pub(super) struct Stage {
    pub(super) plugin: BackendPlugin,
    /// Taken while a call is on another thread.
    pub(super) guest: Option<BackendRun>,
    pub(super) hands: Hands,
    pub(super) inputs: mpsc::Receiver<Arrival>,
    pub(super) rings: mpsc::Receiver<Ring>,
    /// Inputs of the host's own, handed over before anything else.
    pub(super) own: VecDeque<Input>,
    /// What waits until a person has spoken.
    pub(super) held: Held,
    /// Which of the agent's open questions ask for a secret.
    pub(super) discreet: Discreet,
    /// Whether this is a further turn of a run that has started already.
    pub(super) again: bool,
    /// How often in a row the plugin was told nothing but refusals.
    pub(super) refusals: u32,
    /// When patience with a run that was cancelled ends.
    pub(super) deadline: Option<Instant>,
    /// Why the run must end, if a budget is used up.
    pub(super) exhausted: Option<String>,
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
        let mut again: Option<Again> = None;
        let outcome = loop {
            let (mut outcome, features) = self.turn(&spec, again.as_ref()).await?;
            outcome.usage = self.meter.settle(outcome.usage);
            let outcome = checked(outcome, spec.output_schema.as_ref());
            let turn = again.map_or(0, |again| again.turn) + 1;
            match self.correct(&outcome, &features, turn).await? {
                Some(next) => again = Some(next),
                None => break outcome,
            }
        };
        self.meter.turn(false);
        let (outcome, was) = self.parts.sanitizers.clean_outcome(outcome, self.parts.now()).await;
        self.journal.keep_outcome(was);
        self.finish(outcome).await;
        Ok(Step::On)
    }

    /// Takes the plugin from its task to its outcome. Nothing of it lives behind that.
    async fn turn(
        &mut self,
        spec: &RunSpec,
        again: Option<&Again>,
    ) -> Result<(Outcome, BTreeSet<Feature>), JournalError> {
        match self.raise(spec, again).await {
            Ok((mut stage, effects)) => {
                let outcome = self.act(&mut stage, effects).await;
                let grace = self.grace();
                // Invariant 10: what lives of the run ends before its end can be seen.
                stage.inputs.close();
                stage.hands.stop_all(grace).await;
                self.drop_all_held(&mut stage).await?;
                Ok((outcome?, stage.plugin.about().features.clone()))
            }
            Err(outcome) => Ok((outcome, BTreeSet::new())),
        }
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
            self.parts.recorder.refusals(self.journal.run().record().run_id, &inputs).await;
            effects = match call(stage, inputs, self.parts.now()).await {
                Ok(effects) => effects,
                Err(outcome) => return Ok(outcome),
            };
        }
    }

    /// Waits for inputs; takes orders meanwhile.
    async fn gather(&mut self, stage: &mut Stage) -> Result<Gathered, JournalError> {
        loop {
            let status = self.journal.run().record().status;
            let waits = self.journal.run().awaits_input() || status == Status::ApprovalRequired;
            self.meter.turn(!waits);
            if let Some(message) = stage.exhausted.take() {
                return Ok(Gathered::Over(Outcome::failed(reason::BUDGET_EXHAUSTED, message)));
            }
            let up = self.time_is_up();
            let expects = stage.hands.is_busy() || waits;
            if !expects && stage.inputs.is_empty() && stage.own.is_empty() {
                let message = "the plugin waits for nothing and told no outcome";
                return Ok(Gathered::Over(Outcome::failed(reason::NO_OUTCOME, message)));
            }
            let lapse = self.lapse();
            let deadline = stage.deadline.unwrap_or_else(|| Instant::now() + FAR);
            let ending = self.parts.ending.clone();
            tokio::select! {
                biased;
                () = ending.cancelled() => {
                    drop(self.write(Command::cancel(reason::SHUTDOWN), Durability::Batched).await);
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
                () = lapse => self.lapse_live(stage).await?,
                level = reached(up), if up.is_some() => match level {
                    Some(level) if level.used >= level.most => {
                        let key = self.parts.settings.budgets.key(self.journal.run().spec(), level.limit);
                        let message = budget::over(&level, &key);
                        return Ok(Gathered::Over(Outcome::failed(reason::BUDGET_EXHAUSTED, message)));
                    }
                    Some(level) => self.warn(level).await?,
                    None => {}
                },
                // Behind all that can end the run: nobody waits for a plugin that keeps itself busy.
                () = std::future::ready(()), if !stage.own.is_empty() => {
                    if self.journal.run().cancel_requested().is_some() {
                        stage.take_back();
                    }
                    return Ok(stage.take_own());
                }
                Some(ring) = stage.rings.recv() => stage.own.extend(stage.hands.ring(ring)),
                input = stage.inputs.recv() => {
                    let Some(first) = input else { continue };
                    let mut arrivals = vec![first];
                    while arrivals.len() < BATCH && let Ok(next) = stage.inputs.try_recv() {
                        arrivals.push(next);
                    }
                    let inputs = stage.hands.accept(arrivals);
                    if inputs.is_empty() {
                        continue;
                    }
                    stage.refusals = 0;
                    return Ok(Gathered::Inputs(inputs));
                }
            }
        }
    }

    async fn take_live(&mut self, stage: &mut Stage, order: Order) -> Result<(), JournalError> {
        match order {
            Order::Cancel { reason, by, reply } => {
                let first = self.journal.run().cancel_requested().is_none();
                let cancel = Command::Cancel { reason: reason.clone(), by };
                let written = self.write(cancel, Durability::Flushed).await;
                respond(reply, written)?;
                if first {
                    self.drop_all_held(stage).await?;
                    stage.own.push_back(Input::Cancel(reason));
                    stage.deadline = Some(Instant::now() + self.parts.settings.stop_grace * 2);
                }
                Ok(())
            }
            Order::Exhaust { message } => {
                stage.exhausted = Some(message);
                Ok(())
            }
            Order::Warn(level) => self.warn(level).await,
            Order::Say { message, by, reply } => {
                let heard = self.hear(stage, message, by).await?;
                // Whoever said it may have gone.
                drop(reply.send(heard));
                Ok(())
            }
            Order::Post { mail, question, ruling, reply } => {
                let word = self.take_word(stage, *question, ruling, Waiting::Mail(*mail)).await?;
                drop(reply.send(word.heard()));
                Ok(())
            }
            Order::Revoke { approval_id, by, reply } => self.revoke(approval_id, by, reply).await,
            Order::Settle { approval_id, digest, answer, by, reply } => {
                let settled = self.settle_live(stage, approval_id, digest, answer, by).await?;
                // Whoever asked may have gone.
                drop(reply.send(settled));
                Ok(())
            }
        }
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
                Effect::Emit(mut event) => match kind_of(&event) {
                    Ok(kind) if stage.again && kind == EventKind::RUN_STARTED => {}
                    Ok(kind) => {
                        if kind == EventKind::USAGE_UPDATED {
                            self.metered(&mut event);
                        }
                        told.push((kind, with_item(event)));
                    }
                    Err(reason) => stage.own.push_back(refused("emit", None, "", reason)),
                },
                Effect::Finish(outcome) => {
                    self.tell(&mut told).await?;
                    return Ok(Some(outcome));
                }
                Effect::AwaitInput(interruption) => {
                    self.tell(&mut told).await?;
                    stage.discreet = Discreet::of(&interruption);
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
                    self.set_in_motion(stage, effect).await?;
                }
            }
        }
        self.tell(&mut told).await?;
        Ok(None)
    }

    /// Sanitizes and stores what the plugin told.
    pub(super) async fn tell(
        &mut self,
        told: &mut Vec<(EventKind, PluginEvent)>,
    ) -> Result<(), JournalError> {
        if told.is_empty() {
            return Ok(());
        }
        let events = std::mem::take(told);
        let sanitizers = Arc::clone(&self.parts.sanitizers);
        let at = self.parts.now();
        let clean = tokio::task::spawn_blocking(move || sanitizers.clean(events, at)).await;
        match clean {
            Ok(clean) => self.journal.emit(clean).await,
            Err(error) => {
                tracing::error!(%error, "the sanitizers panicked: events are lost");
                Ok(())
            }
        }
    }

    fn grace(&self) -> Duration {
        // A host that ends has a second in all: enough for an agent to hear the signal, not to finish its thought.
        let ending = Duration::from_millis(200);
        if self.parts.ending.is_cancelled() { ending } else { self.parts.settings.stop_grace }
    }
}

impl Stage {
    /// A run that is being stopped is allowed nothing any more, not even what was allowed a moment ago.
    fn take_back(&mut self) {
        for input in &mut self.own {
            if let Input::Permission(_, answer) = input
                && matches!(answer, PermissionAnswer::Allow | PermissionAnswer::AllowEdited(_))
            {
                *answer = PermissionAnswer::Cancelled;
            }
        }
    }

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
async fn call(stage: &mut Stage, inputs: Vec<Input>, at: Timestamp) -> Result<Vec<Effect>, Outcome> {
    let Some(mut guest) = stage.guest.take() else {
        return Err(Outcome::failed(reason::PLUGIN_FAILED, "the plugin is gone"));
    };
    let inputs: Vec<Stamped> = inputs.into_iter().map(|input| Stamped { at, input }).collect();
    let called = tokio::task::spawn_blocking(move || {
        let effects = guest.handle(&inputs);
        (guest, effects)
    });
    let (guest, effects) = called.await.map_err(|error| panicked(&error))?;
    stage.guest = Some(guest);
    effects.map_err(|error| Outcome::failed(blame(&error), error.to_string()))
}

/// Comes back when a moment has come.
async fn reached(up: Option<(Instant, Level)>) -> Option<Level> {
    let (at, level) = up?;
    tokio::time::sleep_until(at).await;
    Some(level)
}
