//! What is wrong with what an operator wrote for a plugin, and where it stands.

use std::fmt;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

/// So many are named.
const NAMED: usize = 10;

/// Something wrong in a plugin's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: `patterns[0].regex`, or further from the top where an operator's whole document is meant; empty if it is
    /// about everything.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    /// Reads what a plugin says of its configuration. Those made with the SDK name the key.
    #[must_use]
    pub fn told(text: &str) -> Self {
        let named = text.strip_prefix("configuration key `").and_then(|rest| rest.split_once("`: "));
        match named {
            Some((key, message)) => Self { key: key.to_owned(), message: message.to_owned() },
            None => Self {
                key: String::new(),
                message: text.strip_prefix("configuration: ").unwrap_or(text).to_owned(),
            },
        }
    }

    /// Gives the same fault in the document that holds the configuration under a key.
    #[must_use]
    pub fn below(self, key: &str) -> Self {
        let key = match (key, self.key.as_str()) {
            ("", within) => within.to_owned(),
            (key, "") => key.to_owned(),
            (key, within) if within.starts_with('[') => format!("{key}{within}"),
            (key, within) => format!("{key}.{within}"),
        };
        Self { key, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => f.write_str(&self.message),
            key => write!(f, "`{key}`: {}", self.message),
        }
    }
}

/// Puts faults into one line.
pub(crate) fn listed(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ")
}

/// Holds a configuration against the schema that its plugin gives; names the first faults.
///
/// # Errors
///
/// If the schema is none.
pub fn faults(schema: &Value, config: &Value) -> Result<Vec<Fault>, String> {
    let validator = jsonschema::validator_for(schema)
        .map_err(|error| format!("its config-schema is no JSON Schema: {error}"))?;
    Ok(validator.iter_errors(config).flat_map(|error| faults_of(schema, &error)).take(NAMED).collect())
}

/// The key of a sanitizer's configuration that the host fills in, if the plugin's schema has it.
pub(crate) const HOST_SECRETS: &str = "host_secrets";

/// As [`faults`], for a sanitizer: of what its schema has, one key is the host's.
///
/// # Errors
///
/// If the schema is none.
pub fn sanitizer_faults(schema: &Value, config: &Value) -> Result<Vec<Fault>, String> {
    if config.get(HOST_SECRETS).is_some() {
        let message = "it is filled in by the host".to_owned();
        return Ok(vec![Fault { key: HOST_SECRETS.to_owned(), message }]);
    }
    faults(schema, config)
}

fn faults_of(schema: &Value, error: &ValidationError<'_>) -> Vec<Fault> {
    let key = key_of(error.instance_path().as_str());
    let unknown = match known(schema, error.schema_path().as_str()).as_slice() {
        [] => "unknown key".to_owned(),
        known => format!("unknown key; there are {}", known.join(", ")),
    };
    match error.kind() {
        // The place of a key that does not belong is its own, not that of what it stands in.
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .map(|name| Fault { key: name.clone(), message: unknown.clone() }.below(&key))
            .collect(),
        _ => vec![Fault { key, message: error.to_string() }],
    }
}

/// Names the keys that belong where the schema says that others do not; what the host fills in is none of them.
fn known(schema: &Value, path: &str) -> Vec<String> {
    let object = path.rsplit_once('/').and_then(|(object, _)| schema.pointer(object));
    let keys = object.and_then(|object| object["properties"].as_object()).into_iter().flatten();
    keys.filter(|(key, _)| *key != HOST_SECRETS).map(|(key, _)| format!("`{key}`")).collect()
}

/// Writes a JSON Pointer as the configuration's own messages write keys: `patterns[0].regex`.
fn key_of(pointer: &str) -> String {
    let mut key = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            key.push_str(&format!("[{step}]"));
        } else {
            if !key.is_empty() {
                key.push('.');
            }
            key.push_str(&step);
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_names_its_own_key() {
        let schema = json!({
            "type": "object",
            "properties": {"list": {"items": {
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "additionalProperties": false,
            }}},
            "additionalProperties": false,
        });
        let told = |config: Value| listed(&faults(&schema, &config).unwrap());
        assert_eq!(told(json!({"list": [{"name": "x"}]})), "");
        assert_eq!(told(json!({"lists": []})), "`lists`: unknown key; there are `list`");
        assert_eq!(told(json!({"list": [{}, {"nam": 1}]})), "`list[1].nam`: unknown key; there are `name`");
        assert_eq!(told(json!({"list": [{"name": 1}]})), "`list[0].name`: 1 is not of type \"string\"");
        faults(&json!({"type": 7}), &json!({})).expect_err("no schema");
    }

    #[test]
    fn what_a_plugin_says_is_put_in_its_place() {
        let told = |text: &str| Fault::told(text).below("sanitizers[1].config").to_string();
        assert_eq!(
            told("configuration key `patterns[0].regex`: unclosed group"),
            "`sanitizers[1].config.patterns[0].regex`: unclosed group"
        );
        assert_eq!(told("configuration: no object"), "`sanitizers[1].config`: no object");
        assert_eq!(told("I do not like it"), "`sanitizers[1].config`: I do not like it");
    }
}
