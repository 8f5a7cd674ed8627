//! What an operator, and the host, may say.

use pointsman_sdk::config;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::handed_out::HostSecrets;

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES: usize = 1 << 20;

/// The configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Secrets of the operator's own shapes.
    pub(crate) patterns: Vec<Pattern>,
    /// Texts that are never redacted, as regular expressions over the whole of what was found.
    pub(crate) allow: Vec<String>,
    /// Filled in by the host: what it handed out, as digests.
    pub(crate) host_secrets: HostSecrets,
}

/// A secret of the operator's own shape.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    /// The kind that its marker shows.
    pub(crate) name: String,
    /// The regular expression.
    pub(crate) regex: String,
    /// Which of its groups is the secret; the whole match by default.
    #[serde(default)]
    pub(crate) group: usize,
    /// Texts of which one must be there, whatever the case, before the pattern is tried: patterns are compiled for each
    /// batch of events that has one of them.
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
}

/// The schema that the host holds a configuration against.
pub(crate) const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "patterns": {
            "description": "Secrets of shapes of your own.",
            "type": "array", "maxItems": 64,
            "items": {
                "type": "object",
                "properties": {
                    "name": { "description": "What the marker shows.", "type": "string", "pattern": "^[a-z0-9-]{1,40}$" },
                    "regex": { "description": "A regular expression in the syntax of Rust's crate regex.", "type": "string", "minLength": 1, "maxLength": 1024 },
                    "group": { "description": "Which of its groups is the secret; 0 for the whole match.", "type": "integer", "minimum": 0, "maximum": 16, "default": 0 },
                    "keywords": { "description": "Texts of which one must be there before the pattern is tried: without them it is compiled for every batch of events.", "type": "array", "items": { "type": "string", "minLength": 1, "maxLength": 64 }, "maxItems": 16 }
                },
                "required": ["name", "regex"],
                "additionalProperties": false
            }
        },
        "allow": {
            "description": "Regular expressions; what one of them matches as a whole is not redacted, unless the host handed it out.",
            "type": "array", "items": { "type": "string", "minLength": 1, "maxLength": 1024 }, "maxItems": 64
        },
        "host_secrets": {
            "description": "Filled in by the host: digests of the secrets that it handed to agents.",
            "type": "object",
            "properties": {
                "salt": { "type": "string" },
                "forms": { "type": "string" }
            },
            "required": ["salt", "forms"],
            "additionalProperties": false
        }
    },
    "additionalProperties": false
}"#;

impl Config {
    /// Reads a configuration.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "{}") {
            return Ok(Self::default());
        }
        let config: Self = config::read(text)?;
        for pattern in &config.patterns {
            let named = pattern
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !named || pattern.name.is_empty() {
                return Err(format!(
                    "configuration key `patterns`: {:?} is no name; use small letters, digits and dashes",
                    pattern.name
                ));
            }
        }
        Ok(config)
    }
}

/// Compiles an expression of the operator's.
pub(crate) fn compile(key: &str, regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex)
        .size_limit(PATTERN_BYTES)
        .build()
        .map_err(|error| format!("configuration key `{key}`: {error}"))
}
