//! Profiles: files whose text instructs an agent.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::Error;

/// Bytes of a profile, at most.
const LARGEST: u64 = 256 * 1024;

/// Reads a profile; gives where it was found and its text.
///
/// A profile's text leaves to the agent's provider, so only files below the run's working directory or below a folder
/// that the operator named are read, whatever the path says and wherever links lead.
pub(crate) fn read(text: &str, cwd: &Path, roots: &[PathBuf]) -> Result<(String, String), Error> {
    let asked = Path::new(text);
    let candidates: Vec<PathBuf> = if asked.is_absolute() {
        vec![asked.to_owned()]
    } else {
        std::iter::once(cwd.join(asked)).chain(roots.iter().map(|root| root.join(asked))).collect()
    };
    let allowed: Vec<PathBuf> = std::iter::once(cwd.to_owned())
        .chain(roots.iter().filter_map(|root| root.canonicalize().ok()))
        .collect();
    for candidate in &candidates {
        let Ok(real) = candidate.canonicalize() else { continue };
        if !allowed.iter().any(|root| real.starts_with(root)) {
            continue;
        }
        let mut content = String::new();
        let read = File::open(&real).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut content));
        if let Err(error) = read {
            return Err(Error::Invalid(format!("profile cannot be read: {}: {error}", real.display())));
        }
        if content.len() as u64 > LARGEST {
            return Err(Error::Invalid(format!(
                "profile is larger than {LARGEST} bytes: {}",
                real.display()
            )));
        }
        if content.trim().is_empty() {
            return Err(Error::Invalid(format!("profile is empty: {}", real.display())));
        }
        return Ok((real.to_string_lossy().into_owned(), content.trim().to_owned()));
    }
    let list = |paths: &[PathBuf]| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    Err(Error::Invalid(format!(
        "profile not found: {text} (checked {}; profiles are read below {} only, an operator adds a folder with [runs] \
         profile_roots)",
        list(&candidates),
        list(&allowed)
    )))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_files_below_the_roots_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let (cwd, root) = (top.join("cwd"), top.join("profiles"));
        fs::create_dir(&cwd).unwrap();
        fs::create_dir(&root).unwrap();
        fs::write(top.join("secret"), "s").unwrap();
        fs::write(cwd.join("own.md"), " be kind \n").unwrap();
        fs::write(root.join("team.md"), "be strict").unwrap();
        fs::write(root.join("empty.md"), " ").unwrap();
        std::os::unix::fs::symlink(top.join("secret"), cwd.join("link.md")).unwrap();

        let read = |text: &str| read(text, &cwd, std::slice::from_ref(&root)).map(|(_, text)| text);
        assert_eq!(read("own.md").unwrap(), "be kind");
        assert_eq!(read("team.md").unwrap(), "be strict");
        for text in ["../secret", "link.md", top.join("secret").to_str().unwrap(), "missing.md", "empty.md"] {
            read(text).expect_err(text);
        }
    }
}
