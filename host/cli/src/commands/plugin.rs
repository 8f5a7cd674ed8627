//! `pointsman plugin`.

use pointsman_engine::{ComponentSource, Settings};
use pointsman_model::Grant;
use serde_json::{Value, json};

use crate::args::PluginCommand;
use crate::config::{Loaded, settings};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Align, Out, render};

pub(super) fn run(out: Out, loaded: &Loaded, command: &PluginCommand) -> Outcome {
    let settings = settings(loaded)?;
    match command {
        PluginCommand::List => list(out, &settings),
        PluginCommand::Inspect { plugin } => Err(Failure::not_found(plugin)),
    }
}

fn list(out: Out, settings: &Settings) -> Outcome {
    let mut rows: Vec<[String; 4]> = Vec::new();
    for (name, backend) in &settings.backends {
        let grants = backend.grants.iter().map(|Grant { leaf, target }| format!("{leaf} {target}"));
        rows.push([
            "backend".into(),
            name.clone(),
            source(&backend.component),
            grants.collect::<Vec<_>>().join(", "),
        ]);
    }
    for sanitizer in &settings.sanitizers {
        rows.push(["sanitizer".into(), sanitizer.name.clone(), source(&sanitizer.component), String::new()]);
    }
    for policy in &settings.policies {
        rows.push(["policy".into(), policy.name.clone(), source(&policy.component), String::new()]);
    }
    if out.is_json() {
        let value = |[kind, name, component, grants]: &[String; 4]| {
            let grants: Vec<_> = grants.split(", ").filter(|grant| !grant.is_empty()).collect();
            json!({ "kind": kind, "name": name, "component": component, "grants": grants })
        };
        out.json(&rows.iter().map(value).collect::<Vec<Value>>())?;
        return Ok(Exit::Ok);
    }
    let columns =
        [("kind", Align::Left), ("name", Align::Left), ("component", Align::Left), ("grants", Align::Left)];
    out.line(render(out, &columns, rows.into_iter().map(Vec::from).collect()))?;
    Ok(Exit::Ok)
}

fn source(component: &ComponentSource) -> String {
    match component {
        ComponentSource::Bundled(bytes) => {
            let name = pointsman_bundle::ALL.iter().find(|(_, bundled)| std::ptr::eq(*bundled, *bytes));
            name.map_or_else(|| "bundled".to_owned(), |(name, _)| format!("bundled:{name}"))
        }
        ComponentSource::File(path) => path.display().to_string(),
    }
}
