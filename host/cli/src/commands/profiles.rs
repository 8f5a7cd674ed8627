//! `pointsman profiles`.

use pointsman_engine::{Named, Profile};
use serde_json::{Value, json};

use crate::args::ProfilesCommand;
use crate::config::{Loaded, settings};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Align, Out, render};

pub(super) fn run(out: Out, loaded: &Loaded, command: &ProfilesCommand) -> Outcome {
    let profiles = settings(loaded)?.profiles;
    match command {
        ProfilesCommand::List => list(out, &profiles.list()),
        ProfilesCommand::Show { profile } => {
            // Where nobody can be, nothing can be read.
            let cwd = std::env::current_dir().and_then(|cwd| cwd.canonicalize()).ok();
            let profile = profiles.find(profile, cwd.as_deref()).map_err(|error| {
                Failure::not_found(error).help("`pointsman profiles list` shows those that have a name")
            })?;
            show(out, &profile)
        }
    }
}

fn list(out: Out, profiles: &[Named]) -> Outcome {
    if out.is_json() {
        let value = |named: &Named| match &named.profile {
            Ok(profile) => described(Some(&named.name), profile),
            Err(error) => json!({"name": named.name, "error": error.to_string()}),
        };
        out.json(&profiles.iter().map(value).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let columns = [("name", Align::Left), ("sets", Align::Left), ("what it is good for", Align::Left)];
    let row = |named: &Named| match &named.profile {
        Ok(profile) => {
            let about = profile.description.clone().unwrap_or_else(|| profile.source.clone());
            vec![named.name.clone(), sets(profile).join(", "), about]
        }
        Err(error) => vec![named.name.clone(), String::new(), paint.warn(error.to_string())],
    };
    out.line(render(out, &columns, profiles.iter().map(row).collect()))?;
    Ok(Exit::Ok)
}

fn show(out: Out, profile: &Profile) -> Outcome {
    if out.is_json() {
        let mut shown = described(None, profile);
        shown["text"] = Value::from(profile.text.as_str());
        out.json(&shown)?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let field = |name: &str, value: &str| out.line(format!("{} {value}", paint.dim(format!("{name:<6}"))));
    field("from", &profile.source)?;
    if let Some(description) = &profile.description {
        field("is", description)?;
    }
    for setting in sets(profile) {
        field("sets", &setting)?;
    }
    out.line("")?;
    out.line(&profile.text)?;
    Ok(Exit::Ok)
}

fn described(name: Option<&str>, profile: &Profile) -> Value {
    json!({
        "name": name,
        "source": profile.source,
        "description": profile.description,
        "backend": profile.backend,
        "role": profile.role,
        "access": profile.access,
        "output_schema": profile.output_schema,
    })
}

/// Says what a profile says of a run.
fn sets(profile: &Profile) -> Vec<String> {
    let schema = profile.output_schema.is_some().then(|| "output_schema".to_owned());
    [
        profile.backend.as_ref().map(|backend| format!("backend {backend}")),
        profile.role.map(|role| format!("role {}", role.as_str())),
        profile.access.map(|access| format!("access {access}")),
        schema,
    ]
    .into_iter()
    .flatten()
    .collect()
}
