//! Compiled components are kept, and only taken from where nobody else can put them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pointsman_sandbox::{Sandbox, SandboxConfig};

use crate::support::{component, task};

fn sandbox(root: &Path) -> Sandbox {
    Sandbox::new(SandboxConfig::new(Some(root.to_owned()))).expect("a sandbox")
}

/// Loads the guest and sees it work.
fn use_guest(root: &Path) {
    let backend = sandbox(root).load_backend("hostile", component()).expect("a backend");
    backend.start(&task("nothing"), [0; 32]).expect("a run");
}

/// Finds the one cached file.
fn cached(root: &Path) -> PathBuf {
    let folder =
        fs::read_dir(root).expect("a folder").next().expect("an engine's folder").expect("an entry").path();
    assert_eq!(fs::metadata(&folder).expect("a folder").permissions().mode() & 0o777, 0o700);
    let mut files = fs::read_dir(folder).expect("a folder");
    let file = files.next().expect("a file").expect("an entry").path();
    assert!(files.next().is_none(), "there is more than one file");
    file
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[test]
fn a_component_is_compiled_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("components");
    assert!(!sandbox(&root).is_cached(component()));
    use_guest(&root);
    assert!(sandbox(&root).is_cached(component()));
    let before = fs::metadata(cached(&root)).expect("a file").modified().expect("a time");
    use_guest(&root);
    assert_eq!(fs::metadata(cached(&root)).expect("a file").modified().expect("a time"), before);
}

#[test]
fn a_damaged_file_is_compiled_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    use_guest(dir.path());
    let file = cached(dir.path());
    let whole = fs::read(&file).expect("a file");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [flipped, whole[..whole.len() - 100].to_vec(), b"short".to_vec(), Vec::new()] {
        fs::write(&file, damaged).expect("a file");
        use_guest(dir.path());
        assert!(fs::read(&file).expect("a file") == whole, "the damaged file is still there");
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_not_used() {
    for open in [0o770, 0o707, 0o777] {
        let dir = tempfile::tempdir().expect("a folder");
        mode(dir.path(), open);
        use_guest(dir.path());
        assert!(!sandbox(dir.path()).is_cached(component()));

        mode(dir.path(), 0o700);
        use_guest(dir.path());
        assert!(sandbox(dir.path()).is_cached(component()));
        let file = cached(dir.path());
        let engine = file.parent().expect("a folder");
        mode(engine, open);
        assert!(!sandbox(dir.path()).is_cached(component()));
        use_guest(dir.path());
    }
}

#[test]
fn a_file_that_others_can_write_to_is_not_taken() {
    let dir = tempfile::tempdir().expect("a folder");
    use_guest(dir.path());
    let file = cached(dir.path());
    mode(&file, 0o666);
    use_guest(dir.path());
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600, "it was replaced");
}

#[test]
fn a_link_in_a_files_place_is_not_followed() {
    let dir = tempfile::tempdir().expect("a folder");
    use_guest(dir.path());
    let file = cached(dir.path());
    let elsewhere = tempfile::tempdir().expect("a folder");
    let target = elsewhere.path().join("theirs");
    fs::rename(&file, &target).expect("a move");
    std::os::unix::fs::symlink(&target, &file).expect("a link");
    use_guest(dir.path());
    assert!(!fs::symlink_metadata(&file).expect("a file").is_symlink(), "the link was replaced");
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("no-folder");
    fs::write(&file, "").expect("a file");
    use_guest(&file.join("components"));
}
