//! `pointsman doctor`: what is there, what is missing, and the line that mends it.

mod backends;
mod checkout;
mod components;
mod finding;
mod judging;
mod kernel;
mod needs;
mod origins;
mod programs;
mod state;
mod webhook;

use std::path::Path;

use serde_json::json;

use self::finding::{Finding, Health};
use crate::config::{Loaded, load, settings};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, Progress};

/// Looks at everything, in the order in which things depend on each other.
pub(super) fn run(out: Out, named: Option<&Path>) -> Outcome {
    let progress = Progress::start("looking at this machine");
    let mut findings = Vec::new();
    match load(named).and_then(|loaded| settings(&loaded).map(|settings| (loaded, settings))) {
        Ok((loaded, settings)) => {
            findings.push(configuration(&loaded));
            findings.push(state::check(&settings.state));
            findings.extend(state::encryption(&loaded, &settings.state));
            progress.now("loading components, and asking programs for their versions");
            findings.extend(components::check(&loaded, &settings));
            findings.extend(judging::check(&settings.state));
            findings.extend(programs::unused(&settings));
            findings.extend(origins::check(&settings));
            findings.extend(webhook::check(&loaded, &settings));
        }
        Err(error) => {
            let failure = Failure::from(error);
            let mend = failure.help.unwrap_or_default();
            findings.push(Finding::new("configuration", Health::Missing, failure.message).mend(mend));
        }
    }
    findings.extend(kernel::check());
    findings.push(checkout::check());
    drop(progress);
    report(out, &findings)
}

fn configuration(loaded: &Loaded) -> Finding {
    let detail = match (&loaded.path, &loaded.places.config) {
        (Some(path), _) => path.display().to_string(),
        (None, Some(place)) => format!("built in; no file at {}, and none is needed", place.display()),
        (None, None) => "built in; no file is needed".to_owned(),
    };
    Finding::new("configuration", Health::Good, detail)
}

fn report(out: Out, findings: &[Finding]) -> Outcome {
    let missing = findings.iter().filter(|finding| finding.health == Health::Missing).count();
    if out.is_json() {
        out.json(&json!({ "version": env!("CARGO_PKG_VERSION"), "ok": missing == 0, "findings": findings }))?;
    } else {
        let paint = out.paint();
        let width = findings.iter().map(|finding| finding.subject.chars().count()).max().unwrap_or_default();
        for finding in findings {
            let mark = match finding.health {
                Health::Good => paint.good("ok     "),
                Health::Note => paint.dim("note   "),
                Health::Missing => paint.bad("missing"),
            };
            out.line(format!("{mark}  {:<width$}  {}", finding.subject, finding.detail))?;
            if let Some(mend) = &finding.mend {
                out.line(format!("         {:<width$}  {} {mend}", "", paint.bold("to mend it:")))?;
            }
        }
        out.line(match missing {
            0 => paint.good("\nEverything that is needed is there."),
            1 => paint.bad("\nOne thing that is needed is missing."),
            many => paint.bad(format!("\n{many} things that are needed are missing.")),
        })?;
    }
    Ok(if missing == 0 { Exit::Ok } else { Exit::Error })
}
