//! The operator's table of programs.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::environment::{HostEnvironment, InvalidName, NamePattern, is_name};

/// One entry of the operator's table, as it is written.
#[derive(Clone, Default)]
pub struct ProgramEntry {
    /// A bare name to be found on the host's PATH, or an absolute path.
    pub command: String,
    /// Arguments that come before whatever a plugin gives.
    pub args_before: Vec<String>,
    /// Variables of the host's environment that are passed on, besides the few that every program gets: names, or
    /// beginnings of names such as `CODEX_*`.
    pub pass_env: Vec<String>,
    /// Variables with values of the operator's own.
    pub set_env: Vec<(String, String)>,
    /// Variables that a plugin may set: names, or beginnings of names.
    pub plugin_env: Vec<String>,
}

impl fmt::Debug for ProgramEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramEntry")
            .field("command", &self.command)
            .field("args_before", &self.args_before)
            .field("pass_env", &self.pass_env)
            // Operators put keys here: the names are enough.
            .field("set_env", &self.set_env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("plugin_env", &self.plugin_env)
            .finish()
    }
}

/// An entry that can never work, as opposed to a program that is not installed yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProgram {
    /// Neither a bare name nor an absolute path.
    #[error("programs.{id}: command {command:?} is neither a bare name nor an absolute path")]
    Command {
        /// The program.
        id: String,
        /// What stands there.
        command: String,
    },
    /// A variable's name or pattern that is none.
    #[error("programs.{id}: {source}")]
    Name {
        /// The program.
        id: String,
        /// What is wrong with it.
        source: InvalidName,
    },
}

/// A program's place on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// An executable file.
    Found(PathBuf),
    /// Not there. The host starts all the same: not every machine has every agent.
    Missing(Missing),
}

/// Why a program is not there, and what would help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "program {id:?} is missing: {why}; install it, or name its place: [programs.{id}] command = \"/absolute/path\""
)]
pub struct Missing {
    /// The program's id.
    pub id: String,
    /// What was looked for.
    pub command: String,
    /// Where.
    pub searched: Vec<PathBuf>,
    why: String,
}

/// A program of the operator's table, ready to be started or known to be missing.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) resolution: Resolution,
    pub(crate) entry: ProgramEntry,
    pub(crate) pass_env: Vec<NamePattern>,
    pub(crate) plugin_env: Vec<NamePattern>,
}

impl Program {
    /// Gives the program's place.
    #[must_use]
    pub fn resolution(&self) -> &Resolution {
        &self.resolution
    }

    /// Gives the entry that it was made from.
    #[must_use]
    pub fn entry(&self) -> &ProgramEntry {
        &self.entry
    }
}

/// The operator's table of programs, each looked up once, together with the host's environment of that moment.
#[derive(Debug, Clone, Default)]
pub struct Programs {
    table: BTreeMap<String, Program>,
    pub(crate) host: HostEnvironment,
}

impl Programs {
    /// Looks every program up, bare names on the PATH of `host`.
    ///
    /// Components of PATH that are empty or relative are passed over: they would mean the directory that the host or
    /// a run happens to work in, and a repository could put its own `codex` there.
    ///
    /// # Errors
    /// If an entry can never work. A program that is not there is no error; see [`Resolution`].
    pub fn resolve(
        entries: impl IntoIterator<Item = (String, ProgramEntry)>,
        host: HostEnvironment,
    ) -> Result<Self, InvalidProgram> {
        let mut table = BTreeMap::new();
        for (id, entry) in entries {
            let patterns = |texts: &[String]| {
                let parsed: Result<Vec<_>, _> = texts.iter().map(|text| NamePattern::parse(text)).collect();
                parsed.map_err(|source| InvalidProgram::Name { id: id.clone(), source })
            };
            let (pass_env, plugin_env) = (patterns(&entry.pass_env)?, patterns(&entry.plugin_env)?);
            if let Some((name, _)) = entry.set_env.iter().find(|(name, _)| !is_name(name)) {
                let source = InvalidName { text: name.clone() };
                return Err(InvalidProgram::Name { id, source });
            }
            let resolution = look_up(&id, &entry.command, &host)?;
            table.insert(id, Program { resolution, entry, pass_env, plugin_env });
        }
        Ok(Self { table, host })
    }

