//! The chain of sanitizers, with the built-in stage behind it.

use std::sync::Arc;

use pointsman_model::plugin::{PluginEvent, Sanitized};
use pointsman_model::{Draft, Ending, Event, EventKind, Failure, Outcome, SpilledValue, Timestamp};
use pointsman_sandbox::EventRef;
use serde_json::{Map, Value, json};

use crate::last_stage;
use crate::plugins::Plugins;

/// An event that passed the chain, with what was taken out of it.
#[derive(Debug)]
pub(crate) struct CleanDraft {
    pub(crate) draft: Draft,
    pub(crate) aside: Aside,
}

/// What the chain left of an event beside it.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// What was moved out of it.
    pub(crate) spilled: Vec<SpilledValue>,
    /// What stood in it, if a sanitizer changed that of which the operator wants originals kept.
    pub(crate) original: Option<Map<String, Value>>,
}

/// The chain of sanitizers.
pub(crate) struct Sanitizers {
    plugins: Arc<Plugins>,
}

/// An event on its way through the chain.
struct Passing {
    event: PluginEvent,
    aside: Aside,
}

/// A sanitizer, as far as it matters for what it made of events.
#[derive(Clone, Copy)]
struct Stage<'a> {
    name: &'a str,
    /// Whether the operator wants to be able to see what stood there before it.
    keeps_originals: bool,
}

impl Passing {
    /// Puts what a sanitizer made of the data in its place. The host keeps the original, not the sanitizer: all that
    /// this one can do is change an event, and then the operator sees what it changed.
    fn replace(&mut self, stage: Stage<'_>, data: Map<String, Value>) {
        let before = std::mem::replace(&mut self.event.data, data);
        if stage.keeps_originals && self.aside.original.is_none() && before != self.event.data {
            self.aside.original = Some(before);
        }
    }
}

impl Sanitizers {
    pub(crate) fn new(plugins: Arc<Plugins>) -> Self {
        Self { plugins }
    }

    /// Passes events of checked kinds through the chain. Blocks: call it off the reactor.
    pub(crate) fn clean(&self, events: Vec<(EventKind, PluginEvent)>, at: Timestamp) -> Vec<CleanDraft> {
        let (kinds, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        let passed = self.pass(events, at);
        kinds
            .into_iter()
            .zip(passed)
            .filter_map(|(kind, passed)| {
                let Passing { event, aside } = passed?;
                Some(CleanDraft { draft: Draft { ts: at, kind, data: event.data }, aside })
            })
            .collect()
    }

    /// Passes one event of the host's own through the chain. It cannot be dropped.
    pub(crate) async fn clean_one(
        self: &Arc<Self>,
        kind: &str,
        data: Map<String, Value>,
        at: Timestamp,
    ) -> (Map<String, Value>, Aside) {
        let chain = Arc::clone(self);
        let event = PluginEvent { kind: kind.to_owned(), item: None, data };
        let passed = tokio::task::spawn_blocking(move || chain.pass(vec![event], at).pop().flatten()).await;
        match passed {
            Ok(Some(Passing { event, aside })) => (event.data, aside),
            Ok(None) => (withheld("a sanitizer dropped it"), Aside::default()),
            Err(error) => (withheld(&format!("the sanitizers panicked: {error}")), Aside::default()),
        }
    }

    /// Passes what a run leaves through the chain, under the keys of its last event: it is read in the run's record,
    /// too. What a stage only moved out is whole here. Gives the original of these keys, too, if it is to be kept.
    pub(crate) async fn clean_outcome(
        self: &Arc<Self>,
        outcome: Outcome,
        at: Timestamp,
    ) -> (Outcome, Option<Map<String, Value>>) {
        let Outcome { ending, final_response, structured_output, usage, failure } = outcome;
        let kind = if ending == Ending::Completed { EventKind::RUN_COMPLETED } else { EventKind::RUN_FAILED };
        let message = failure.as_ref().map(|failure| failure.message.clone());
        let told = [
            ("final_response", final_response.map(Value::String)),
            ("structured_output", structured_output),
            ("message", message.map(Value::String)),
        ];
        let told: Map<String, Value> =
            told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
        let (data, Aside { spilled, original }) = self.clean_one(kind.as_str(), told, at).await;
        let mut data = Value::Object(data);
        // The last to be moved out may hold what is left of an earlier one.
        for value in spilled.into_iter().rev() {
            let Some(slot) = data.pointer_mut(&value.pointer) else { continue };
            *slot = match value.mime.as_str() {
                "application/json" => serde_json::from_str(&value.content).unwrap_or_default(),
                _ => Value::String(value.content),
            };
        }
        let mut text = |key: &str| match data.get_mut(key).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (final_response, message) = (text("final_response"), text("message"));
        let message = message.unwrap_or_else(|| {
            format!("withheld: {}", data["withheld"]["reason"].as_str().unwrap_or("a sanitizer took it out"))
        });
        let failure = failure.map(|Failure { reason, .. }| Failure { reason, message });
        let structured_output = data.get_mut("structured_output").map(Value::take);
        (Outcome { ending, final_response, structured_output, usage, failure }, original)
    }

    /// One result for each event, in their order; `None` for those that were dropped.
    fn pass(&self, events: Vec<PluginEvent>, at: Timestamp) -> Vec<Option<Passing>> {
        let mut passing: Vec<Option<Passing>> =
            events.into_iter().map(|event| Some(Passing { event, aside: Aside::default() })).collect();
        match self.plugins.sanitizers() {
            Ok(chain) => {
                for stage in chain.iter() {
                    let left: Vec<EventRef<'_>> =
                        passing.iter().flatten().map(|passing| refer_to(&passing.event)).collect();
                    if left.is_empty() {
                        break;
                    }
                    let outcomes = stage.plugin.sanitize(&stage.config(), &left, at);
                    let stage = Stage { name: stage.plugin.name(), keeps_originals: stage.keeps_originals };
                    take_up(&mut passing, stage, outcomes);
                }
            }
            Err(error) => {
                tracing::error!(%error, "the chain of sanitizers cannot be loaded: events are withheld");
                for passing in passing.iter_mut().flatten() {
                    passing.event.data = withheld(&error.to_string());
                }
            }
        }
        for passing in passing.iter_mut().flatten() {
            let spilled = last_stage::bound(&mut passing.event.data);
            merge(&mut passing.aside.spilled, spilled);
            // The host is about to write references under this key: what a plugin put there is kept beside it.
            if !passing.aside.spilled.is_empty()
                && let Some(theirs) = passing.event.data.remove("artifact_refs")
            {
                let (pointer, mime) = ("/artifact_refs".to_owned(), "application/json".to_owned());
                merge(
                    &mut passing.aside.spilled,
                    vec![SpilledValue { pointer, mime, content: theirs.to_string() }],
                );
            }
        }
        passing
    }
}

fn refer_to(event: &PluginEvent) -> EventRef<'_> {
    EventRef { kind: &event.kind, item: event.item.as_deref(), data: &event.data }
}

