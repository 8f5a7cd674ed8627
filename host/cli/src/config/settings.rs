//! From the file's words to the engine's settings.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_capabilities::process::SupervisorCommand;
use pointsman_capabilities::request::InvalidOrigin;
use pointsman_capabilities::secret::{SecretSource, Secrets};
use pointsman_engine::{
    BackendSettings, ComponentSource, PolicySettings, Profiles, SanitizerSettings, Settings, SystemClock,
    WaitLimits,
};
use serde_json::Value;

use super::defaults::{RULE_SETS, complete};
use super::delegation::{budgets, entry, rights};
use super::document::{Backend, OnFailure, Policy, Sanitizer, Secret};
use super::error::ConfigError;
use super::load::Loaded;
use super::origins::origins;
use super::programs::programs;

/// Makes settings of a configuration, what is built in included. Reads rule files; loads no component.
pub(crate) fn settings(loaded: &Loaded) -> Result<Settings, ConfigError> {
    let config = complete(&loaded.config);
    let roots = |key: &str, paths: &[PathBuf]| absolute(loaded, key, paths);
    super::sense::check(loaded, &config)?;
    let names: Vec<&str> = config.backends.keys().map(String::as_str).collect();
    Ok(Settings {
        state: loaded.state_dir()?,
        key: None,
        ancestors: Vec::new(),
        supervisor: SupervisorCommand::this_program(crate::SUPERVISE).map_err(ConfigError::NoProgram)?,
        programs: Arc::new(programs(loaded, &config.programs)?),
        origins: origins(loaded, &config.origins)?,
        secrets: secrets(loaded, &config.secrets)?,
        backends: named(&config.backends, |name, it| backend(loaded, name, it))?,
        sanitizers: listed(config.sanitizers.as_deref(), |at, it| sanitizer(loaded, at, it))?,
        policies: listed(config.policies.as_deref(), |at, it| {
            policy(loaded, at, it, config.policy.on_failure)
        })?,
        on_policy_failure: on_failure(config.policy.on_failure),
        roots: roots("runs.roots", &config.runs.roots)?,
        profiles: Profiles::new(
            profiles(loaded, config.runs.profiles.as_deref())?,
            roots("runs.profile_roots", &config.runs.profile_roots)?,
        ),
        run_folders: super::at_rest::run_folders(loaded)?,
        waits: WaitLimits {
            default: config.waits.default.get(),
            most: config.waits.most.map(super::text_duration::TextDuration::get),
        },
        stop_grace: config.runs.stop_grace.get(),
        approval_ttl: config.runs.approval_ttl.get(),
        corrective_turns: config.runs.corrective_turns,
        longest_session: config.approvals.longest_session.get(),
        live_runs: config.runs.live,
        audit: super::audit::audit(&loaded.config),
        clock: Arc::new(SystemClock),
        orphans: match config.delegation.orphans {
            super::delegation::Orphans::Cancel => pointsman_engine::Orphans::Cancel,
            super::delegation::Orphans::Keep => pointsman_engine::Orphans::Keep,
        },
        entry: entry(loaded, &config.delegation, &config.backends)?,
        rights: rights(loaded, &config.delegation, &names)?,
        budgets: budgets(loaded, &config.budgets)?,
    })
}

/// Makes the error of a value that cannot be meant.
pub(super) fn senseless(loaded: &Loaded, key: &str, message: String) -> ConfigError {
    ConfigError::Senseless { place: loaded.place_of(key), key: key.to_owned(), message }
}

fn named<T, U>(
    items: &BTreeMap<String, T>,
    make: impl Fn(&str, &T) -> Result<U, ConfigError>,
) -> Result<BTreeMap<String, U>, ConfigError> {
    items.iter().map(|(name, item)| Ok((name.clone(), make(name, item)?))).collect()
}

fn listed<T, U>(
    items: Option<&[T]>,
    make: impl Fn(usize, &T) -> Result<U, ConfigError>,
) -> Result<Vec<U>, ConfigError> {
    items.unwrap_or_default().iter().enumerate().map(|(at, item)| make(at, item)).collect()
}

pub(super) fn absolute(loaded: &Loaded, key: &str, paths: &[PathBuf]) -> Result<Vec<PathBuf>, ConfigError> {
    paths
        .iter()
        .map(|path| {
            let path = loaded.path_of(path);
            // Requests are compared by real paths, so a root behind a link would never match.
            path.canonicalize().map_err(|error| {
                senseless(loaded, key, format!("{}: {error}; create it or remove it", path.display()))
            })
        })
        .collect()
}

/// Gives the folder of profiles: the one that is named must be there, the usual one may.
fn profiles(loaded: &Loaded, named: Option<&Path>) -> Result<Option<PathBuf>, ConfigError> {
    match named {
        Some(named) => Ok(absolute(loaded, "runs.profiles", &[named.to_owned()])?.pop()),
        None => {
            let beside =
                loaded.places.config.as_deref().and_then(Path::parent).map(|dir| dir.join("profiles"));
            Ok(beside.and_then(|dir| dir.canonicalize().ok()).filter(|dir| dir.is_dir()))
        }
    }
}

