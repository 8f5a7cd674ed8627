//! How much of an event stays in it.

use pointsman_sdk::config;
use serde::Deserialize;

/// Bytes of UTF-8 that stay, by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// A whole event as it is stored, references to its artifacts included.
    pub event_bytes: usize,
    /// What a command printed, and the command itself.
    pub output_bytes: usize,
    /// What is said.
    pub text_bytes: usize,
    /// Arguments, results and changes as JSON.
    pub structure_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event_bytes: 16_384, output_bytes: 4_000, text_bytes: 2_000, structure_bytes: 4_096 }
    }
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "event_bytes": {
            "description": "A whole event as it is stored, references to its artifacts included.",
            "type": "integer", "minimum": 8192, "maximum": 1048576, "default": 16384
        },
        "output_bytes": {
            "description": "What a command printed, and the command itself.",
            "type": "integer", "minimum": 256, "maximum": 1048576, "default": 4000
        },
        "text_bytes": {
            "description": "What is said.",
            "type": "integer", "minimum": 256, "maximum": 1048576, "default": 2000
        },
        "structure_bytes": {
            "description": "Arguments, results and changes as JSON.",
            "type": "integer", "minimum": 2048, "maximum": 1048576, "default": 4096
        }
    },
    "additionalProperties": false
}"#;

/// A text that is cut because the event is still too large keeps this much.
pub(crate) const LAST_TEXT_BYTES: usize = 1_000;
/// A structure of this size is left alone even then.
pub(crate) const LAST_STRUCTURE_BYTES: usize = 1_024;

impl Limits {
    /// Reads a configuration.
    pub(crate) fn read(config: &str) -> Result<Self, String> {
        // Called for every batch, and most operators say nothing.
        if matches!(config, "" | "{}") {
            return Ok(Self::default());
        }
        let limits: Self = config::read(config)?;
        // A schema says the same; but below these a summary would be longer than what it stands for.
        for (key, value, least) in [
            ("event_bytes", limits.event_bytes, 8_192),
            ("output_bytes", limits.output_bytes, 256),
            ("text_bytes", limits.text_bytes, 256),
            ("structure_bytes", limits.structure_bytes, 2_048),
        ] {
            if value < least {
                return Err(format!(
                    "configuration key `{key}`: {value} is too little, at least {least} is needed"
                ));
            }
        }
        Ok(limits)
    }

    /// Gives a size of data up to which nothing in it can be above any limit.
    pub(crate) fn harmless(&self) -> usize {
        // JSON is never shorter than the texts in it. The third pass begins at `event_bytes`, envelope included.
        self.output_bytes.min(self.text_bytes).min(self.structure_bytes).min(self.event_bytes / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_what_the_schema_says() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let default = |key: &str| schema["properties"][key]["default"].as_u64().unwrap() as usize;
        let Limits { event_bytes, output_bytes, text_bytes, structure_bytes } = Limits::default();
        assert_eq!(
            [event_bytes, output_bytes, text_bytes, structure_bytes],
            ["event_bytes", "output_bytes", "text_bytes", "structure_bytes"].map(default)
        );
    }

    #[test]
    fn a_wrong_configuration_names_the_key() {
        assert_eq!(Limits::read(r#"{"text_bytes":300}"#).unwrap().text_bytes, 300);
        assert!(Limits::read(r#"{"text_bytes":3}"#).unwrap_err().contains("`text_bytes`"));
        assert!(Limits::read(r#"{"txt":3}"#).unwrap_err().contains("txt"));
        assert!(Limits::read(r#"{"text_bytes":"3"}"#).unwrap_err().contains("`text_bytes`"));
    }
}
