//! What is wrong with a configuration, where, and what would help.

use std::fmt;
use std::path::{Path, PathBuf};

use super::spelling::{Advice, advise};

/// A configuration that was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file could not be read.
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key that does not exist.
    #[error("{place}: unknown key `{key}`")]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// Its full path.
        key: String,
        /// What would help.
        advice: Option<Advice>,
    },
    /// A text that is not TOML, or a value of the wrong kind.
    #[error("{place}: {}{message}", of_key(key))]
    Invalid {
        /// Where it stands.
        place: Place,
        /// The full path of the key, if it is about one.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// Values that are well-formed, each, and make no sense.
    #[error("{}: `{key}`: {message}", path.display())]
    Senseless {
        /// The file.
        path: PathBuf,
        /// The full path of the key.
        key: String,
        /// What is wrong and what would help.
        message: String,
    },
    /// A program that can never be started.
    #[error("{}: {source}", path.display())]
    Programs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pointsman_capabilities::process::InvalidProgram,
    },
    /// An origin that can never be reached.
    #[error("{}: {source}", path.display())]
    Origins {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pointsman_capabilities::request::InvalidEntry,
    },
    /// This program does not know where it lies, so it cannot start itself again to supervise agents.
    #[error("the place of this program cannot be found: {0}")]
    NoProgram(std::io::Error),
    /// A folder that the host needs and that nothing names.
    #[error("no place for the state: neither XDG_STATE_HOME nor HOME is set")]
    NoHome,
}

impl ConfigError {
    /// Gives the line that helps.
    pub(crate) fn help(&self) -> String {
        const REFERENCE: &str = "`pointsman config example` shows every key";
        match self {
            Self::UnknownKey { advice: Some(advice @ Advice::Nearest(_)), .. } => {
                format!("{advice} {REFERENCE}")
            }
            Self::UnknownKey { advice: Some(advice), .. } => format!("{advice}; {REFERENCE}"),
            Self::NoHome => "set HOME, or `state.dir` in the configuration".to_owned(),
            Self::Unreadable { .. } => {
                "name another file with --config, or leave it out: none is needed".to_owned()
            }
            _ => REFERENCE.to_owned(),
        }
    }

    /// Makes an error of what the parser says.
    pub(super) fn from_parser(file: &Path, text: &str, path: &str, error: &toml::de::Error) -> Self {
        let place = Place::of(file, text, error.span().map_or(0, |span| span.start));
        let key = if path == "." { String::new() } else { path.to_owned() };
        // Serde says of unknown keys no more than this sentence.
        if error.message().starts_with("unknown field") {
            let advice = advise(&key);
            return Self::UnknownKey { place, key, advice };
        }
        Self::Invalid { place, key, message: error.message().trim_end().replace('\n', "; ") }
    }
}

fn of_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// A place in a file, counted from 1 as editors do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: PathBuf,
    line: usize,
    column: usize,
}

impl Place {
    fn of(file: &Path, text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}