fn secrets(loaded: &Loaded, table: &BTreeMap<String, Secret>) -> Result<Secrets, ConfigError> {
    let mut secrets = Secrets::new(named(table, |name, secret| source(loaded, name, secret))?);
    for (name, secret) in table {
        let Some(origins) = &secret.origins else { continue };
        let key = format!("secrets.{name}.origins");
        let read = |text: &String| text.parse().map_err(|error: InvalidOrigin| error.to_string());
        let origins = origins.iter().map(read).collect::<Result<BTreeSet<_>, _>>();
        let origins = origins.map_err(|message| senseless(loaded, &key, message))?;
        if origins.is_empty() {
            let message = "it would go nowhere; name an origin, or leave origins out".to_owned();
            return Err(senseless(loaded, &key, message));
        }
        secrets = secrets.bind(name, origins);
    }
    Ok(secrets)
}

fn source(loaded: &Loaded, name: &str, secret: &Secret) -> Result<SecretSource, ConfigError> {
    match (&secret.env, &secret.file) {
        (Some(variable), None) => Ok(SecretSource::Env(variable.clone())),
        (None, Some(file)) => Ok(SecretSource::File(loaded.path_of(file))),
        _ => Err(senseless(
            loaded,
            &format!("secrets.{name}"),
            "give where it is read: either env = \"VARIABLE\" or file = \"PATH\"".to_owned(),
        )),
    }
}

fn component(loaded: &Loaded, key: &str, text: &str) -> Result<ComponentSource, ConfigError> {
    let key = format!("{key}.component");
    if let Some(name) = text.strip_prefix("bundled:") {
        let known = pointsman_bundle::ALL.iter().find(|(bundled, _)| *bundled == name);
        return known.map(|(_, bytes)| ComponentSource::Bundled(bytes)).ok_or_else(|| {
            let names: Vec<_> =
                pointsman_bundle::ALL.iter().map(|(name, _)| format!("bundled:{name}")).collect();
            senseless(loaded, &key, format!("no such component {text:?}; there are {}", names.join(", ")))
        });
    }
    let path = loaded.path_of(Path::new(text));
    if path.is_file() {
        return Ok(ComponentSource::File(path));
    }
    Err(senseless(
        loaded,
        &key,
        format!("no file at {}; a component inside the program is bundled:NAME", path.display()),
    ))
}

fn backend(loaded: &Loaded, name: &str, backend: &Backend) -> Result<BackendSettings, ConfigError> {
    let key = format!("backends.{name}");
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !plain {
        return Err(senseless(
            loaded,
            &key,
            "a backend's name is made of letters, digits, - and _".to_owned(),
        ));
    }
    Ok(BackendSettings {
        component: component(loaded, &key, &backend.component)?,
        config: Value::Object(backend.config.clone()),
        caller_may_set: backend.caller_may_set.clone(),
        grants: backend.grants.iter().map(|grant| grant.get().clone()).collect(),
    })
}

fn sanitizer(loaded: &Loaded, at: usize, sanitizer: &Sanitizer) -> Result<SanitizerSettings, ConfigError> {
    let key = format!("sanitizers[{at}]");
    Ok(SanitizerSettings {
        name: sanitizer.name.clone(),
        component: component(loaded, &key, &sanitizer.component)?,
        vetted: sanitizer.component.starts_with("bundled:") && sanitizer.config.is_empty(),
        key,
        config: Value::Object(sanitizer.config.clone()),
        keep_originals: sanitizer.keep_originals,
    })
}

fn rule_set(name: &str) -> Option<&'static str> {
    RULE_SETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

fn on_failure(counts: OnFailure) -> pointsman_engine::OnFailure {
    match counts {
        OnFailure::Ask => pointsman_engine::OnFailure::Ask,
        OnFailure::Deny => pointsman_engine::OnFailure::Deny,
    }
}

fn policy(
    loaded: &Loaded,
    at: usize,
    policy: &Policy,
    usual: OnFailure,
) -> Result<PolicySettings, ConfigError> {
    let key = format!("policies[{at}]");
    let mut file = None;
    let config = match (policy.rules.as_deref(), policy.inline.as_deref()) {
        (Some(named), None) if let Some(name) = named.strip_prefix("bundled:") => {
            rule_set(name).map(str::to_owned).ok_or_else(|| {
                let names: Vec<_> = RULE_SETS.iter().map(|(name, _)| format!("bundled:{name}")).collect();
                let text = format!("no such rule set {named:?}; there are {}", names.join(", "));
                senseless(loaded, &format!("{key}.rules"), text)
            })?
        }
        (Some(named), None) => {
            let path = file.insert(loaded.path_of(Path::new(named)));
            std::fs::read_to_string(&path).map_err(|error| {
                senseless(loaded, &format!("{key}.rules"), format!("cannot read {}: {error}", path.display()))
            })?
        }
        (None, Some(text)) => text.to_owned(),
        (None, None) => String::new(),
        (Some(_), Some(_)) => {
            return Err(senseless(
                loaded,
                &key,
                "`rules` and `inline` exclude each other; keep one".to_owned(),
            ));
        }
    };
    let shipped = policy.rules.as_deref().is_some_and(|rules| rules.starts_with("bundled:"));
    Ok(PolicySettings {
        name: policy.name.clone(),
        component: component(loaded, &key, &policy.component)?,
        vetted: policy.component == "bundled:rules" && shipped,
        config,
        file,
        on_failure: on_failure(policy.on_failure.unwrap_or(usual)),
    })
}
