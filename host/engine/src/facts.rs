//! Facts that the host gathers for policies: what they may rely on because no caller said it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value, json};

use crate::Client;

/// Gathers what `policies/rules/README.md` documents as `facts`; of a permission, what the agent asks for.
pub(crate) fn gather(
    cwd: &Path,
    roots: &[PathBuf],
    client: &Client,
    live: usize,
    permission: Option<&Value>,
) -> Value {
    let inside = roots.is_empty() || roots.iter().any(|root| cwd.starts_with(root));
    json!({
        "git": git(cwd),
        "roots": {"configured": !roots.is_empty(), "inside": inside},
        "paths": permission.and_then(|detail| paths(cwd, detail)),
        "runs": {"live": live},
        "client": {"name": client.name, "version": client.version},
    })
}

/// Gives every path that a permission's detail names, as the file system has it; nothing if one cannot be told.
fn paths(cwd: &Path, detail: &Value) -> Option<Vec<String>> {
    let mut named = Vec::new();
    if let Some(path) = detail.get("path") {
        named.push(path);
    }
    if let Some(changes) = detail.get("changes") {
        for change in changes.as_array()? {
            named.push(change.get("path")?);
            named.extend(change.get("moved_to").filter(|to| !to.is_null()));
        }
    }
    named.into_iter().map(|path| real(&cwd.join(path.as_str()?))).collect()
}

/// Follows the links in a path as far as it exists. What is to be made below a folder has none.
fn real(path: &Path) -> Option<String> {
    // Agents take `a/../b` for `b`, the kernel does not if `a` is a link: nobody can tell which is meant.
    let up = |component| matches!(component, Component::ParentDir);
    if path.components().any(up) {
        return None;
    }
    let mut existing = path;
    loop {
        if let Ok(real) = existing.canonicalize() {
            let below = path.strip_prefix(existing).ok()?;
            let whole = if below.as_os_str().is_empty() { real } else { real.join(below) };
            return whole.to_str().map(str::to_owned);
        }
        // A link to what is not there: whoever writes to it makes that.
        if existing.symlink_metadata().is_ok() {
            return None;
        }
        existing = existing.parent()?;
    }
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
    fn the_paths_of_a_permission_are_those_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let cwd = top.join("cwd");
        fs::create_dir_all(cwd.join("src")).unwrap();
        fs::write(cwd.join("src/a"), "").unwrap();
        fs::write(top.join("secret"), "").unwrap();
        std::os::unix::fs::symlink(&top, cwd.join("out")).unwrap();
        std::os::unix::fs::symlink(top.join("nothing"), cwd.join("dangling")).unwrap();
        let found = |detail: Value| paths(&cwd, &detail);
        let at = |path: &str| top.join(path).to_string_lossy().into_owned();
        let change = |path: &str| json!({"changes": [{"path": path}]});

        assert_eq!(found(json!({"path": "src/a"})), Some(vec![at("cwd/src/a")]));
        assert_eq!(found(json!({"path": at("cwd")})), Some(vec![at("cwd")]));
        assert_eq!(found(change("new/folder/b")), Some(vec![at("cwd/new/folder/b")]));
        assert_eq!(found(change("out/secret")), Some(vec![at("secret")]));
        assert_eq!(found(change("out/new")), Some(vec![at("new")]));
        let moved =
            json!({"changes": [{"path": "src/a", "moved_to": "out/b"}, {"path": "c", "moved_to": null}]});
        assert_eq!(found(moved), Some(vec![at("cwd/src/a"), at("b"), at("cwd/c")]));
        assert_eq!(found(json!({"command": "make"})), Some(vec![]));
        for unclear in [
            change("dangling"),
            change("dangling/b"),
            change("src/../../secret"),
            json!({"changes": [{"diff": "+"}]}),
            json!({"changes": "all"}),
            json!({"path": 7}),
        ] {
            assert_eq!(found(unclear.clone()), None, "{unclear}");
        }
    }

    #[test]
    fn an_empty_folder_named_git_is_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        assert_eq!(git(folder.path())["inside"], false);
    }
}
