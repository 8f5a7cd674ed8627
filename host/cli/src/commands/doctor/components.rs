//! The components, loaded as the host would load them.

use pointsman_engine::Settings;

use super::finding::{Finding, Health};
use super::state::size;
use crate::plugins::{Inspector, configured};

/// Loads every component that is configured and has it read its configuration, rules and their examples included.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    match Inspector::new(settings) {
        Err(failure) => findings.push(Finding::new("sandbox", Health::Missing, failure.message)),
        Ok(inspector) => {
            for plugin in configured(settings) {
                let subject = format!("{} {}", plugin.kind.as_str(), plugin.name);
                findings.push(match inspector.inspect(&plugin) {
                    Ok(it) => {
                        let about = it.description;
                        Finding::new(subject, Health::Good, format!("{} {}", about.name, about.version))
                    }
                    Err(failure) => {
                        let finding = Finding::new(subject, Health::Missing, failure.message);
                        match failure.help {
                            Some(help) => finding.mend(help),
                            None => finding,
                        }
                    }
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
