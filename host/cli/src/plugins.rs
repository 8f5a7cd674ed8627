//! The configured components, loaded as the host would load them, to be looked at.

use std::borrow::Cow;
use std::path::Path;

use pointsman_engine::{ComponentSource, Fault, Settings, faults, sanitizer_faults};
use pointsman_model::plugin::{Description, Feature, TestedProgram};
use pointsman_model::{Digest, Grant, Timestamp};
use pointsman_sandbox::{CallError, LoadError, Sandbox, SandboxConfig};
use serde::Serialize;
use serde_json::Value;

use crate::config::Loaded;
use crate::failure::Failure;
use crate::terminal::Progress;

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Drives agents.
    Backend,
    /// Shapes events.
    Sanitizer,
    /// Judges requests.
    Policy,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Sanitizer => "sanitizer",
            Self::Policy => "policy",
        }
    }
}

/// A component as the operator configured it.
#[derive(Debug, Clone)]
pub(crate) struct Configured {
    /// What it is for.
    pub(crate) kind: Kind,
    /// Its name.
    pub(crate) name: String,
    /// Where its configuration stands in the operator's file.
    key: String,
    /// Where its bytes come from.
    pub(crate) component: ComponentSource,
    /// What it is given.
    pub(crate) grants: Vec<Grant>,
    /// What it is told.
    config: Config,
    /// Keys of that which callers may add for their runs.
    callers: Vec<String>,
}

#[derive(Debug, Clone)]
enum Config {
    /// A value that its schema must take.
    Value(Value),
    /// A text that it must read.
    Text(String),
}

impl Configured {
    /// Gives its configuration, if that is a value.
    pub(crate) fn settings(&self) -> Option<&Value> {
        match &self.config {
            Config::Value(value) => Some(value),
            Config::Text(_) => None,
        }
    }
}

/// What a component says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Inspected {
    /// What it is for.
    pub(crate) kind: Kind,
    /// The digest of its bytes.
    pub(crate) digest: Digest,
    /// What it says.
    pub(crate) description: Description,
    /// What a backend can do.
    pub(crate) features: Vec<Feature>,
    /// The programs that a backend drives, and the versions that it was tested with.
    pub(crate) tested: Vec<TestedProgram>,
}

/// Lists what is configured: backends, sanitizers, policies.
pub(crate) fn configured(settings: &Settings) -> Vec<Configured> {
    let backends = settings.backends.iter().map(|(name, backend)| Configured {
        kind: Kind::Backend,
        name: name.clone(),
        key: format!("backends.{name}.config"),
        component: backend.component.clone(),
        grants: backend.grants.clone(),
        config: Config::Value(backend.config.clone()),
        callers: backend.caller_may_set.clone(),
    });
    let sanitizers = settings.sanitizers.iter().map(|sanitizer| Configured {
        kind: Kind::Sanitizer,
        name: sanitizer.name.clone(),
        key: format!("{}.config", sanitizer.key),
        component: sanitizer.component.clone(),
        grants: Vec::new(),
        config: Config::Value(sanitizer.config.clone()),
        callers: Vec::new(),
    });
    let policies = settings.policies.iter().map(|policy| Configured {
        kind: Kind::Policy,
        name: policy.name.clone(),
        key: String::new(),
        component: policy.component.clone(),
        grants: Vec::new(),
        config: Config::Text(policy.config.clone()),
        callers: Vec::new(),
    });
    backends.chain(sanitizers).chain(policies).collect()
}

/// Says where a component comes from, as the configuration would.
pub(crate) fn source(component: &ComponentSource) -> String {
    match component {
        ComponentSource::Bundled(bytes) => {
            let name = pointsman_bundle::ALL.iter().find(|(_, bundled)| bundled == bytes);
            name.map_or_else(|| "bundled".to_owned(), |(name, _)| format!("bundled:{name}"))
        }
        ComponentSource::File(path) => path.display().to_string(),
    }
}

/// Loads components, compiling what was never compiled here.
pub(crate) struct Inspector<'a> {
    sandbox: Sandbox,
    loaded: &'a Loaded,
}

impl<'a> Inspector<'a> {
    /// Makes a sandbox over the same cache as the host's.
    pub(crate) fn new(loaded: &'a Loaded, settings: &Settings) -> Result<Self, Failure> {
        let config = SandboxConfig::new(Some(settings.state.join("components")));
        Ok(Self { sandbox: Sandbox::new(config).map_err(chain)?, loaded })
    }

