//! What is wrong with a configuration, where, and what would help.

use std::path::{Path, PathBuf};

use super::place::Place;
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
    #[error("{place}: `{key}`: {message}")]
    Senseless {
        /// Where it stands.
        place: Place,
        /// The full path of the key.
        key: String,
        /// What is wrong and what would help.
        message: String,
    },
    /// A program that can never be started.
    #[error("{place}: {source}")]
    Programs {
        /// Where it stands.
        place: Place,
        /// What is wrong.
        source: pointsman_capabilities::process::InvalidProgram,
    },
    /// An origin that can never be reached.
    #[error("{place}: {source}")]
    Origins {
        /// Where the table stands.
        place: Place,
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
        Self::Invalid { place, key, message: in_words(error.message()) }
    }
}

/// Puts what the parser says of a value into words of the file rather than of this program.
fn in_words(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("invalid type: map,", "invalid type: a table,"),
        ("invalid type: sequence,", "invalid type: a list,"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("expected u64", "expected a whole number from 0 on"),
        ("expected u32", "expected a whole number from 0 on"),
        ("expected usize", "expected a whole number from 0 on"),
        ("expected f64", "expected a number"),
        ("wanted string or table", "expected a string"),
    ];
    let message = message.trim_end().replace('\n', "; ");
    WORDS.iter().fold(message, |message, (theirs, ours)| message.replace(theirs, ours))
}

fn of_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}
