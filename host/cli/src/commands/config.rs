//! `pointsman config`.

use std::path::Path;

use pointsman_engine::Settings;
use serde_json::json;

use crate::args::ConfigCommand;
use crate::config::{Config, EXAMPLE, Loaded, elicitation, load, load_file, settings, webhook};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::plugins::{Inspector, Kind, configured};
use crate::terminal::Out;

pub(super) fn run(out: Out, named: Option<&Path>, command: ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Example => out.raw(EXAMPLE)?,
        ConfigCommand::Schema => {
            let schema =
                serde_json::to_string_pretty(&schemars::schema_for!(Config)).map_err(Failure::internal)?;
            out.line(schema)?;
        }
        ConfigCommand::Check { file } => return check(out, file.as_deref(), named),
    }
    Ok(Exit::Ok)
}

fn check(out: Out, file: Option<&Path>, named: Option<&Path>) -> Outcome {
    let loaded = match file {
        Some(file) => load_file(file)?,
        None => load(named)?,
    };
    let settings = settings(&loaded)?;
    let asked = elicitation(&loaded)?.clients;
    try_modules(&loaded, &settings)?;
    let webhook = webhook(&loaded, &settings.secrets)?;
    let receiver = webhook.as_ref().map(|it| it.receiver.origin().as_str());
    let names = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let backends: Vec<_> = settings.backends.keys().map(String::as_str).collect();
    let origins: Vec<_> = settings.origins.iter().map(|rules| rules.origin().as_str()).collect();
    let sanitizers: Vec<_> = settings.sanitizers.iter().map(|it| it.name.as_str()).collect();
    let policies: Vec<_> = settings.policies.iter().map(|it| it.name.as_str()).collect();
    if out.is_json() {
        out.json(&json!({
            "ok": true,
            "file": loaded.path,
            "state": settings.state,
            "backends": backends,
            "origins": origins,
            "sanitizers": sanitizers,
            "policies": policies,
            "webhook": receiver,
            "asked_clients": asked,
        }))?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let file = match &loaded.path {
        Some(path) => format!("{} is well-formed", path.display()),
        None => "no configuration file, and none is needed".to_owned(),
    };
    out.line(format!("{} {file}", paint.good("ok:")))?;
    out.line(format!("  state       {}", settings.state.display()))?;
    out.line(format!("  backends    {}", names(backends)))?;
    if !origins.is_empty() {
        out.line(format!("  origins     {}", names(origins)))?;
    }
    out.line(format!("  sanitizers  {}", names(sanitizers)))?;
    out.line(format!("  policies    {}", names(policies)))?;
    if let Some(receiver) = receiver {
        out.line(format!("  webhook     {receiver}"))?;
    }
    if !asked.is_empty() {
        out.line(format!("  asked       {}", names(asked.iter().map(String::as_str).collect())))?;
    }
    Ok(Exit::Ok)
}

/// Loads the components that the file lists, and has each read what it is told: rules, say.
fn try_modules(loaded: &Loaded, settings: &Settings) -> Result<(), Failure> {
    let config = &loaded.config;
    let mut inspector = None;
    let (mut sanitizers, mut policies) = (0.., 0..);
    for plugin in configured(settings) {
        let key = match plugin.kind {
            Kind::Backend => {
                config.backends.contains_key(&plugin.name).then(|| format!("backends.{}", plugin.name))
            }
            Kind::Sanitizer => sanitizers
                .next()
                .filter(|_| config.sanitizers.is_some())
                .map(|at| format!("sanitizers[{at}]")),
            Kind::Policy => {
                policies.next().filter(|_| config.policies.is_some()).map(|at| format!("policies[{at}]"))
            }
        };
        let Some(key) = key else { continue };
        let inspector = match &mut inspector {
            Some(inspector) => inspector,
            none => none.insert(Inspector::new(loaded, settings)?),
        };
        inspector.inspect(&plugin).map_err(|failure| match failure.exit {
            // It names its own key, further down.
            Exit::Configuration => failure,
            _ => Failure {
                exit: Exit::Configuration,
                message: format!("{}: `{key}`: {}", loaded.place_of(&key), failure.message),
                help: failure.help.or_else(|| Some("`pointsman config example` shows every key".to_owned())),
            },
        })?;
    }
    Ok(())
}
