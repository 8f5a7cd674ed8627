//! The components, loaded as the host would load them.

use pointsman_engine::Settings;

use super::backends::Readiness;
use super::finding::{Finding, Health};
use super::state::size;
use crate::config::Loaded;
use crate::failure::Failure;
use crate::plugins::{Inspector, Kind, configured};

/// Loads every component that is configured and has it read its configuration, rules and their examples included. What
/// a backend needs besides is looked at, too.
pub(super) fn check(loaded: &Loaded, settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    match Inspector::new(loaded, settings) {
        Err(failure) => findings.push(Finding::new("sandbox", Health::Missing, failure.message)),
        Ok(inspector) => {
            let readiness = Readiness::new(loaded, settings);
            for plugin in configured(settings) {
                let inspected = inspector.inspect(&plugin);
                if plugin.kind == Kind::Backend {
                    findings.extend(readiness.of(&plugin, inspected));
                    continue;
                }
                let subject = format!("{} {}", plugin.kind.as_str(), plugin.name);
                findings.push(match inspected {
                    Ok(it) => {
                        let about = it.description;
                        Finding::new(subject, Health::Good, format!("{} {}", about.name, about.version))
                    }
                    Err(failure) => failed(subject, Health::Missing, failure),
                });
            }
        }
    }
    let cache = settings.state.join("components");
    findings.push(if cache.is_dir() {
        Finding::new("component cache", Health::Good, format!("{} ({})", cache.display(), size(&cache)))
    } else {
        Finding::new(
            "component cache",
            Health::Note,
            "nothing is kept: components are compiled at every start",
        )
    });
    findings
}

/// Makes a finding of what could not be done.
pub(super) fn failed(subject: String, health: Health, failure: Failure) -> Finding {
    let finding = Finding::new(subject, health, failure.message);
    match failure.help {
        Some(help) => finding.mend(help),
        None => finding,
    }
}
