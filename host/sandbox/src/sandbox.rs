//! The sandbox: one engine, one linker, and the components loaded into them.

use std::path::PathBuf;
use std::sync::Arc;

use pointsman_model::{Digest, Timestamp};
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::cache::Cache;
use crate::face::{self, Face};
use crate::guest::{Guest, Plugin};
use crate::ticker::Ticker;
use crate::{
    BackendPlugin, CallError, FIXED_SEED, Limits, LoadError, PolicyModule, SandboxError, SanitizerPlugin,
    contract, engine, wasi,
};

/// How a sandbox is set up.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where compiled components are kept. Machine code is loaded from there, so it must belong to the user that runs
    /// the host, and nobody else may write to it; otherwise every component is compiled anew.
    pub cache_dir: Option<PathBuf>,
    /// What a backend may take.
    pub backend: Limits,
    /// What a sanitizer may take.
    pub sanitizer: Limits,
    /// What a policy may take.
    pub policy: Limits,
}

impl SandboxConfig {
    /// Takes the limits that Pointsman uses.
    #[must_use]
    pub fn new(cache_dir: Option<PathBuf>) -> Self {
        Self {
            cache_dir,
            backend: Limits::backend(),
            sanitizer: Limits::sanitizer(),
            policy: Limits::policy(),
        }
    }
}

/// Loads plugins. Cheap to clone; whatever it loaded shares its engine.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    config: SandboxConfig,
    engine: Engine,
    linker: Linker<Guest>,
    ticker: Arc<Ticker>,
    cache: Option<Cache>,
}

/// A component that was loaded as some kind of plugin.
pub(crate) struct Loaded<F: Face> {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) face: F,
    pub(crate) about: F::About,
    pub(crate) digest: Digest,
}

impl Sandbox {
    /// Sets up WebAssembly. That takes a millisecond or two: worth putting off until a plugin is wanted.
    ///
    /// # Errors
    ///
    /// If this machine cannot run WebAssembly, or no thread can be started for deadlines. Without address space for many
    /// guests it goes on, with a warning, and guests are slower.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let engine = engine::engine()?;
        let error = |message: String| SandboxError { message };
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker).map_err(|cause| error(format!("{cause:#}")))?;
        let ticker = Ticker::start(engine.clone()).map_err(|cause| error(cause.to_string()))?;
        let cache = config.cache_dir.as_deref().map(|folder| Cache::new(folder, &engine));
        Ok(Self(Arc::new(Inner { config, engine, linker, ticker: Arc::new(ticker), cache })))
    }

    /// Says whether a component need not be compiled, which takes a second for each few megabytes.
    #[must_use]
    pub fn is_cached(&self, component: &[u8]) -> bool {
        self.0.cache.as_ref().is_some_and(|cache| cache.has(Digest::of(component)))
    }

    /// Loads a backend under the name that its operator gave it.
    ///
    /// # Errors
    ///
    /// If the component is no backend, does not fit the contract, or fails to describe itself.
    pub fn load_backend(&self, name: &str, component: &[u8]) -> Result<BackendPlugin, LoadError> {
        self.load::<face::Backend>(name, component, &self.0.config.backend).map(BackendPlugin)
    }

    /// Loads a sanitizer under the name that its operator gave it.
    ///
    /// # Errors
    ///
    /// If the component is no sanitizer, does not fit the contract, or fails to describe itself.
    pub fn load_sanitizer(&self, name: &str, component: &[u8]) -> Result<SanitizerPlugin, LoadError> {
        self.load::<face::Sanitizer>(name, component, &self.0.config.sanitizer).map(SanitizerPlugin)
    }

    /// Loads a policy module under the name that its operator gave it.
    ///
    /// # Errors
    ///
    /// If the component is no policy module, does not fit the contract, or fails to describe itself.
    pub fn load_policy(&self, name: &str, component: &[u8]) -> Result<PolicyModule, LoadError> {
        self.load::<face::Policy>(name, component, &self.0.config.policy).map(PolicyModule)
    }

    fn load<F: Face>(&self, name: &str, bytes: &[u8], limits: &Limits) -> Result<Arc<Loaded<F>>, LoadError> {
        let inner = &*self.0;
        let digest = Digest::of(bytes);
        let component = inner.component(name, bytes, digest)?;
        contract::check(&inner.engine, &component, name, F::EXPORT)?;
        let mismatch = |error: wasmtime::Error| LoadError::Mismatch {
            plugin: name.to_owned(),
            message: format!("{error:#}"),
        };
        let pre = inner.linker.instantiate_pre(&component).map_err(mismatch)?;
        let face = F::find(&pre).map_err(mismatch)?;
        let plugin = Arc::new(Plugin {
            name: name.to_owned(),
            limits: limits.clone(),
            pre,
            ticker: Arc::clone(&inner.ticker),
        });
        // What a plugin says of itself depends on nothing, not even on the time.
        let at = Timestamp::from_millis(0);
        let (mut cell, instance) = plugin.instantiate(at, FIXED_SEED)?;
        let about = cell.call("describe", at, |store| face.describe(store, &instance, limits));
        let about = about.map_err(|error| match error {
            CallError::Guest(failure) => match failure.cause {
                crate::Cause::Malformed { what } => {
                    LoadError::Description { plugin: name.to_owned(), message: what }
                }
                cause => LoadError::Guest(crate::GuestFailure { cause, ..failure }),
            },
            error => LoadError::Description { plugin: name.to_owned(), message: error.to_string() },
        })?;
        Ok(Arc::new(Loaded { plugin, face, about, digest }))
    }
}

impl Inner {
    fn component(&self, plugin: &str, bytes: &[u8], digest: Digest) -> Result<Component, LoadError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine, digest)) {
            return Ok(component);
        }
        tracing::debug!(plugin, %digest, "compiling a component");
        let failed = |error: wasmtime::Error| LoadError::NotAComponent {
            plugin: plugin.to_owned(),
            message: format!("{error:#}"),
        };
        let Some(cache) = &self.cache else {
            return Component::new(&self.engine, bytes).map_err(failed);
        };
        let compiled = self.engine.precompile_component(bytes).map_err(failed)?;
        // Loaded from the file its code is shared with other hosts and needs no memory of its own.
        match cache.store(digest, &compiled).then(|| cache.load(&self.engine, digest)).flatten() {
            Some(component) => Ok(component),
            None => Component::new(&self.engine, bytes).map_err(failed),
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}
