//! The world `backend-plugin`.

use pointsman_model::plugin::{About, Effect, Feature, Stamped, Task, TestedProgram};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, ResourceAny};

use super::bindings::backend::exports::pointsman::plugin::backend::{Features, Guest as Export};
use super::bindings::backend::{BackendPlugin, BackendPluginIndices};
use super::effects::effects;
use super::inputs::{stamped, task};
use super::types::description;
use crate::Limits;
use crate::guest::Guest;
use crate::intake::{Fault, Intake};

/// What such a component exports.
pub(crate) const EXPORT: &str = "pointsman:plugin/backend@0.1.0";

/// Where a component's exports are: looked up once, used by every instance.
pub(crate) struct Exports(BackendPluginIndices);

/// A run in an instance.
pub(crate) struct Run {
    export: Export,
    run: ResourceAny,
}

impl Exports {
    pub(crate) fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        BackendPluginIndices::new(pre).map(Self)
    }

    fn of(&self, store: &mut Store<Guest>, instance: &Instance) -> Result<BackendPlugin, Fault> {
        Ok(self.0.load(store, instance)?)
    }

    pub(crate) fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<About, Fault> {
        let plugin = self.of(store, instance)?;
        let about = plugin.pointsman_plugin_backend().call_describe(store)?;
        let common = description(about.common, &mut Intake::new(limits))?;
        let features = [
            (Features::RESUME, Feature::Resume),
            (Features::LIVE_INPUT, Feature::LiveInput),
            (Features::PERMISSIONS, Feature::Permissions),
            (Features::STRUCTURED_OUTPUT, Feature::StructuredOutput),
            (Features::IMAGES, Feature::Images),
        ];
        let features = features.into_iter().filter(|(flag, _)| about.features.contains(*flag));
        let tested = about.tested.into_iter().map(|it| TestedProgram {
            program: it.program,
            oldest: it.oldest,
            newest: it.newest,
            install: it.install,
        });
        Ok(About {
            common,
            features: features.map(|(_, feature)| feature).collect(),
            tested: tested.collect(),
        })
    }

    pub(crate) fn start(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        given: &Task,
        limits: &Limits,
    ) -> Result<(Run, Vec<Effect>), Fault> {
        let plugin = self.of(store, instance)?;
        let export = plugin.pointsman_plugin_backend().clone();
        let (run, returned) = export.run().call_start(store, &task(given)?)?.map_err(Intake::refusal)?;
        let returned = effects(returned, &mut Intake::new(limits))?;
        Ok((Run { export, run }, returned))
    }
}

impl Run {
    pub(crate) fn handle(
        &self,
        store: &mut Store<Guest>,
        inputs: &[Stamped],
        limits: &Limits,
    ) -> Result<Vec<Effect>, Fault> {
        let inputs = inputs.iter().map(stamped).collect::<Result<Vec<_>, _>>()?;
        let returned = self.export.run().call_handle(store, self.run, &inputs)?.map_err(Intake::refusal)?;
        effects(returned, &mut Intake::new(limits))
    }
}
