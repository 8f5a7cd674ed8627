//! The state folder.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::finding::{Finding, Health};
use crate::commands::state::Standing;
use crate::config::Loaded;

/// Looks at the state folder without making it or changing it.
pub(super) fn check(dir: &Path) -> Finding {
    let shown = dir.display();
    let finding = |health, detail: String| Finding::new("state", health, detail);
    let meta = match fs::metadata(dir) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return not_there(dir),
        Err(error) => {
            return finding(Health::Missing, format!("{shown}: {error}"))
                .mend("set `state.dir` to a folder of yours");
        }
    };
    if !meta.is_dir() {
        return finding(Health::Missing, format!("{shown} is no folder"))
            .mend("set `state.dir` to a folder of yours");
    }
    if meta.uid() != rustix::process::getuid().as_raw() {
        let detail = format!("{shown} belongs to user {}", meta.uid());
        return finding(Health::Missing, detail).mend("set `state.dir` to a folder of yours");
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return finding(Health::Missing, format!("{shown} can be entered by others (mode {mode:03o})"))
            .mend(format!("chmod 700 {shown}"));
    }
    if let Err(error) = tempfile::tempfile_in(dir) {
        return finding(Health::Missing, format!("{shown} cannot be written to: {error}"))
            .mend(format!("chmod 700 {shown}, or make room on its disk"));
    }
    let hosts = fs::read_dir(dir.join("hosts")).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.path().extension().is_some_and(|it| it == "sock")).count()
    });
    finding(Health::Good, format!("{shown} ({}, {hosts} hosts)", size(dir)))
}

/// Looks at whether the state can be read with the configured key. Says nothing where neither is encrypted.
pub(super) fn encryption(loaded: &Loaded, dir: &Path) -> Option<Finding> {
    const SUBJECT: &str = "encryption";
    let standing = match Standing::of(loaded, dir) {
        Ok(standing) => standing,
        Err(failure) => return Some(Finding::new(SUBJECT, Health::Missing, failure.message)),
    };
    if let Some((what, help)) = standing.wrong() {
        return Some(Finding::new(SUBJECT, Health::Missing, what).mend(help));
    }
    let (place, _) = standing.key.as_ref()?;
    Some(Finding::new(SUBJECT, Health::Good, format!("{}, with the key from {place}", standing.words())))
}

fn not_there(dir: &Path) -> Finding {
    let exists = dir.ancestors().skip(1).find(|folder| folder.exists());
    let writable = exists.is_some_and(|folder| tempfile::tempfile_in(folder).is_ok());
    if writable {
        return Finding::new(
            "state",
            Health::Good,
            format!("{} will be made when it is needed", dir.display()),
        );
    }
    Finding::new("state", Health::Missing, format!("{} cannot be made", dir.display()))
        .mend("set `state.dir` to a folder of yours")
}

/// Says how large the files of a folder are, those of its folders included.
pub(super) fn size(dir: &Path) -> String {
    fn bytes(dir: &Path, depth: u32) -> u64 {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| Some((entry.metadata().ok()?, entry.path())))
            .map(|(meta, path)| match meta.is_dir() {
                true if depth < 4 => bytes(&path, depth + 1),
                true => 0,
                false => meta.len(),
            })
            .sum()
    }
    match bytes(dir, 0) {
        small @ 0..=1023 => format!("{small} B"),
        medium @ 1024..=1_048_575 => format!("{} KiB", medium / 1024),
        large => format!("{} MiB", large / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_can_enter_is_mended_by_one_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let open = check(dir.path());
        assert_eq!(open.health, Health::Missing);
        assert_eq!(open.mend, Some(format!("chmod 700 {}", dir.path().display())));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(check(dir.path()).health, Health::Good);
        assert_eq!(check(&dir.path().join("not/yet")).health, Health::Good);
    }
}
