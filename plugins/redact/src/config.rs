//! What an operator, and the host, may say.

use pointsman_sdk::config;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};
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
        for (at, pattern) in config.patterns.iter().enumerate() {
            let named = pattern
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !named || pattern.name.is_empty() {
                return Err(format!(
                    "configuration key `patterns[{at}].name`: {:?} is no name; use small letters, digits and dashes",
                    pattern.name
                ));
            }
        }
        Ok(config)
    }
}

/// Compiles an expression of the operator's.
pub(crate) fn compile(key: &str, regex: &str) -> Result<Regex, String> {
    RegexBuilder::new(regex).size_limit(PATTERN_BYTES).build().map_err(|error| {
        let why = match parse(regex) {
            Err(why) => why,
            Ok(_) => error.to_string(),
        };
        format!("configuration key `{key}`: {why}")
    })
}

/// Parses an expression; says in one line what is wrong with it, and at which character.
fn parse(regex: &str) -> Result<Hir, String> {
    regex_syntax::parse(regex).map_err(|error| {
        let (what, at) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), error.span().start.column),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), error.span().start.column),
            other => return other.to_string(),
        };
        format!("{what} (at character {at} of {regex:?})")
    })
}

impl Pattern {
    /// Says what is wrong with a pattern that a schema cannot say. `key` is its place.
    pub(crate) fn check(&self, key: &str) -> Result<(), String> {
        let compiled = compile(&format!("{key}.regex"), &self.regex)?;
        let wrong = |of: &str, why: String| Err(format!("configuration key `{key}.{of}`: {why}"));
        if self.group >= compiled.captures_len() {
            let why = match compiled.captures_len() - 1 {
                0 => format!("{:?} has no groups", self.regex),
                1 => format!("{:?} has no group {}, only group 1", self.regex, self.group),
                most => format!("{:?} has no group {}, only groups 1 to {most}", self.regex, self.group),
            };
            return wrong("group", why);
        }
        let hir = parse(&self.regex).map_err(|why| format!("configuration key `{key}.regex`: {why}"))?;
        let secret = if self.group == 0 { Some(&hir) } else { group(&hir, self.group) };
        if secret.is_none_or(may_be_empty) {
            let what = if self.group == 0 { "it".to_owned() } else { format!("group {}", self.group) };
            return wrong("regex", format!("{what} may match nothing; a secret has at least one character"));
        }
        Ok(())
    }
}

/// Says what is wrong with an expression that lets something pass.
pub(crate) fn check_allow(key: &str, regex: &str) -> Result<(), String> {
    compile(key, regex)?;
    let hir = parse(regex).map_err(|why| format!("configuration key `{key}`: {why}"))?;
    if may_be_empty(&hir) {
        return Err(format!("configuration key `{key}`: it may match nothing, and lets too much pass then"));
    }
    Ok(())
}

fn may_be_empty(hir: &Hir) -> bool {
    hir.properties().minimum_len().is_none_or(|least| least == 0)
}

/// Finds a group by its number.
fn group(hir: &Hir, wanted: usize) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.index as usize == wanted => Some(&capture.sub),
        HirKind::Capture(capture) => group(&capture.sub, wanted),
        HirKind::Repetition(repetition) => group(&repetition.sub, wanted),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| group(part, wanted))
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(regex: &str, group: usize) -> String {
        let pattern = Pattern { name: "it".to_owned(), regex: regex.to_owned(), group, keywords: Vec::new() };
        pattern.check("patterns[3]").err().unwrap_or_default()
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_with_its_place() {
        for (regex, group, why) in [
            ("acme_[a-z]+", 0, ""),
            ("key: (?:a([b-z]+)|none)", 1, ""),
            ("(", 0, "`patterns[3].regex`: unclosed group (at character 1 of \"(\")"),
            ("ab[z-a]", 0, "`patterns[3].regex`: invalid character class range"),
            ("a(?=b)", 0, "look-around"),
            (r"\p{Nonsense}+", 0, "`patterns[3].regex`: Unicode property not found (at character 1 of"),
            ("[0-9]{99999}{99}", 0, "`patterns[3].regex`: "),
            ("x+", 1, "`patterns[3].group`: \"x+\" has no groups"),
            ("(x)(y)", 3, "has no group 3, only groups 1 to 2"),
            ("[a-z]*", 0, "`patterns[3].regex`: it may match nothing"),
            ("a|", 0, "may match nothing"),
            (r"\b", 0, "may match nothing"),
            ("key=([a-z]*)", 1, "`patterns[3].regex`: group 1 may match nothing"),
            ("key=([a-z]*)", 0, ""),
        ] {
            let said = said(regex, group);
            assert_eq!(said.is_empty(), why.is_empty(), "{regex}: {said}");
            assert!(said.contains(why) && !said.contains('\n'), "{regex}: {said}");
        }
    }

    #[test]
    fn what_lets_everything_pass_is_refused() {
        check_allow("allow[0]", "test-[a-z]*").unwrap();
        for wide in [".*", "", "a?"] {
            check_allow("allow[0]", wide).unwrap_err();
        }
    }
}
