//! Where sources lie and components go.

use std::env;
use std::path::{Path, PathBuf};

/// Gives the root of the workspace that this crate was compiled in.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // plugins/build, two floors down.
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Gives the target directory of guests: `guests` inside the outer one.
///
/// The outer one is `$CARGO_TARGET_DIR`, from the workspace's root if it is relative, else the workspace's `target`.
#[must_use]
pub fn guest_dir() -> PathBuf {
    let outer = env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty());
    workspace().join(outer.map_or_else(|| PathBuf::from("target"), PathBuf::from)).join("guests")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_where_the_lock_file_is() {
        assert!(super::workspace().join("Cargo.lock").is_file());
        assert!(super::guest_dir().ends_with("guests"));
    }
}
