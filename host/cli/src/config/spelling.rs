//! Which key was meant, when one does not exist.

use std::fmt;

use serde_json::Value;

use super::document::Config;

/// What would help somebody who wrote a key that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Advice {
    /// The key that it resembles most.
    Nearest(String),
    /// The sections in which a key of this name does exist.
    Elsewhere(Vec<String>),
    /// Every key that stands beside it.
    Known(Vec<String>),
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nearest(key) => write!(f, "did you mean `{key}`?"),
            Self::Elsewhere(places) => write!(f, "it belongs to {}", places.join(" or ")),
            Self::Known(keys) => write!(f, "known here: {}", keys.join(", ")),
        }
    }
}

/// Looks at the published schema for what stands beside the key, so that the advice can never name what is not there.
pub(super) fn advise(path: &str) -> Option<Advice> {
    let schema = Value::from(schemars::schema_for!(Config));
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let section = walk(&schema, parents)?;
    let known = keys(section);
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(candidate, key), candidate))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.8);
    if let Some((_, nearest)) = nearest {
        return Some(Advice::Nearest(nearest.clone()));
    }
    let elsewhere = sections(&schema, key);
    if !elsewhere.is_empty() {
        return Some(Advice::Elsewhere(elsewhere));
    }
    (!known.is_empty()).then_some(Advice::Known(known))
}

/// Follows a path such as `policies[0].rules` or `backends.codex` into the schema.
fn walk<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = root;
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let name = step.split('[').next().unwrap_or(step);
        at = resolve(root, at);
        at = at["properties"].get(name).or_else(|| at.get("additionalProperties"))?;
        if step.contains('[') {
            at = resolve(root, at).get("items")?;
        }
    }
    Some(resolve(root, at))
}

/// Follows references, and the wrapping that an optional value has.
fn resolve<'a>(root: &'a Value, mut at: &'a Value) -> &'a Value {
    loop {
        let target = at["$ref"].as_str().and_then(|target| root.pointer(target.strip_prefix('#')?));
        let wrapped =
            at["anyOf"].as_array().and_then(|choices| choices.iter().find(|one| one["type"] != "null"));
        match target.or(wrapped) {
            Some(next) => at = next,
            None => return at,
        }
    }
}

fn keys(section: &Value) -> Vec<String> {
    section["properties"].as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

/// Names the sections that have a key of this name.
fn sections(root: &Value, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, section) in root["properties"].as_object().into_iter().flatten() {
        let section = resolve(root, section);
        if section["properties"].get(key).is_some() {
            found.push(format!("[{name}]"));
        }
        if let Some(each) = section.get("additionalProperties")
            && resolve(root, each)["properties"].get(key).is_some()
        {
            found.push(format!("[{name}.NAME]"));
        }
        if let Some(each) = section.get("items")
            && resolve(root, each)["properties"].get(key).is_some()
        {
            found.push(format!("[[{name}]]"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("backends.codex.componnent", "did you mean `component`?")]
    #[case("polices", "did you mean `policies`?")]
    #[case("policies[0].rule", "did you mean `rules`?")]
    #[case("runs.grants", "it belongs to [backends.NAME]")]
    #[case("state.level", "it belongs to [log]")]
    #[case("log.zzz", "known here: format, level")]
    fn names_the_key_that_was_meant(#[case] path: &str, #[case] advice: &str) {
        assert_eq!(advise(path).unwrap().to_string(), advice);
    }
}
