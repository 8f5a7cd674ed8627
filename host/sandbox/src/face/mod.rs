//! Faces: how each version of the contract looks, mapped to the words of `pointsman_model::plugin`.
//!
//! The rest of the host knows those words only. Another version of the contract gets a module beside `v0_1` and a
//! variant in each of the enums here; an old one leaves by the same door.

mod v0_1;

use pointsman_model::plugin::{About, Description, Effect, Finding, Sanitized, Stamped, Task};
use pointsman_model::{Matched, Question, Ruling};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use crate::guest::Guest;
use crate::intake::Fault;
use crate::{EventRef, Limits};

/// A kind of plugin, in some version of the contract.
pub(crate) trait Face: Sized {
    /// What a component of this kind exports, in the newest version.
    const EXPORT: &'static str;
    /// What it says of itself.
    type About;

    /// Looks up the exports.
    fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self>;

    /// Asks the plugin what it is.
    fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<Self::About, Fault>;
}

/// A backend.
pub(crate) enum Backend {
    V0_1(v0_1::backend::Exports),
}

/// A backend's run in an instance.
pub(crate) enum Run {
    V0_1(v0_1::backend::Run),
}

impl Face for Backend {
    const EXPORT: &'static str = v0_1::backend::EXPORT;
    type About = About;

    fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        v0_1::backend::Exports::find(pre).map(Self::V0_1)
    }

    fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<About, Fault> {
        match self {
            Self::V0_1(exports) => exports.describe(store, instance, limits),
        }
    }
}

impl Backend {
    pub(crate) fn start(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        task: &Task,
        limits: &Limits,
    ) -> Result<(Run, Vec<Effect>), Fault> {
        match self {
            Self::V0_1(exports) => {
                let (run, effects) = exports.start(store, instance, task, limits)?;
                Ok((Run::V0_1(run), effects))
            }
        }
    }
}

impl Run {
    pub(crate) fn handle(
        &self,
        store: &mut Store<Guest>,
        inputs: &[Stamped],
        limits: &Limits,
    ) -> Result<Vec<Effect>, Fault> {
        match self {
            Self::V0_1(run) => run.handle(store, inputs, limits),
        }
    }
}

/// A sanitizer.
pub(crate) enum Sanitizer {
    V0_1(v0_1::sanitizer::Exports),
}

impl Face for Sanitizer {
    const EXPORT: &'static str = v0_1::sanitizer::EXPORT;
    type About = Description;

    fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        v0_1::sanitizer::Exports::find(pre).map(Self::V0_1)
    }

    fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<Description, Fault> {
        match self {
            Self::V0_1(exports) => exports.describe(store, instance, limits),
        }
    }
}

impl Sanitizer {
    pub(crate) fn sanitize(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        config: &str,
        events: &[EventRef<'_>],
        limits: &Limits,
    ) -> Result<Vec<Sanitized>, Fault> {
        match self {
            Self::V0_1(exports) => exports.sanitize(store, instance, config, events, limits),
        }
    }
}

/// A policy.
pub(crate) enum Policy {
    V0_1(v0_1::policy::Exports),
}

/// A policy's configuration in an instance.
pub(crate) enum Rulebook {
    V0_1(v0_1::policy::Rulebook),
}

impl Face for Policy {
    const EXPORT: &'static str = v0_1::policy::EXPORT;
    type About = Description;

    fn find(pre: &InstancePre<Guest>) -> wasmtime::Result<Self> {
        v0_1::policy::Exports::find(pre).map(Self::V0_1)
    }

    fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        limits: &Limits,
    ) -> Result<Description, Fault> {
        match self {
            Self::V0_1(exports) => exports.describe(store, instance, limits),
        }
    }
}

impl Policy {
    /// Reads a configuration; the inner error is what the policy finds wrong with it.
    pub(crate) fn load(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        config: &str,
        limits: &Limits,
    ) -> Result<Result<Rulebook, Vec<Finding>>, Fault> {
        match self {
            Self::V0_1(exports) => Ok(exports.load(store, instance, config, limits)?.map(Rulebook::V0_1)),
        }
    }
}

impl Rulebook {
    pub(crate) fn decide(
        &self,
        store: &mut Store<Guest>,
        question: &Question,
        module: &str,
    ) -> Result<Ruling, Fault> {
        match self {
            Self::V0_1(rulebook) => rulebook.decide(store, question, module),
        }
    }

    pub(crate) fn explain(
        &self,
        store: &mut Store<Guest>,
        question: &Question,
        limits: &Limits,
    ) -> Result<Vec<Matched>, Fault> {
        match self {
            Self::V0_1(rulebook) => rulebook.explain(store, question, limits),
        }
    }
}
