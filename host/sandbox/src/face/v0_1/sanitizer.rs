//! The world `sanitizer-plugin`.

use pointsman_model::SpilledValue;
use pointsman_model::plugin::{Description, Sanitized};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::bindings::sanitizer::SanitizerPluginIndices;
use super::bindings::sanitizer::exports::pointsman::plugin::sanitizer as wit;
use super::bindings::types;
use super::types::{description, json};
use crate::Limits;
use crate::guest::Guest;
use crate::intake::{Fault, Intake, leads_somewhere};
use crate::sanitizer::EventRef;

/// What such a component exports.
pub(crate) const EXPORT: &str = "pointsman:plugin/sanitizer@0.1.0";

/// Where a component's exports are: looked up once, used by every instance.
pub(crate) struct Exports(SanitizerPluginIndices);

impl Exports {
    pub(crate) fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        SanitizerPluginIndices::new(pre).map(Self)
    }

    pub(crate) fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<Description, Fault> {
        let plugin = self.0.load(&mut *store, instance)?;
        let said = plugin.pointsman_plugin_sanitizer().call_describe(store)?;
        description(said, &mut Intake::new(limits))
    }

    pub(crate) fn sanitize(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        config: &str,
        events: &[EventRef<'_>],
        limits: &Limits,
    ) -> Result<Vec<Sanitized>, Fault> {
        let plugin = self.0.load(&mut *store, instance)?;
        let given = events.iter().map(event).collect::<Result<Vec<_>, _>>()?;
        let outcomes = plugin
            .pointsman_plugin_sanitizer()
            .call_sanitize(store, &config.to_owned(), &given)?
            .map_err(Intake::refusal)?;
        if outcomes.len() != events.len() {
            let what = format!("{} outcomes for {} events", outcomes.len(), events.len());
            return Err(Fault::Malformed(what));
        }
        let mut intake = Intake::new(limits);
        events.iter().zip(outcomes).map(|(event, each)| outcome(event, each, &mut intake)).collect()
    }
}

fn event(event: &EventRef<'_>) -> Result<types::Event, Fault> {
    Ok(types::Event {
        kind: event.kind.to_owned(),
        item: event.item.map(ToOwned::to_owned),
        data: json(event.data)?,
    })
}

fn outcome(event: &EventRef<'_>, outcome: wit::Outcome, intake: &mut Intake<'_>) -> Result<Sanitized, Fault> {
    Ok(match outcome {
        wit::Outcome::Keep => Sanitized::Keep,
        wit::Outcome::Drop(text) => Sanitized::Drop(text),
        wit::Outcome::Rewrite(rewritten) => {
            intake.artifacts(rewritten.artifacts.len())?;
            let artifacts = rewritten.artifacts.into_iter().map(|each| artifact(event, each));
            Sanitized::Rewrite {
                artifacts: artifacts.collect::<Result<_, _>>()?,
                data: intake.object(&rewritten.data, "data of a rewritten event")?,
            }
        }
    })
}

fn artifact(event: &EventRef<'_>, artifact: wit::Artifact) -> Result<SpilledValue, Fault> {
    let shown = || artifact.pointer.chars().take(80).collect::<String>();
    if !leads_somewhere(event.data, &artifact.pointer) {
        return Err(Fault::Malformed(format!(
            "an artifact's pointer {:?} leads nowhere in its event",
            shown()
        )));
    }
    if !["text/plain", "application/json"].contains(&artifact.mime_type.as_str()) {
        return Err(Fault::Malformed(format!(
            "the artifact at {:?} is neither text/plain nor application/json",
            shown()
        )));
    }
    let Ok(content) = String::from_utf8(artifact.content) else {
        let pointer: String = artifact.pointer.chars().take(80).collect();
        return Err(Fault::Malformed(format!("the artifact at {pointer:?} is not UTF-8")));
    };
    Ok(SpilledValue { pointer: artifact.pointer, mime: artifact.mime_type, content })
}