    /// Loads a component and has it read its configuration.
    pub(crate) fn inspect(&self, plugin: &Configured) -> Result<Inspected, Failure> {
        let bytes = match &plugin.component {
            ComponentSource::Bundled(bytes) => Cow::Borrowed(*bytes),
            ComponentSource::File(path) => Cow::Owned(read(path)?),
        };
        let name = &plugin.name;
        let _progress =
            (!self.sandbox.is_cached(&bytes)).then(|| Progress::start(format!("compiling {name}")));
        let inspected = self.load(plugin.kind, name, &bytes).map_err(chain)?;
        match &plugin.config {
            Config::Value(value) => {
                let schema = without_callers(&inspected.description.config_schema, &plugin.callers);
                self.agrees(plugin, &schema, value)?;
                if plugin.kind == Kind::Sanitizer {
                    self.reads(plugin, &bytes, value)?;
                }
            }
            Config::Text(text) => {
                let module = self.sandbox.load_policy(name, &bytes).map_err(chain)?;
                module.load(text).map_err(chain)?;
            }
        }
        Ok(inspected)
    }

    /// Loads a file that is not configured, as whatever it is.
    pub(crate) fn inspect_file(&self, path: &Path) -> Result<Inspected, Failure> {
        let bytes = read(path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let _progress =
            (!self.sandbox.is_cached(&bytes)).then(|| Progress::start(format!("compiling {name}")));
        let mut last = None;
        for kind in [Kind::Backend, Kind::Sanitizer, Kind::Policy] {
            match self.load(kind, &name, &bytes) {
                Err(error @ LoadError::MissingExport { .. }) => last = Some(error),
                loaded => return loaded.map_err(chain),
            }
        }
        Err(last.map_or_else(|| Failure::internal("no kind of plugin was tried"), chain))
    }

    /// Checks a configuration against the schema that its plugin gives.
    fn agrees(&self, plugin: &Configured, schema: &Value, config: &Value) -> Result<(), Failure> {
        let name = &plugin.name;
        let look = if plugin.kind == Kind::Sanitizer { sanitizer_faults } else { faults };
        let faults =
            look(schema, config).map_err(|message| Failure::error(format!("plugin {name}: {message}")))?;
        if faults.is_empty() { Ok(()) } else { Err(self.wrong(plugin, faults)) }
    }

    /// Has a sanitizer read its configuration: what a schema cannot say, such as an expression that does not compile.
    fn reads(&self, plugin: &Configured, bytes: &[u8], config: &Value) -> Result<(), Failure> {
        let sanitizer = self.sandbox.load_sanitizer(&plugin.name, bytes).map_err(chain)?;
        match sanitizer.sanitize(&config.to_string(), &[], Timestamp::from_millis(0)) {
            Err(CallError::Refused(why)) => Err(self.wrong(plugin, vec![Fault::told(&why)])),
            Err(error) => Err(chain(error)),
            Ok(_) => Ok(()),
        }
    }

    fn wrong(&self, plugin: &Configured, faults: Vec<Fault>) -> Failure {
        let faults: Vec<Fault> = faults.into_iter().map(|fault| fault.below(&plugin.key)).collect();
        Failure::faults(self.loaded, &faults)
    }

    fn load(&self, kind: Kind, name: &str, bytes: &[u8]) -> Result<Inspected, LoadError> {
        Ok(match kind {
            Kind::Backend => {
                let plugin = self.sandbox.load_backend(name, bytes)?;
                let about = plugin.about();
                Inspected {
                    kind,
                    digest: plugin.digest(),
                    description: about.common.clone(),
                    features: about.features.iter().copied().collect(),
                    tested: about.tested.clone(),
                }
            }
            Kind::Sanitizer => {
                let plugin = self.sandbox.load_sanitizer(name, bytes)?;
                Inspected {
                    kind,
                    digest: plugin.digest(),
                    description: plugin.about().clone(),
                    features: Vec::new(),
                    tested: Vec::new(),
                }
            }
            Kind::Policy => {
                let plugin = self.sandbox.load_policy(name, bytes)?;
                Inspected {
                    kind,
                    digest: plugin.digest(),
                    description: plugin.about().clone(),
                    features: Vec::new(),
                    tested: Vec::new(),
                }
            }
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::error(format!("cannot read component {}: {error}", path.display())))
}

/// Gives a schema that does not require what callers may add: each run is held against the whole one.
fn without_callers(schema: &Value, callers: &[String]) -> Value {
    let mut schema = schema.clone();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|key| !callers.iter().any(|may| key.as_str() == Some(may)));
    }
    schema
}

/// Makes a failure of an error and everything behind it.
fn chain(error: impl std::error::Error) -> Failure {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    Failure::error(message)
}
