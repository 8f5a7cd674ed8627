//! Facts that the host gathers for policies: what they may rely on because no caller said it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Client;

/// Gathers what `policies/rules/README.md` documents as `facts`.
pub(crate) fn gather(cwd: &Path, roots: &[PathBuf], client: &Client, live: usize) -> Value {
    let inside = roots.is_empty() || roots.iter().any(|root| cwd.starts_with(root));
    json!({
        "git": git(cwd),
        "roots": {"configured": !roots.is_empty(), "inside": inside},
        "runs": {"live": live},
        "client": {"name": client.name, "version": client.version},
    })
}

/// Looks for the work tree around a folder, without running git: a repository's own configuration could make git run
/// anything.
fn git(cwd: &Path) -> Value {
    for folder in cwd.ancestors() {
        let dot_git = folder.join(".git");
        let Ok(kind) = dot_git.symlink_metadata() else { continue };
        // A linked work tree has a file that names its folder below the main repository's.
        let linked = kind.is_file();
        let directory = if linked {
            let Some(named) =
                first_line(&dot_git).and_then(|line| Some(line.strip_prefix("gitdir: ")?.to_owned()))
            else {
                continue;
            };
            folder.join(named)
        } else {
            dot_git
        };
        let Some(head) = first_line(&directory.join("HEAD")) else { continue };
        return json!({
            "inside": true,
            "root": folder.to_string_lossy(),
            "branch": head.strip_prefix("ref: refs/heads/"),
            "worktree": linked,
        });
    }
    json!({"inside": false, "root": null, "branch": null, "worktree": false})
}

/// Reads a small file's first line.
fn first_line(path: &Path) -> Option<String> {
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
        assert_eq!(git(folder.path())["inside"], false);
        fs::create_dir_all(at("main/.git/worktrees/side")).unwrap();
        fs::create_dir_all(at("main/src/deep")).unwrap();
        fs::write(at("main/.git/HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        let found = git(&at("main/src/deep"));
        assert_eq!((found["inside"].clone(), found["branch"].clone()), (json!(true), json!("feature/x")));
        assert_eq!(found["worktree"], false);

        fs::create_dir_all(at("side")).unwrap();
        fs::write(at("side/.git"), "gitdir: ../main/.git/worktrees/side\n").unwrap();
        fs::write(at("main/.git/worktrees/side/HEAD"), "0123456789\n").unwrap();
        let found = git(&at("side"));
        assert_eq!((found["worktree"].clone(), found["branch"].clone()), (json!(true), Value::Null));
    }

    #[test]
    fn an_empty_folder_named_git_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(git(folder.path())["inside"], false);
    }
}
