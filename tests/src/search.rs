//! Looking for a text in files.

use std::fs;
use std::path::Path;

/// Says whether a text is in any file of a folder, however deep; links are not followed.
///
/// # Panics
///
/// If the folder cannot be read.
#[must_use]
pub fn holds(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).expect("the folder is there").any(|entry| {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() && !path.is_symlink() {
            return holds(&path, text);
        }
        let content = fs::read(&path).unwrap_or_default();
        content.windows(text.len()).any(|window| window == text.as_bytes())
    })
}
