//! The environment of a child: built from nothing, never the host's whole.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// What every program gets of the host's own environment, besides all of `LC_*`. Whatever else one needs is named by
/// the operator: a host's environment holds credentials that are none of an agent's business.
const PASSED_ON: [&str; 10] =
    ["HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

/// The host's own environment, as it was at one moment. It shows its names, not its values.
#[derive(Clone, Default)]
pub struct HostEnvironment(BTreeMap<OsString, OsString>);

impl HostEnvironment {
    /// Takes this process's environment.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Gives one variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// Gives what every program gets, and the variables `also` named by the operator.
    pub(crate) fn passed_on(&self, also: &[NamePattern]) -> impl Iterator<Item = (OsString, OsString)> {
        self.0
            .iter()
            .filter(move |(name, _)| {
                name.to_str().is_some_and(|name| {
                    PASSED_ON.contains(&name)
                        || name.starts_with("LC_")
                        || also.iter().any(|pattern| pattern.covers(name))
                })
            })
            .map(|(name, value)| (name.clone(), value.clone()))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for HostEnvironment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for HostEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The name of a variable, or the beginning of names: `CODEX_HOME`, `CODEX_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    text: String,
}

/// A text that names no variables.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no environment variables; write a name such as CODEX_HOME, or a beginning such as CODEX_*"
)]
pub struct InvalidName {
    /// The text.
    pub text: String,
}

impl NamePattern {
    /// Reads a pattern. A `*` alone is none: it would let a plugin set `LD_PRELOAD`.
    ///
    /// # Errors
    /// If it is neither a name nor the beginning of one and a `*`.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let name = text.strip_suffix('*').unwrap_or(text);
        if is_name(name) {
            Ok(Self { text: text.to_owned() })
        } else {
            Err(InvalidName { text: text.to_owned() })
        }
    }

    /// Says whether a variable is meant.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.text,
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says whether a text can be a variable's name: letters, digits and underscores, no digit first.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_is_passed_on() {
        let host: HostEnvironment = [
            ("PATH", "/bin"),
            ("HOME", "/h"),
            ("LC_ALL", "C"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("LD_PRELOAD", "x.so"),
            ("CODEX_HOME", "/c"),
        ]
        .into_iter()
        .collect();
        let names = |also: &[&str]| {
            let also: Vec<_> = also.iter().map(|text| NamePattern::parse(text).unwrap()).collect();
            host.passed_on(&also).map(|(name, _)| name.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["HOME", "LC_ALL", "PATH"]);
        assert_eq!(names(&["CODEX_*"]), ["CODEX_HOME", "HOME", "LC_ALL", "PATH"]);
        assert!(!format!("{host:?}").contains("/bin"), "values are not shown");
    }

    #[test]
    fn a_star_alone_is_no_pattern() {
        for text in ["*", "", "A=B", "A B", "*_KEY", "1A", "A\0", "A**"] {
            NamePattern::parse(text).expect_err(text);
        }
    }
}
