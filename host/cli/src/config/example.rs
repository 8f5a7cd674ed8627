//! The commented example: the reference for people.

/// `pointsman.example.toml`.
pub(crate) const EXAMPLE: &str = include_str!("../../pointsman.example.toml");

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::super::document::Config;
    use super::super::load::parse;
    use super::*;

    /// Makes settings of what the example only suggests. Prose begins with `# `, a setting with `#` alone.
    fn uncommented() -> String {
        let setting = |line: &'static str| match line.strip_prefix('#') {
            Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => rest,
            _ => line,
        };
        EXAMPLE.lines().map(setting).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn as_it_stands_it_changes_nothing() {
        assert_eq!(parse(Path::new("example"), EXAMPLE).unwrap(), Config::default());
    }

    #[test]
    fn with_every_line_uncommented_it_is_well_formed() {
        let config = parse(Path::new("example"), &uncommented()).unwrap();
        assert_ne!(config, Config::default());
    }

    /// A key that is in the schema and not in the example would be a secret.
    #[test]
    fn every_key_of_the_schema_stands_in_it() {
        let document: toml::Table = uncommented().parse().unwrap();
        let document = serde_json::to_value(document).unwrap();
        let schema = Value::from(schemars::schema_for!(Config));
        let mut missing = Vec::new();
        compare(&schema, &schema, &[&document], "", &mut missing);
        assert_eq!(missing, Vec::<String>::new(), "keys without an example");
    }

    /// Values that the file shows at one place: several where the place is a list or a table by name.
    fn compare(root: &Value, at: &Value, shown: &[&Value], path: &str, missing: &mut Vec<String>) {
        let mut at = at;
        loop {
            let referred = at["$ref"].as_str().map(|target| root.pointer(&target[1..]).unwrap());
            // An optional value is one of itself and null.
            let wrapped = at["anyOf"].as_array().and_then(|choices| choices.first());
            let Some(next) = referred.or(wrapped) else { break };
            at = next;
        }
        for (key, schema) in at["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let below: Vec<_> = shown.iter().filter_map(|value| value.get(key)).collect();
            if below.is_empty() {
                missing.push(path);
            } else {
                compare(root, schema, &below, &path, missing);
            }
        }
        if at["additionalProperties"].is_object() {
            let below: Vec<_> =
                shown.iter().filter_map(|v| v.as_object()).flat_map(|map| map.values()).collect();
            compare(root, &at["additionalProperties"], &below, &format!("{path}.NAME"), missing);
        }
        if at["items"].is_object() {
            let below: Vec<_> = shown.iter().filter_map(|v| v.as_array()).flatten().collect();
            compare(root, &at["items"], &below, &format!("{path}[]"), missing);
        }
    }
}
