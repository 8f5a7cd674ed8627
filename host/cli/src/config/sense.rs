//! Values that are well-formed, each, and would not do what they say.

use std::collections::BTreeSet;

use super::document::{Config, Policy, Sanitizer};
use super::error::ConfigError;
use super::load::Loaded;
use super::settings::senseless;

/// The words for how much is logged.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Refuses what would parse and not act.
pub(super) fn check(loaded: &Loaded, config: &Config) -> Result<(), ConfigError> {
    let refuse = |key: &str, message: &str| Err(senseless(loaded, key, message.to_owned()));
    if config.runs.live == 0 {
        return refuse("runs.live", "no run could ever start; give at least 1");
    }
    if config.runs.approval_ttl.get().is_zero() {
        return refuse("runs.approval_ttl", "every question would lapse as it is asked; give at least 1s");
    }
    if let Some(most) = config.waits.most
        && most.get() < config.waits.default.get()
        && loaded.config.waits.default != super::document::Waits::default().default
    {
        let message = format!("no wait is longer than waits.most, which is {most}");
        return refuse("waits.default", &message);
    }
    if let Some(word) = no_level(&config.log.level) {
        let levels = LEVELS.join(", ");
        return refuse("log.level", &format!("{word:?} is none of {levels}; for one part write part=level"));
    }
    for (name, secret) in &config.secrets {
        let key = format!("secrets.{name}");
        if !is_word(name) {
            return refuse(&key, "a secret's name is made of letters, digits, -, _ and ., as grants name it");
        }
        if secret.env.as_deref() == Some("") {
            return refuse(&format!("{key}.env"), "name the variable");
        }
    }
    let sanitizers = config.sanitizers.as_deref().unwrap_or_default();
    names(loaded, "sanitizers", sanitizers, |it: &Sanitizer| &it.name)?;
    let place = |component: &str| sanitizers.iter().position(|it| it.component == component);
    if let (Some(spill), Some(redact)) = (place("bundled:spill"), place("bundled:redact"))
        && spill < redact
    {
        let message = "long values would be moved into artifacts with the secrets in them; list redact first";
        return refuse(&format!("sanitizers[{spill}]"), message);
    }
    let policies = config.policies.as_deref().unwrap_or_default();
    names(loaded, "policies", policies, |it: &Policy| &it.name)?;
    let empty = |policy: &Policy| {
        policy.component == "bundled:rules" && policy.rules.is_none() && policy.inline.is_none()
    };
    if let Some(at) = policies.iter().position(empty) {
        let message =
            "it has no rules and would judge nothing; name some with rules, or write them under inline";
        return refuse(&format!("policies[{at}]"), message);
    }
    Ok(())
}

/// Refuses names that do not tell one module from another, here or in the audit log.
fn names<T>(
    loaded: &Loaded,
    section: &str,
    items: &[T],
    name: impl Fn(&T) -> &String,
) -> Result<(), ConfigError> {
    let mut seen = BTreeSet::new();
    for (at, name) in items.iter().map(name).enumerate() {
        let key = format!("{section}[{at}].name");
        if !is_word(name) {
            let message = "a name is made of letters, digits, -, _ and .".to_owned();
            return Err(senseless(loaded, &key, message));
        }
        if !seen.insert(name) {
            return Err(senseless(loaded, &key, format!("another one is called {name:?} already")));
        }
    }
    Ok(())
}

fn is_word(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

/// Gives a word of a filter that is no level: the log would take it for a part of the program, and tell of that alone.
fn no_level(filter: &str) -> Option<&str> {
    let words = filter.split(',').map(str::trim);
    let level = |word: &str| LEVELS.iter().any(|level| word.eq_ignore_ascii_case(level));
    words.filter(|word| !word.contains('=')).find(|word| !level(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_has_levels_and_parts_with_levels() {
        for filter in ["warn", "off", "WARN", "warn,pointsman_engine=debug", "a=info, error"] {
            assert_eq!(no_level(filter), None, "{filter}");
        }
        assert_eq!(no_level("loud"), Some("loud"));
        assert_eq!(no_level("pointsman_engine=debug,wran"), Some("wran"));
        assert_eq!(no_level(""), Some(""));
    }
}
