//! Plugins, loaded when they are first needed and kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use pointsman_capabilities::handed_out::HandedOut;
use pointsman_sandbox::{BackendPlugin, CallError, Sandbox, SandboxConfig, SanitizerPlugin};

use crate::fault::{Fault, HOST_SECRETS, faults, listed, sanitizer_faults};
use crate::policies::{Loaded, Policies};
use crate::settings::{ComponentSource, OnFailure, Settings};
use crate::{BackendSettings, Error, SanitizerSettings};

/// Plugins, loaded when they are first needed and kept. Everything here blocks: call it off the reactor.
///
/// Each waits for its own loading alone: compiling a large component for one run must not hold up the events of all
/// others, which pass the sanitizers.
pub(crate) struct Plugins {
    settings: Arc<Settings>,
    sandbox: Once<Arc<Sandbox>>,
    /// One for each backend of the operator's.
    backends: HashMap<String, Once<BackendPlugin>>,
    sanitizers: Once<Arc<[LoadedSanitizer]>>,
    policies: Policies,
}

/// What is made when it is first wanted; whoever wants it meanwhile waits. A failure is not kept.
struct Once<T>(Mutex<Option<T>>);

impl<T: Clone> Once<T> {
    fn get(&self, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        // It is only ever set as a whole, so a panic while it was made leaves it sound.
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*made {
            Some(made) => Ok(made.clone()),
            None => Ok(made.insert(make()?).clone()),
        }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

/// A sanitizer with its configuration.
pub(crate) struct LoadedSanitizer {
    pub(crate) plugin: SanitizerPlugin,
    /// Whether the operator wants what it changes kept as it was.
    pub(crate) keeps_originals: bool,
    config: serde_json::Map<String, serde_json::Value>,
    /// Its configuration as text, by the version of the secrets that are in it.
    text: Mutex<Option<(u64, Arc<str>)>>,
    /// What was handed to agents, if the plugin wants to know.
    handed_out: Option<Arc<HandedOut>>,
}

impl LoadedSanitizer {
    /// Gives the configuration as text, with what was handed out up to now.
    pub(crate) fn config(&self) -> Arc<str> {
        let version = self.handed_out.as_ref().map_or(0, |handed_out| handed_out.version());
        // It is only ever set as a whole, so a panic meanwhile leaves it sound.
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        match &*text {
            Some((known, text)) if *known == version => Arc::clone(text),
            _ => {
                let mut config = self.config.clone();
                if let Some(known) = self.handed_out.as_ref().and_then(|handed_out| handed_out.fingerprints())
                {
                    let secrets = serde_json::json!({ "salt": known.salt, "forms": known.forms });
                    config.insert(HOST_SECRETS.to_owned(), secrets);
                }
                let written: Arc<str> = serde_json::Value::Object(config).to_string().into();
                Arc::clone(&text.insert((version, written)).1)
            }
        }
    }
}

impl Plugins {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let backends = settings.backends.keys().map(|name| (name.clone(), Once::default())).collect();
        Self {
            settings,
            sandbox: Once::default(),
            backends,
            sanitizers: Once::default(),
            policies: Policies::default(),
        }
    }

    /// Gives what the operator decided.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Gives the backend of a name; `None` if the operator has none of that name.
    pub(crate) fn backend(&self, name: &str) -> Result<Option<(BackendPlugin, &BackendSettings)>, Error> {
        let (Some(settings), Some(plugin)) = (self.settings.backends.get(name), self.backends.get(name))
        else {
            return Ok(None);
        };
        let plugin = plugin.get(|| {
            let bytes = bytes(name, &settings.component)?;
            self.sandbox(name)?.load_backend(name, &bytes).map_err(|error| failed(name, &error))
        })?;
        Ok(Some((plugin, settings)))
    }

    /// Gives the chain of sanitizers.
    pub(crate) fn sanitizers(&self) -> Result<Arc<[LoadedSanitizer]>, Error> {
        self.sanitizers
            .get(|| self.settings.sanitizers.iter().map(|settings| self.sanitizer(settings)).collect())
    }

    fn sanitizer(&self, settings: &SanitizerSettings) -> Result<LoadedSanitizer, Error> {
        let name = &settings.name;
        let bytes = bytes(name, &settings.component)?;
        let plugin =
            self.sandbox(name)?.load_sanitizer(name, &bytes).map_err(|error| failed(name, &error))?;
        let wrong = |faults: Vec<Fault>| {
            let below = format!("{}.config", settings.key);
            let faults = faults.into_iter().map(|fault| fault.below(&below)).collect();
            Error::Configuration { name: name.clone(), faults }
        };
        let faults = sanitizer_faults(&plugin.about().config_schema, &settings.config)
            .map_err(|message| Error::Plugin { name: name.clone(), message })?;
        if !faults.is_empty() {
            return Err(wrong(faults));
        }
        let config = settings.config.as_object().cloned().unwrap_or_default();
        let wanted = plugin.about().config_schema["properties"].get(HOST_SECRETS).is_some();
        let handed_out = wanted.then(|| Arc::clone(self.settings.secrets.handed_out()));
        let keeps_originals = settings.keep_originals;
        let loaded = LoadedSanitizer { plugin, keeps_originals, config, text: Mutex::default(), handed_out };
        // What a schema cannot say, such as an expression that does not compile, is said before there are events.
        // Any other failure is one of the plugin's, and withholds the events that it was to judge.
        let read = loaded.plugin.sanitize(&loaded.config(), &[], pointsman_model::Timestamp::from_millis(0));
        if let Err(CallError::Refused(why)) = read {
            return Err(wrong(vec![Fault::told(&why)]));
        }
        Ok(loaded)
    }

    /// Gives the chain of policy modules as it is in force now.
    pub(crate) fn policies(&self) -> Result<Arc<[Arc<Loaded>]>, Error> {
        self.policies.get(&self.settings.policies, |name| self.sandbox(name), |taken| self.mark_read(taken))
    }

    /// Gives the chain as it was when it was last asked; `None` if it never was. Each says whether its files have changed
    /// since.
    pub(crate) fn held_policies(&self) -> Option<Vec<(Arc<Loaded>, bool)>> {
        let held = self.policies.held()?;
        let with = held.iter().zip(&self.settings.policies);
        Some(with.map(|(module, settings)| (Arc::clone(module), module.has_changed(settings))).collect())
    }

    /// What a ruling is if the chain cannot be loaded at all.
    pub(crate) fn on_failure(&self) -> OnFailure {
        self.settings.on_policy_failure
    }

    /// The engine is made when the first plugin is loaded: a host that only answers lists never pays for it.
    fn sandbox(&self, name: &str) -> Result<Arc<Sandbox>, Error> {
        self.sandbox.get(|| {
            let config = SandboxConfig::new(Some(self.settings.state.join("components")));
            Sandbox::new(config).map(Arc::new).map_err(|error| failed(name, &error))
        })
    }
}

/// Checks a configuration against the schema that its plugin gives.
pub(crate) fn check_config(
    name: &str,
    schema: &serde_json::Value,
    config: &serde_json::Value,
) -> Result<(), Error> {
    let plugin = |message| Error::Plugin { name: name.to_owned(), message };
    let faults = faults(schema, config).map_err(plugin)?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(plugin(format!("configuration: {}", listed(&faults))))
}

pub(crate) fn bytes(name: &str, source: &ComponentSource) -> Result<std::borrow::Cow<'static, [u8]>, Error> {
    match source {
        ComponentSource::Bundled(bytes) => Ok((*bytes).into()),
        ComponentSource::File(path) => std::fs::read(path).map(Into::into).map_err(|error| Error::Plugin {
            name: name.to_owned(),
            message: format!("cannot read component {}: {error}", path.display()),
        }),
    }
}

pub(crate) fn failed(name: &str, error: &dyn std::error::Error) -> Error {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    Error::Plugin { name: name.to_owned(), message }
}
