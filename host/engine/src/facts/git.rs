//! The git work tree around a folder, looked at without running git: a repository's own configuration could make git run
//! anything.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A work tree.
struct WorkTree {
    root: PathBuf,
    /// Its own folder: of a linked one, below the main repository's.
    git: PathBuf,
    /// What `HEAD` says.
    head: String,
    linked: bool,
}

/// Tells of the work tree around a folder; of changes in it only if asked to, as that means a look at every file.
pub(super) fn facts(cwd: &Path, changes: bool) -> Value {
    let Some(found) = around(cwd) else {
        return json!({"inside": false, "root": null, "branch": null, "worktree": false, "dirty": null});
    };
    let dirty = if changes { super::changes::dirty(&found.root, &found.git, &found.head) } else { None };
    json!({
        "inside": true,
        "root": found.root.to_string_lossy(),
        "branch": found.head.strip_prefix("ref: refs/heads/"),
        "worktree": found.linked,
        "dirty": dirty,
    })
}

fn around(cwd: &Path) -> Option<WorkTree> {
    cwd.ancestors().find_map(|folder| {
        let dot_git = folder.join(".git");
        // A linked work tree has a file that names its folder below the main repository's.
        let linked = dot_git.symlink_metadata().ok()?.is_file();
        let git = if linked { folder.join(first_line(&dot_git)?.strip_prefix("gitdir: ")?) } else { dot_git };
        let head = first_line(&git.join("HEAD"))?;
        Some(WorkTree { root: folder.to_owned(), git, head, linked })
    })
}

/// Reads a small file's first line.
pub(super) fn first_line(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(4096).read_to_string(&mut text).ok()?;
    text.lines().next().map(|line| line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_work_tree_is_found_from_below_and_a_linked_one_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        assert_eq!(facts(folder.path(), true)["inside"], false);
        fs::create_dir_all(at("main/.git/worktrees/side")).unwrap();
        fs::create_dir_all(at("main/src/deep")).unwrap();
        fs::write(at("main/.git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        let found = facts(&at("main/src/deep"), true);
        assert_eq!((found["inside"].clone(), found["branch"].clone()), (json!(true), json!("feature/x")));
        assert_eq!(found["worktree"], false);

        fs::create_dir_all(at("side")).unwrap();
        fs::write(at("side/.git"), "gitdir: ../main/.git/worktrees/side\n").unwrap();
        fs::write(at("main/.git/worktrees/side/HEAD"), "0123456789\n").unwrap();
        let found = facts(&at("side"), true);
        assert_eq!((found["worktree"].clone(), found["branch"].clone()), (json!(true), Value::Null));
    }

    #[test]
    fn an_empty_folder_named_git_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(facts(folder.path(), true)["inside"], false);
    }
}
