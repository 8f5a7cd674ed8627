//! Secrets: known to the operator by name, put in their place by the host, never seen by a guest, a log or a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use pointsman_model::Leaf;

use crate::Asker;
use crate::handed_out::HandedOut;
use crate::request::Origin;

/// A secret's value. It shows itself as a placeholder; only [`SecretValue::expose`] gives it away.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl SecretValue {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Gives the value, for the one place that hands it to an agent.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl fmt::Display for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// Where a secret is read from, each time that it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the host's own environment.
    Env(String),
    /// A file; line ends behind the value are taken off.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// A secret that cannot be had. Names it and where it was looked for, never what it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The operator lists no such secret.
    #[error(
        "no secret is called {name:?}; to name one: [secrets.{name}] env = \"VARIABLE\" or file = \"/path\""
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// The plugin may not use it.
    #[error("{reason}")]
    NotGranted {
        /// Why, and the line that would help.
        reason: String,
    },
    /// It may be used, but not there.
    #[error(
        "secret {name:?} is not for {to}: it is bound to {}; to allow it: {line}",
        bound.iter().map(Origin::as_str).collect::<Vec<_>>().join(", ")
    )]
    Bound {
        /// The name.
        name: String,
        /// Where it would have gone.
        to: String,
        /// The only origins that it goes to.
        bound: BTreeSet<Origin>,
        /// The line that would help.
        line: String,
    },
    /// Its source gives nothing that could be used.
    #[error("secret {name:?} could not be read from {from}: {why}")]
    Unreadable {
        /// The name.
        name: String,
        /// Where it was looked for.
        from: SecretSource,
        /// What was wrong there.
        why: String,
    },
}

/// Where a secret would go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient<'a> {
    /// Whoever answers at an origin.
    Origin(&'a Origin),
    /// A program on this machine.
    Program,
}

/// The operator's secrets: names and sources, no values.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    sources: BTreeMap<String, SecretSource>,
    /// Origins that a secret is bound to. One without goes wherever its user may send requests.
    bound: BTreeMap<String, BTreeSet<Origin>>,
    handed_out: Arc<HandedOut>,
}

impl Secrets {
    /// Takes the operator's table.
    #[must_use]
    pub fn new(sources: BTreeMap<String, SecretSource>) -> Self {
        Self { sources, bound: BTreeMap::new(), handed_out: Arc::default() }
    }

    /// Binds a secret to origins: it goes nowhere else.
    #[must_use]
    pub fn bind(mut self, name: &str, origins: BTreeSet<Origin>) -> Self {
        self.bound.insert(name.to_owned(), origins);
        self
    }

    /// Says whether a secret is bound to origins.
    #[must_use]
    pub fn is_bound(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }

    /// Gives the record of what was handed to agents.
    #[must_use]
    pub fn handed_out(&self) -> &Arc<HandedOut> {
        &self.handed_out
    }

    /// Reads a secret that a plugin may use (`secret/use@1`) for whom it would go to, and records that it was handed
    /// out.
    ///
    /// # Errors
    /// If it is not granted, not known, not for this recipient, or its source gives nothing.
    pub fn resolve(
        &self,
        asker: &Asker<'_>,
        name: &str,
        to: Recipient<'_>,
    ) -> Result<SecretValue, SecretError> {
        // The grant comes first: whoever may not use a secret does not learn whether there is one.
        asker.check(Leaf::SecretUse, name).map_err(|reason| SecretError::NotGranted { reason })?;
        if let Some(bound) = self.bound.get(name) {
            let (to, line) = match to {
                Recipient::Origin(origin) if bound.contains(origin) => return self.hand_out(name),
                Recipient::Origin(origin) => {
                    let all = bound.iter().chain([origin]).map(|origin| format!("\"{origin}\""));
                    let all = all.collect::<Vec<_>>().join(", ");
                    (origin.to_string(), format!("[secrets.{name}] origins = [{all}]"))
                }
                Recipient::Program => {
                    ("a program".to_owned(), format!("take origins out of [secrets.{name}]"))
                }
            };
            return Err(SecretError::Bound { name: name.to_owned(), to, bound: bound.clone(), line });
        }
        self.hand_out(name)
    }

    fn hand_out(&self, name: &str) -> Result<SecretValue, SecretError> {
        let value = self.read(name)?;
        self.handed_out.record(value.expose());
        Ok(value)
    }