/// Takes up what a stage made of the events. What it could not judge is withheld, never passed unseen.
fn take_up(
    passing: &mut [Option<Passing>],
    stage: Stage<'_>,
    outcomes: Result<Vec<Sanitized>, pointsman_sandbox::CallError>,
) {
    let outcomes = match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => {
            tracing::error!(sanitizer = stage.name, %error, "events are withheld");
            for passing in passing.iter_mut().flatten() {
                passing.replace(stage, withheld(&error.to_string()));
            }
            return;
        }
    };
    let mut outcomes = outcomes.into_iter();
    for slot in passing.iter_mut().filter(|slot| slot.is_some()) {
        match (outcomes.next(), slot.as_mut()) {
            (Some(Sanitized::Rewrite { data, artifacts }), Some(passing)) => {
                passing.replace(stage, data);
                merge(&mut passing.aside.spilled, artifacts);
            }
            (Some(Sanitized::Drop(why)), Some(passing)) => {
                tracing::info!(sanitizer = stage.name, kind = passing.event.kind, why, "event dropped");
                *slot = None;
            }
            _ => {}
        }
    }
}

/// Adds what a later stage took out. Where an earlier stage took out the same value, that one holds the original.
fn merge(spilled: &mut Vec<SpilledValue>, more: Vec<SpilledValue>) {
    for value in more {
        if spilled.iter().all(|known| known.pointer != value.pointer) {
            spilled.push(value);
        }
    }
}

fn withheld(why: &str) -> Map<String, Value> {
    let why: String = why.chars().take(500).collect();
    Map::from_iter([("withheld".to_owned(), json!({"reason": why}))])
}

/// Adds `artifact_refs` to an event that has its number.
pub(crate) fn refer(event: &mut Event, spilled: &[SpilledValue]) {
    if spilled.is_empty() {
        return;
    }
    let refs: Map<String, Value> = spilled
        .iter()
        .map(|value| (value.pointer.clone(), json!(value.reference(event.seq, event.kind.as_str()))))
        .collect();
    event.data.insert("artifact_refs".to_owned(), Value::Object(refs));
}