    /// Gives a program.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Program> {
        self.table.get(id)
    }

    /// Gives every program, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.table.iter().map(|(id, program)| (id.as_str(), program))
    }
}

fn look_up(id: &str, command: &str, host: &HostEnvironment) -> Result<Resolution, InvalidProgram> {
    let missing = |searched, why| {
        Resolution::Missing(Missing { id: id.to_owned(), command: command.to_owned(), searched, why })
    };
    let path = Path::new(command);
    if path.is_absolute() {
        return Ok(match why_not_executable(path) {
            None => Resolution::Found(path.to_owned()),
            Some(why) => missing(vec![path.to_owned()], format!("{} {why}", path.display())),
        });
    }
    if command.is_empty() || command.contains(['/', '\0']) || matches!(command, "." | "..") {
        return Err(InvalidProgram::Command { id: id.to_owned(), command: command.to_owned() });
    }
    let searched: Vec<PathBuf> = std::env::split_paths(host.get("PATH").unwrap_or_default())
        .filter(|component| component.is_absolute())
        .collect();
    let found =
        searched.iter().map(|folder| folder.join(command)).find(|file| why_not_executable(file).is_none());
    Ok(match found {
        Some(file) => Resolution::Found(file),
        None if searched.is_empty() => missing(searched, "PATH has no absolute folder".to_owned()),
        None => {
            let folders: Vec<_> = searched.iter().map(|folder| folder.display().to_string()).collect();
            let why = format!("no executable `{command}` in {}", folders.join(", "));
            missing(searched, why)
        }
    })
}

fn why_not_executable(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Err(error) => Some(format!("cannot be used ({error})")),
        Ok(meta) if !meta.is_file() => Some("is not a file".to_owned()),
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => Some("is not executable".to_owned()),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn executable(folder: &Path, name: &str) -> PathBuf {
        let file = folder.join(name);
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    fn resolve(command: &str, path: &str) -> Result<Resolution, InvalidProgram> {
        let entry = ProgramEntry { command: command.to_owned(), ..ProgramEntry::default() };
        let programs = Programs::resolve([("x".to_owned(), entry)], [("PATH", path)].into_iter().collect())?;
        Ok(programs.get("x").unwrap().resolution().clone())
    }

    #[test]
    fn the_first_executable_file_on_path_is_taken() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(one.path().join("agent"), "not executable").unwrap();
        let agent = executable(two.path(), "agent");
        let path = format!("{}:{}", one.path().display(), two.path().display());
        assert_eq!(resolve("agent", &path).unwrap(), Resolution::Found(agent.clone()));
        assert_eq!(resolve(agent.to_str().unwrap(), "").unwrap(), Resolution::Found(agent));
    }

    /// A repository must not be able to put its own `agent` before the operator's (seed defect 20).
    #[test]
    fn relative_and_empty_components_of_path_are_passed_over() {
        // Tests run in the crate's folder, where `src` is a relative component that exists.
        let here = tempfile::tempdir_in(".").unwrap();
        executable(here.path(), "agent");
        let relative = here.path().file_name().unwrap().to_str().unwrap();
        for path in [relative, ".", "", "::", &format!("./{relative}:")] {
            assert!(matches!(resolve("agent", path).unwrap(), Resolution::Missing(_)), "{path:?}");
        }
    }

    #[test]
    fn a_missing_program_says_where_it_was_looked_for_and_what_would_help() {
        let Resolution::Missing(missing) = resolve("no-such-agent", "/usr/bin:/nowhere").unwrap() else {
            panic!("found")
        };
        assert_eq!(
            missing.to_string(),
            "program \"x\" is missing: no executable `no-such-agent` in /usr/bin, /nowhere; install it, or name its \
             place: [programs.x] command = \"/absolute/path\""
        );
        let Resolution::Missing(folder) = resolve("/usr", "").unwrap() else { panic!("found") };
        assert!(folder.to_string().contains("/usr is not a file"), "{folder}");
    }

    #[test]
    fn entries_that_can_never_work_are_errors() {
        for command in ["", "bin/agent", "./agent", "..", "a\0b"] {
            resolve(command, "/usr/bin").expect_err(command);
        }
        let entry =
            ProgramEntry { command: "sh".into(), plugin_env: vec!["*".into()], ..ProgramEntry::default() };
        Programs::resolve([("x".into(), entry)], HostEnvironment::default()).expect_err("a star alone");
    }
}
