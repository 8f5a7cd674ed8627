//! The paths that an agent's question names.

use std::path::{Component, Path};

use serde_json::Value;

/// Gives every path that a permission's detail names, as the file system has it; nothing if one cannot be told.
pub(super) fn paths(cwd: &Path, detail: &Value) -> Option<Vec<String>> {
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
    let plain = |path: &Value| path.as_str().map(str::to_owned).filter(|path| !may_be_expanded(path));
    named.into_iter().map(|path| real(&cwd.join(plain(path)?))).collect()
}

/// Tells whether an agent may make something else of a path before it opens it: agents know `~` and variables, drop
/// blanks around a path, and take addresses of files.
fn may_be_expanded(path: &str) -> bool {
    path.is_empty()
        || path.starts_with(['~', '$', '%'])
        || path.trim() != path
        || path.contains("://")
        || path.starts_with("file:")
        || path.contains(char::is_control)
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

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

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
        assert_eq!(found(change("a~b$c")), Some(vec![at("cwd/a~b$c")]));
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
            change("~/.ssh/id_rsa"),
            change("~"),
            change("~root/.profile"),
            change("$HOME/.ssh/id_rsa"),
            change("${HOME}/.ssh/id_rsa"),
            change("%USERPROFILE%/x"),
            change(" /etc/passwd"),
            change("/etc/passwd\n"),
            change("file:///etc/passwd"),
            change("file:/etc/passwd"),
            change("a\u{0}b"),
            change(""),
            json!({"changes": [{"diff": "+"}]}),
            json!({"changes": "all"}),
            json!({"path": 7}),
        ] {
            assert_eq!(found(unclear.clone()), None, "{unclear}");
        }
    }
}
