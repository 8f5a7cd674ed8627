//! The components, loaded as the host would load them.

use pointsman_engine::Settings;

use super::finding::{Finding, Health};
use super::state::size;

/// Looks at every component that is configured.
pub(super) fn check(settings: &Settings) -> Vec<Finding> {
    let cache = settings.state.join("components");
    vec![if cache.is_dir() {
        Finding::new("component cache", Health::Good, format!("{} ({})", cache.display(), size(&cache)))
    } else {
        Finding::new(
            "component cache",
            Health::Good,
            "empty; components are compiled when they are first needed",
        )
    }]
}
