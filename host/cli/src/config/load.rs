//! Finding and reading the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Config;
use super::error::ConfigError;
use super::place::Place;

/// Where things are looked for when nobody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// The user's home.
    pub(crate) home: Option<PathBuf>,
    /// Where the configuration is read if there is one.
    pub(crate) config: Option<PathBuf>,
    /// Where the state lies if the configuration does not say.
    pub(crate) state: Option<PathBuf>,
}

impl Places {
    /// Reads them from the environment.
    pub(crate) fn from_environment() -> Self {
        // Only absolute paths count, as the XDG specification has it: a relative one would depend on the working
        // directory, which a repository may own.
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = folder("HOME");
        let below = |name: &str, default: &str| folder(name).or_else(|| Some(home.as_ref()?.join(default)));
        Self {
            config: below("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("pointsman/pointsman.toml")),
            state: below("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("pointsman")),
            home,
        }
    }
}

/// A configuration and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The file, if there is one.
    pub(crate) path: Option<PathBuf>,
    /// What it says.
    pub(crate) config: Config,
    /// Its text, so that errors can name lines.
    text: Option<Arc<str>>,
    /// Where things are looked for.
    pub(crate) places: Places,
}

impl Loaded {
    /// Gives the file's name for messages.
    pub(crate) fn name(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| PathBuf::from("(built-in configuration)"))
    }

    /// Gives the place of a key, or of what would hold it.
    pub(crate) fn place_of(&self, key: &str) -> Place {
        match (&self.path, &self.text) {
            (Some(path), Some(text)) => Place::of_key(path, text, key),
            _ => Place::of_file(&self.name()),
        }
    }

    /// Gives the folder that holds the journal.
    pub(crate) fn state_dir(&self) -> Result<PathBuf, ConfigError> {
        match &self.config.state.dir {
            Some(dir) => Ok(self.path_of(dir)),
            None => self.places.state.clone().ok_or(ConfigError::NoHome),
        }
    }

    /// Reads a path of the file: `~/` is the home, and what is relative is relative to the file, never to the
    /// working directory.
    pub(crate) fn path_of(&self, path: &Path) -> PathBuf {
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), &self.places.home) {
            return home.join(rest);
        }
        match self.path.as_deref().and_then(Path::parent) {
            Some(folder) => folder.join(path),
            None => path.to_owned(),
        }
    }
}

/// Reads the file that was named, else the user's if there is one, else takes what is built in.
pub(crate) fn load(named: Option<&Path>) -> Result<Loaded, ConfigError> {
    let places = Places::from_environment();
    match (named, &places.config) {
        (Some(path), _) => load_file(path),
        (None, Some(path)) if path.exists() => load_file(&path.clone()),
        _ => Ok(Loaded { path: None, config: Config::default(), text: None, places }),
    }
}

/// Reads one file.
pub(crate) fn load_file(path: &Path) -> Result<Loaded, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let config = parse(path, &text)?;
    let path = std::path::absolute(path).map_err(unreadable)?;
    Ok(Loaded { path: Some(path), config, text: Some(text.into()), places: Places::from_environment() })
}

/// Reads a text; `file` is only for messages.
pub(super) fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
    let document =
        toml::Deserializer::parse(text).map_err(|error| ConfigError::from_parser(file, text, "", &error))?;
    serde_path_to_error::deserialize(document)
        .map_err(|error| ConfigError::from_parser(file, text, &error.path().to_string(), error.inner()))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("[backends.a]\ncomponnent = \"x\"", "f.toml:2:1: unknown key `backends.a.componnent`")]
    #[case(
        "[state]\nrun_folders = 3",
        "f.toml:2:15: `state.run_folders`: invalid type: integer `3`, expected a boolean"
    )]
    #[case(
        "[runs]\nstop_grace = \"5\"",
        "f.toml:2:14: `runs.stop_grace`: a duration is a whole number and a unit, such as 250ms, 5s, 15m, 24h or 7d, \
         not \"5\""
    )]
    #[case(
        "[[policies]]\nname = 1",
        "f.toml:2:8: `policies[0].name`: invalid type: integer `1`, expected a string"
    )]
    #[case("[state", "f.toml:1:7: unclosed table, expected `]`")]
    #[case("[backends.a]", "f.toml:1:1: `backends.a`: missing field `component`")]
    fn errors_name_file_line_column_and_key(#[case] text: &str, #[case] message: &str) {
        assert_eq!(parse(Path::new("f.toml"), text).unwrap_err().to_string(), message);
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let places = Places { home: Some("/home/ada".into()), config: None, state: None };
        let path = Some("/etc/pointsman/p.toml".into());
        let loaded = Loaded { path, config: Config::default(), text: None, places };
        assert_eq!(loaded.path_of(Path::new("rules.toml")), Path::new("/etc/pointsman/rules.toml"));
        assert_eq!(loaded.path_of(Path::new("~/rules.toml")), Path::new("/home/ada/rules.toml"));
        assert_eq!(loaded.path_of(Path::new("/rules.toml")), Path::new("/rules.toml"));
    }
}
