//! `pointsman plugin`.

use std::path::Path;

use pointsman_engine::Settings;
use pointsman_model::{CapabilityRequest, Grant, Leaf};
use serde_json::{Value, json};

use crate::args::PluginCommand;
use crate::config::{Loaded, settings};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::plugins::{Configured, Inspected, Inspector, configured, source};
use crate::terminal::{Align, Out, render};

pub(super) fn run(out: Out, loaded: &Loaded, command: &PluginCommand) -> Outcome {
    let settings = settings(loaded)?;
    match command {
        PluginCommand::List => list(out, &configured(&settings)),
        PluginCommand::Inspect { plugin } => inspect(out, loaded, &settings, plugin),
    }
}

/// Lists without loading anything.
fn list(out: Out, plugins: &[Configured]) -> Outcome {
    if out.is_json() {
        let value = |plugin: &Configured| {
            json!({
                "kind": plugin.kind,
                "name": plugin.name,
                "component": source(&plugin.component),
                "grants": plugin.grants.iter().map(words).collect::<Vec<_>>(),
            })
        };
        out.json(&plugins.iter().map(value).collect::<Vec<Value>>())?;
        return Ok(Exit::Ok);
    }
    let columns =
        [("kind", Align::Left), ("name", Align::Left), ("component", Align::Left), ("grants", Align::Left)];
    let row = |plugin: &Configured| {
        let grants: Vec<_> = plugin.grants.iter().map(words).collect();
        vec![
            plugin.kind.as_str().to_owned(),
            plugin.name.clone(),
            source(&plugin.component),
            grants.join(", "),
        ]
    };
    out.line(render(out, &columns, plugins.iter().map(row).collect()))?;
    Ok(Exit::Ok)
}

fn inspect(out: Out, loaded: &Loaded, settings: &Settings, named: &str) -> Outcome {
    let plugins = configured(settings);
    let found = plugins.iter().find(|plugin| plugin.name == named);
    let path = Path::new(named);
    if found.is_none() && !path.is_file() {
        let names: Vec<_> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        return Err(Failure::not_found(format!("no plugin and no file {named:?}"))
            .help(format!("there are {}", names.join(", "))));
    }
    let inspector = Inspector::new(loaded, settings)?;
    let inspected = match found {
        Some(plugin) => inspector.inspect(plugin)?,
        None => inspector.inspect_file(path)?,
    };
    let grants = found.map(|plugin| plugin.grants.as_slice()).unwrap_or_default();
    if out.is_json() {
        out.json(&as_json(named, &inspected, grants, settings))?;
    } else {
        show(out, &inspected, grants, settings)?;
    }
    Ok(Exit::Ok)
}

fn as_json(name: &str, inspected: &Inspected, grants: &[Grant], settings: &Settings) -> Value {
    let about = &inspected.description;
    let request = |request: &CapabilityRequest| json!({ "leaf": request.leaf, "target": request.target, "why": request.why });
    json!({
        "kind": inspected.kind,
        "name": name,
        "says": { "name": about.name, "version": about.version, "summary": about.summary },
        "digest": inspected.digest,
        "features": inspected.features,
        "asks_for": about.requests.iter().map(request).collect::<Vec<_>>(),
        "grants": grants,
        "origins": origins(&about.requests, grants, settings),
        "config_schema": about.config_schema,
    })
}

/// Lists the origins that a plugin may send requests to: what it asks for, what it is given, and what the table has.
fn origins<'a>(requests: &[CapabilityRequest], grants: &[Grant], settings: &'a Settings) -> Vec<&'a str> {
    let origins = settings.origins.iter().map(|rules| rules.origin().as_str());
    origins.filter(|origin| Grant::allows(requests, grants, Leaf::RequestSend, origin)).collect()
}

fn show(out: Out, inspected: &Inspected, grants: &[Grant], settings: &Settings) -> Result<(), Failure> {
    let paint = out.paint();
    let about = &inspected.description;
    let field = |name: &str, value: String| out.line(format!("{} {value}", paint.dim(format!("{name:<9}"))));
    field(inspected.kind.as_str(), format!("{} {}", paint.bold(&about.name), about.version))?;
    field("is", about.summary.clone())?;
    field("digest", inspected.digest.to_string())?;
    if !inspected.features.is_empty() {
        let words = |feature| serde_json::to_value(feature).ok()?.as_str().map(str::to_owned);
        field("can", inspected.features.iter().filter_map(words).collect::<Vec<_>>().join(", "))?;
    }
    for request in &about.requests {
        let covers = |grant: &&Grant| {
            grant.leaf == request.leaf
                && (request.target == "*" || grant.target == "*" || grant.target == request.target)
        };
        let given: Vec<_> = grants.iter().filter(covers).map(words).collect();
        let given = if given.is_empty() {
            paint.warn("not given")
        } else {
            paint.good(format!("given: {}", given.join(", ")))
        };
        field("asks for", format!("{} {} ({given}): {}", request.leaf, request.target, request.why))?;
    }
    if grants.iter().any(|grant| grant.leaf == Leaf::RequestSend) {
        field(
            "reaches",
            match origins(&about.requests, grants, settings) {
                origins if origins.is_empty() => {
                    paint.warn("nothing: none of it is in the table; [origins.\"https://HOST\"]")
                }
                origins => origins.join(", "),
            },
        )?;
    }
    let keys = about.config_schema["properties"].as_object();
    for (key, schema) in keys.into_iter().flatten() {
        let kind = schema["type"].as_str().unwrap_or("value");
        let text = schema["description"].as_str().unwrap_or_default();
        field("config", format!("{} ({kind}) {text}", paint.bold(key)))?;
    }
    Ok(())
}

fn words(grant: &Grant) -> String {
    format!("{} {}", grant.leaf, grant.target)
}
