//! Profiles: texts that instruct an agent, and what they say of the run besides.
//!
//! - `front`: the front matter.
//! - `yaml`: the part of YAML that it is written in.

mod front;
mod yaml;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pointsman_model::{Access, Role};
use serde_json::{Map, Value};

use crate::Error;

/// Bytes of a profile, or of a schema beside one, at most.
const LARGEST: u64 = 256 * 1024;

/// Profiles that ship: their names and their files.
const BUNDLED: &[(&str, &str)] = &[("reviewer", include_str!("reviewer.md"))];

/// Who wrote a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It ships.
    Bundled,
    /// The operator: it lies in a folder of theirs.
    Operator,
    /// Whoever may write to the run's working directory.
    WorkingDirectory,
}

/// What instructs an agent, and what it says of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Where it was read: a real path, or `bundled:NAME`.
    pub source: String,
    /// Who wrote it.
    pub origin: Origin,
    /// What it is good for, in a line.
    pub description: Option<String>,
    /// The backend, if the caller names none.
    pub backend: Option<String>,
    /// The role, if the caller names none.
    pub role: Option<Role>,
    /// The most that a run may touch.
    pub access: Option<Access>,
    /// The schema of the final answer, if the caller gives none.
    pub output_schema: Option<Map<String, Value>>,
    /// What the agent is told.
    pub text: String,
}

/// A profile that can be named.
#[derive(Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// It, or what is wrong with it.
    pub profile: Result<Profile, Error>,
}

/// Where profiles are read.
///
/// A profile's text leaves to the agent's provider, so only files below the run's working directory or below a folder
/// that the operator named are read, whatever the path says and wherever links lead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    folder: Option<PathBuf>,
    roots: Vec<PathBuf>,
}

impl Profiles {
    /// Takes the folder of profiles that can be named, and those from which any file may be read.
    #[must_use]
    pub fn new(folder: Option<PathBuf>, roots: Vec<PathBuf>) -> Self {
        Self { folder, roots }
    }

    /// Finds a profile by its name, else by its path. Blocks.
    ///
    /// # Errors
    ///
    /// If there is none, it may not be read, or its front matter is wrong: then with the line.
    pub fn find(&self, named: &str, cwd: Option<&Path>) -> Result<Profile, Error> {
        let mut checked = Vec::new();
        if is_name(named) {
            if let Some(folder) = &self.folder {
                let path = folder.join(format!("{named}.md"));
                if let Some(real) = inside(&path, [folder.as_path()]) {
                    return read(&real, Origin::Operator, &[folder.as_path()]);
                }
                checked.push(path);
            }
            if let Some((name, text)) = BUNDLED.iter().find(|(name, _)| *name == named) {
                return parse(format!("bundled:{name}"), Origin::Bundled, text, |_| {
                    Err("a profile that ships has no file beside it".to_owned())
                });
            }
        }
        let asked = Path::new(named);
        let roots: Vec<&Path> = self.roots.iter().chain(&self.folder).map(PathBuf::as_path).collect();
        let bases: Vec<&Path> = if asked.is_absolute() {
            vec![Path::new("/")]
        } else {
            cwd.into_iter().chain(roots.iter().copied()).collect()
        };
        for path in bases.iter().map(|base| base.join(asked)) {
            if let Some(real) = inside(&path, roots.iter().copied()) {
                return read(&real, Origin::Operator, &roots);
            }
            if let Some((cwd, real)) = cwd.and_then(|cwd| Some((cwd, inside(&path, [cwd])?))) {
                return read(&real, Origin::WorkingDirectory, &[cwd]);
            }
            checked.push(path);
        }
        Err(Error::Invalid(self.missing(named, &checked, cwd)))
    }

    /// Lists the profiles that can be named, in order. Blocks.
    #[must_use]
    pub fn list(&self) -> Vec<Named> {
        let named = |name: String| Named { profile: self.find(&name, None), name };
        self.names().into_iter().map(named).collect()
    }

    fn names(&self) -> Vec<String> {
        let files = self.folder.as_deref().and_then(|folder| folder.read_dir().ok()).into_iter().flatten();
        let own = files.flatten().filter_map(|entry| {
            let name = entry.file_name().to_str()?.strip_suffix(".md")?.to_owned();
            is_name(&name).then_some(name)
        });
        let mut names: Vec<String> = own.chain(BUNDLED.iter().map(|(name, _)| (*name).to_owned())).collect();
        names.sort();
        names.dedup();
        names
    }

    fn missing(&self, named: &str, checked: &[PathBuf], cwd: Option<&Path>) -> String {
        let list = |paths: &mut dyn Iterator<Item = &Path>| {
            paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        };
        let below = cwd.into_iter().chain(self.roots.iter().chain(&self.folder).map(PathBuf::as_path));
        format!(
            "profile not found: {named} (checked {}; there are {}; a path is read below {} only, an operator adds a \
             folder with [runs] profile_roots)",
            list(&mut checked.iter().map(PathBuf::as_path)),
            self.names().join(", "),
            list(&mut below.into_iter()),
        )
    }
}

/// Says whether a text names a profile of the operator's folder, and cannot be a path that leads elsewhere.
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.starts_with('.') && !text.is_empty() && text.chars().all(plain)
}

/// Gives the real path of a file if it lies below one of the roots.
fn inside<'a>(path: &Path, roots: impl IntoIterator<Item = &'a Path>) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let below = |root: &Path| root.canonicalize().is_ok_and(|root| real.starts_with(root));
    roots.into_iter().any(below).then_some(real)
}

/// Reads a profile and, if it names one, the schema beside it, which must lie below the same roots.
fn read(real: &Path, origin: Origin, roots: &[&Path]) -> Result<Profile, Error> {
    let text = content(real).map_err(|why| Error::Invalid(format!("profile {}: {why}", real.display())))?;
    let beside = |file: &str| {
        let path = real.parent().unwrap_or(real).join(file);
        match inside(&path, roots.iter().copied()) {
            Some(real) => content(&real),
            None => Err("there is no such file beside the profile, or it lies elsewhere".to_owned()),
        }
    };
    parse(real.to_string_lossy().into_owned(), origin, &text, beside)
}

fn content(real: &Path) -> Result<String, String> {
    // Opening a pipe would wait for its other end.
    if !real.is_file() {
        return Err("cannot be read: it is no file".to_owned());
    }
    let mut content = String::new();
    File::open(real)
        .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut content))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if content.len() as u64 > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    Ok(content)
}

/// Takes a profile apart; `beside` reads a file that lies beside it.
fn parse(
    source: String,
    origin: Origin,
    text: &str,
    beside: impl Fn(&str) -> Result<String, String>,
) -> Result<Profile, Error> {
    let in_words = |why: String| Error::Invalid(format!("profile {source}: {why}"));
    let (front, text) = front::read(text).map_err(|fault| in_words(fault.to_string()))?;
    if text.trim().is_empty() {
        return Err(Error::Invalid(format!("profile is empty: {source}")));
    }
    let output_schema = match front.schema {
        None => front.output_schema,
        Some((file, line)) => {
            let read = beside(&file).and_then(|text| {
                serde_json::from_str(&text).map_err(|error| format!("it is no JSON object: {error}"))
            });
            Some(read.map_err(|why| in_words(format!("line {line}: schema {file}: {why}")))?)
        }
    };
    Ok(Profile {
        source,
        origin,
        description: front.description,
        backend: front.backend,
        role: front.role,
        access: front.access,
        output_schema,
        text: text.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests;