    /// Reads a secret for the host's own use: for no plugin.
    ///
    /// # Errors
    /// If it is not known, or its source gives nothing.
    pub fn read(&self, name: &str) -> Result<SecretValue, SecretError> {
        let from = self.sources.get(name).ok_or_else(|| SecretError::Unknown { name: name.to_owned() })?;
        let read = match from {
            SecretSource::Env(variable) => match std::env::var(variable) {
                Ok(value) => Ok(value),
                Err(std::env::VarError::NotPresent) => Err("it is not set".to_owned()),
                // The error's own text would show the value.
                Err(std::env::VarError::NotUnicode(_)) => Err("it is not UTF-8".to_owned()),
            },
            SecretSource::File(path) => std::fs::read_to_string(path)
                .map(|text| text.trim_end_matches(['\n', '\r']).to_owned())
                .map_err(|error| error.to_string()),
        };
        let checked = read.and_then(|value| match value.as_str() {
            "" => Err("it is empty".to_owned()),
            text if text.contains('\0') => Err("it holds a NUL byte".to_owned()),
            _ => Ok(SecretValue(value)),
        });
        checked.map_err(|why| SecretError::Unreadable { name: name.to_owned(), from: from.clone(), why })
    }
}

#[cfg(test)]
mod tests {
    use pointsman_model::{CapabilityRequest, Grant};

    use super::*;

    fn resolve(sources: BTreeMap<String, SecretSource>, name: &str) -> Result<SecretValue, SecretError> {
        let requests = [CapabilityRequest { leaf: Leaf::SecretUse, target: "*".into(), why: String::new() }];
        let grants = [Grant { leaf: Leaf::SecretUse, target: "*".into() }];
        Secrets::new(sources).resolve(
            &Asker { table: "backends.x", requests: &requests, grants: &grants },
            name,
            Recipient::Program,
        )
    }

    #[test]
    fn a_file_gives_its_text_without_the_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hunter2\r\n").unwrap();
        let secret =
            resolve(BTreeMap::from([("key".into(), SecretSource::File(file.path().into()))]), "key").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "<secret> <secret>");
    }

    #[test]
    fn an_error_names_the_secret_and_its_source() {
        let error =
            resolve(BTreeMap::from([("key".into(), SecretSource::Env("NO_SUCH_VARIABLE".into()))]), "key");
        assert_eq!(
            error.expect_err("unset").to_string(),
            "secret \"key\" could not be read from environment variable NO_SUCH_VARIABLE: it is not set"
        );
        let unknown = resolve(BTreeMap::new(), "key").expect_err("unknown").to_string();
        assert!(unknown.contains("[secrets.key]"), "{unknown}");
    }

    /// Invariant 6: without a grant nothing is read, and nothing is told.
    #[test]
    fn a_secret_needs_its_grant() {
        let secrets = Secrets::new(BTreeMap::from([("key".into(), SecretSource::Env("PATH".into()))]));
        let asker = Asker { table: "backends.x", requests: &[], grants: &[] };
        let error = secrets.resolve(&asker, "key", Recipient::Program).expect_err("not granted").to_string();
        assert!(error.contains(r#"[backends.x] grants = ["secret/use@1 key"]"#), "{error}");
    }

    /// What is for one server is for no other, and for no program, which could send it anywhere.
    #[test]
    fn a_bound_secret_goes_to_its_origins_alone() {
        let requests = [CapabilityRequest { leaf: Leaf::SecretUse, target: "*".into(), why: String::new() }];
        let grants = [Grant { leaf: Leaf::SecretUse, target: "key".into() }];
        let asker = Asker { table: "backends.x", requests: &requests, grants: &grants };
        let mine: Origin = "https://agents.example.com".parse().unwrap();
        let other: Origin = "https://agents.example.com:8443".parse().unwrap();
        let secrets = Secrets::new(BTreeMap::from([("key".into(), SecretSource::Env("PATH".into()))]))
            .bind("key", BTreeSet::from([mine.clone()]));
        secrets.resolve(&asker, "key", Recipient::Origin(&mine)).unwrap();
        let refused = |to| secrets.resolve(&asker, "key", to).expect_err("not for it").to_string();
        assert_eq!(
            refused(Recipient::Origin(&other)),
            "secret \"key\" is not for https://agents.example.com:8443: it is bound to https://agents.example.com; to \
             allow it: [secrets.key] origins = [\"https://agents.example.com\", \"https://agents.example.com:8443\"]"
        );
        let program = refused(Recipient::Program);
        assert!(program.contains("take origins out of [secrets.key]"), "{program}");
    }
}
