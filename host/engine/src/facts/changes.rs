//! Whether a work tree has changes: its index is read and its files are looked at. Git is never run, and nothing that the
//! repository configures: filters, hooks, monitors.

use std::fs::{File, Metadata, read_link};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use sha1::{Digest as _, Sha1};

use super::git::first_line;
use super::index::{Entry, Index};

/// Judgements wait for this. What takes longer is not known.
const PATIENCE: Duration = Duration::from_millis(200);
/// A larger index, or file, is not read.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What a look at one file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Same,
    Other,
    /// The bytes are others, but git may see them through a filter.
    Unclear,
}

/// Says whether tracked files differ from what was committed or staged last, or something is staged; nothing if that
/// cannot be told in time and without running anything.
///
/// Files that are not tracked do not count.
pub(super) fn dirty(root: &Path, git: &Path, head: &str) -> Option<bool> {
    let until = Instant::now() + PATIENCE;
    let path = git.join("index");
    let Ok(file) = File::open(&path) else {
        // A repository in which nothing was ever added: no commit, no index.
        return nothing_committed(git, head).then_some(false);
    };
    let about = file.metadata().ok()?;
    if about.len() > LARGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    let index = Index::read(&bytes)?;
    // Before the first commit there is no tree that the index could name.
    match index.staged {
        Some(false) => {}
        Some(true) => return Some(true),
        None => return nothing_committed(git, head).then_some(true),
    }
    let filters = may_filter(git, &index);
    let mut unclear = false;
    for entry in &index.entries {
        if Instant::now() > until {
            return None;
        }
        match look(root, entry, &about, filters) {
            Look::Same => {}
            Look::Other => return Some(true),
            Look::Unclear => unclear = true,
        }
    }
    (!unclear).then_some(false)
}

fn nothing_committed(git: &Path, head: &str) -> bool {
    let Some(branch) = head.strip_prefix("ref: ") else { return false };
    !git.join(branch).exists() && !git.join("packed-refs").exists() && !git.join("commondir").exists()
}

/// Says whether git may store other bytes than those in the work tree.
fn may_filter(git: &Path, index: &Index) -> bool {
    let main = first_line(&git.join("commondir")).map_or_else(|| git.to_owned(), |named| git.join(named));
    let attributes =
        |entry: &Entry| entry.path == ".gitattributes" || entry.path.ends_with("/.gitattributes");
    let configured = |path: &Path| {
        let config = std::fs::read(path).unwrap_or_default().to_ascii_lowercase();
        config.windows(8).any(|word| word == b"autocrlf")
    };
    index.entries.iter().any(attributes)
        || main.join("info/attributes").exists()
        || configured(&main.join("config"))
        || std::env::home_dir().is_some_and(|home| configured(&home.join(".gitconfig")))
}

fn look(root: &Path, entry: &Entry, index: &Metadata, filters: bool) -> Look {
    if entry.passed_over {
        return Look::Same;
    }
    if entry.unmerged {
        return Look::Other;
    }
    let path = root.join(&entry.path);
    let about = match path.symlink_metadata() {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Look::Other,
        Err(_) => return Look::Unclear,
    };
    let same_kind = if entry.is_link() {
        about.is_symlink()
    } else {
        about.is_file() && (about.mode() & 0o100 != 0) == entry.is_executable()
    };
    if !same_kind {
        return Look::Other;
    }
    let touched = about.mtime() != i64::from(entry.seconds)
        || (entry.nanoseconds != 0 && about.mtime_nsec() != i64::from(entry.nanoseconds));
    // What was changed in the very moment in which the index was written may look as it did before.
    let racy = (about.mtime(), about.mtime_nsec()) >= (index.mtime(), index.mtime_nsec());
    let same_size = about.len() & u64::from(u32::MAX) == u64::from(entry.size);
    if same_size && !touched && !racy {
        return Look::Same;
    }
    let content = if entry.is_link() {
        read_link(&path).ok().map(|target| target.as_os_str().as_bytes().to_vec())
    } else if about.len() <= LARGEST {
        std::fs::read(&path).ok()
    } else {
        None
    };
    match content {
        None => Look::Unclear,
        Some(content) if blob(&content) == entry.blob => Look::Same,
        // A filter makes what it makes of the same bytes; these have changed since.
        Some(_) if filters && !entry.is_link() && (same_size || entry.size == 0) => Look::Unclear,
        Some(_) => Look::Other,
    }
}

