//! Backends: one instance for each run.

use std::sync::Arc;

use pointsman_model::Digest;
use pointsman_model::plugin::{About, Effect, Stamped, Task};

use crate::CallError;
use crate::face;
use crate::guest::Cell;
use crate::sandbox::Loaded;

/// A loaded backend. Cheap to clone.
#[derive(Clone)]
pub struct BackendPlugin(pub(crate) Arc<Loaded<face::Backend>>);

/// A run of a backend, in an instance of its own that is kept warm.
pub struct BackendRun {
    backend: Arc<Loaded<face::Backend>>,
    cell: Cell,
    run: face::Run,
    at: pointsman_model::Timestamp,
}

impl BackendPlugin {
    /// Gives the name it was loaded under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.plugin.name
    }

    /// Gives what it says of itself.
    #[must_use]
    pub fn about(&self) -> &About {
        &self.0.about
    }

    /// Gives the digest of its component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Starts a run. `seed` decides every random number that the run will see: the same seed, task and inputs give
    /// the same effects.
    ///
    /// # Errors
    ///
    /// If the plugin refuses the task, or fails.
    pub fn start(&self, task: &Task, seed: [u8; 32]) -> Result<(BackendRun, Vec<Effect>), CallError> {
        let loaded = &self.0;
        let (mut cell, instance) = loaded.plugin.instantiate(task.started_at, seed)?;
        let (run, effects) = cell.call("run.start", task.started_at, |store| {
            loaded.face.start(store, &instance, task, &loaded.plugin.limits)
        })?;
        let backend = Arc::clone(loaded);
        Ok((BackendRun { backend, cell, run, at: task.started_at }, effects))
    }
}

impl BackendRun {
    /// Hands over what happened, in order. The guest's clock shows the time of the last input.
    ///
    /// # Errors
    ///
    /// If the plugin returns an error or fails; after a failure each further call fails as well.
    pub fn handle(&mut self, inputs: &[Stamped]) -> Result<Vec<Effect>, CallError> {
        self.at = inputs.last().map_or(self.at, |last| last.at);
        let (run, limits) = (&self.run, &self.backend.plugin.limits);
        self.cell.call("run.handle", self.at, |store| run.handle(store, inputs, limits))
    }
}

impl std::fmt::Debug for BackendPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BackendPlugin").field(&self.name()).finish()
    }
}

impl std::fmt::Debug for BackendRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BackendRun").field(&self.backend.plugin.name).finish()
    }
}