fn blob(content: &[u8]) -> [u8; 20] {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()).as_bytes());
    hash.update(content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use rstest::rstest;
    use tempfile::TempDir;

    use super::super::git::facts;
    use super::*;

    fn git(at: &Path, args: &[&str]) {
        let mut command = Command::new("git");
        command.current_dir(at).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.args(["-c", "user.name=a", "-c", "user.email=a@b.test", "-c", "commit.gpgsign=false"]);
        let output = command.args(args).output().expect("git is on the PATH");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn repository(version: &str) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        git(at, &["init", "-q"]);
        git(at, &["config", "index.version", version]);
        fs::create_dir_all(at.join("src/deep")).unwrap();
        for (path, text) in
            [("a", "one\n"), ("src/b.rs", "two\n"), ("src/deep/c.rs", "three\n"), ("src/b", "")]
        {
            fs::write(at.join(path), text).unwrap();
        }
        std::os::unix::fs::symlink("a", at.join("link")).unwrap();
        git(at, &["add", "-A"]);
        folder
    }

    fn told(at: &Path) -> Option<bool> {
        facts(at, true)["dirty"].as_bool()
    }

    #[rstest]
    fn changes_are_seen_as_git_sees_them(#[values("2", "3", "4")] version: &str) {
        let folder = repository(version);
        let at = folder.path();
        assert_eq!(told(at), Some(true), "everything is staged, nothing committed");
        git(at, &["commit", "-qm", "first"]);
        assert_eq!(told(at), Some(false));
        assert_eq!(told(&at.join("src/deep")), Some(false));
        fs::write(at.join("untracked"), "x").unwrap();
        assert_eq!(told(at), Some(false), "what is not tracked does not count");

        fs::write(at.join("src/b.rs"), "TWO\n").unwrap();
        assert_eq!(told(at), Some(true), "same size, other content");
        git(at, &["add", "src/b.rs"]);
        assert_eq!(told(at), Some(true), "staged");
        git(at, &["commit", "-qm", "second"]);
        assert_eq!(told(at), Some(false));

        fs::write(at.join("a"), "one\n").unwrap();
        assert_eq!(told(at), Some(false), "written anew with the same content");
        fs::remove_file(at.join("link")).unwrap();
        assert_eq!(told(at), Some(true), "removed");
        git(at, &["checkout", "-q", "--", "link"]);
        assert_eq!(told(at), Some(false));
        fs::remove_file(at.join("link")).unwrap();
        std::os::unix::fs::symlink("b", at.join("link")).unwrap();
        assert_eq!(told(at), Some(true), "the link leads elsewhere");
    }

    #[test]
    fn of_a_new_repository_and_of_a_linked_work_tree_it_is_told_as_well() {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "-q"]);
        assert_eq!(told(folder.path()), Some(false));
        let folder = repository("2");
        git(folder.path(), &["commit", "-qm", "first"]);
        let side = folder.path().join("side");
        git(folder.path(), &["worktree", "add", "-q", "side"]);
        assert_eq!(told(&side), Some(false));
        fs::write(side.join("a"), "changed\n").unwrap();
        assert_eq!((told(&side), told(folder.path())), (Some(true), Some(false)));
    }

    /// Nothing that a repository configures is run: not to look at it, and not to see through a filter.
    #[test]
    fn what_a_repository_configures_is_not_run() {
        let folder = repository("2");
        let at = folder.path();
        fs::write(at.join(".gitattributes"), "*.rs filter=evil\n").unwrap();
        git(at, &["add", "-A"]);
        git(at, &["commit", "-qm", "first"]);
        let mark = at.join("ran");
        let run = format!("touch {}; cat", mark.display());
        for (key, value) in
            [("filter.evil.clean", run.as_str()), ("filter.evil.process", &run), ("core.fsmonitor", &run)]
        {
            git(at, &["config", key, value]);
        }
        fs::write(at.join("src/b.rs"), "TWO\n").unwrap();
        assert_eq!(told(at), None, "only the filter knows");
        fs::write(at.join("src/b.rs"), "longer than before\n").unwrap();
        assert_eq!(told(at), Some(true));
        assert!(!mark.exists());
    }

    #[rstest]
    #[case(b"".as_slice())]
    #[case(b"DIRC\0\0\0\x02\xff\xff\xff\xff")]
    #[case(b"DIRC\0\0\0\x09\0\0\0\0")]
    #[case(b"DIRC\0\0\0\x02\0\0\0\x01short")]
    fn an_index_that_is_none_tells_nothing(#[case] bytes: &[u8]) {
        let folder = repository("2");
        fs::write(folder.path().join(".git/index"), bytes).unwrap();
        assert_eq!(told(folder.path()), None);
    }
}
