//! Compiled components that nobody uses any more, and their removal.
//!
//! Every version of the runtime has a folder of its own in the cache, and every version of a component a file in it. A
//! file that is used is touched once a day, so what was not touched for long belongs to a version that is gone. A file
//! may be removed while a process runs its code: the code stays mapped, and the next start compiles it anew.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a file stays that nobody uses.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often a file that is used is touched.
const TOUCHED: Duration = Duration::from_secs(24 * 60 * 60);

/// Notes that a file is used.
pub(crate) fn touch(file: &File) {
    let old = || Ok::<_, io::Error>(age(&file.metadata()?) > TOUCHED);
    if old().unwrap_or(false) {
        // Whoever may not write to it leaves it to be compiled again some day.
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Removes what was not used for long, of this engine and of others. `root` is the cache, `own` this engine's folder.
pub(crate) fn prune(root: &Path, own: &Path) {
    // Two at once would do no harm, and twice the work.
    let Ok(Some(_alone)) = lock(root) else { return };
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let folder = entry.path();
        let is_engines = entry.file_name().to_str().is_some_and(is_engine);
        if is_engines && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            prune_folder(&folder, folder == own);
        }
    }
}

/// Says whether a name is that of an engine's folder; anything else in the cache is not this program's.
fn is_engine(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn prune_folder(folder: &Path, own: bool) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_stale = entry.metadata().is_ok_and(|about| about.is_file() && age(&about) > KEPT);
        if is_stale && let Err(error) = fs::remove_file(entry.path()) {
            tracing::debug!(path = %entry.path().display(), %error, "a stale component cannot be removed");
        }
    }
    let is_old = fs::metadata(folder).is_ok_and(|about| age(&about) > KEPT);
    if !own && is_old {
        // One that still has something in it stays.
        let _ = fs::remove_dir(folder);
    }
}

fn age(about: &fs::Metadata) -> Duration {
    let modified = about.modified().unwrap_or_else(|_| SystemTime::now());
    SystemTime::now().duration_since(modified).unwrap_or_default()
}

/// Locks the cache against others that prune; `None` if one does already.
#[cfg(unix)]
fn lock(root: &Path) -> io::Result<Option<File>> {
    let folder = File::open(root)?;
    match rustix::fs::flock(&folder, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn lock(root: &Path) -> io::Result<Option<File>> {
    File::open(root).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn put(path: &Path, days: u32) -> File {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "code").unwrap();
        age_by(path, days);
        File::open(path).unwrap()
    }

    fn age_by(path: &Path, days: u32) {
        File::open(path).unwrap().set_modified(SystemTime::now() - DAY * days).unwrap();
    }

    #[test]
    fn what_was_not_used_for_long_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let own = root.join("00000000000000aa");
        let (gone, recent, mixed) =
            (root.join("00000000000000bb"), root.join("00000000000000cc"), root.join("00000000000000dd"));
        put(&own.join("old.cwasm"), 31);
        put(&own.join("used.cwasm"), 29);
        put(&gone.join("a.cwasm"), 90);
        put(&gone.join(".tmpX"), 90);
        put(&recent.join("a.cwasm"), 3);
        put(&mixed.join("a.cwasm"), 90);
        put(&mixed.join("b.cwasm"), 3);
        put(&root.join("notes/old"), 90);
        put(&root.join("0000000000000zzz/old"), 90);
        std::os::unix::fs::symlink(root.join("notes"), root.join("00000000000000ee")).unwrap();
        for folder in [&own, &mixed] {
            age_by(folder, 90);
        }

        prune(root, &own);

        assert!(!own.join("old.cwasm").exists() && own.join("used.cwasm").exists());
        assert!(!gone.join("a.cwasm").exists() && !gone.join(".tmpX").exists());
        assert!(recent.join("a.cwasm").exists());
        assert!(!mixed.join("a.cwasm").exists() && mixed.join("b.cwasm").exists());
        assert!(root.join("notes/old").exists() && root.join("0000000000000zzz/old").exists());

        // An empty folder goes once nobody has written to it for long: somebody may be about to.
        assert!(gone.exists());
        age_by(&gone, 31);
        prune(root, &own);
        assert!(!gone.exists() && own.exists() && mixed.exists());
    }

    #[test]
    fn somebody_else_who_prunes_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("00000000000000bb/a.cwasm");
        put(&old, 90);
        let held = lock(dir.path()).unwrap().unwrap();
        prune(dir.path(), &dir.path().join("00000000000000aa"));
        assert!(old.exists());
        drop(held);
        prune(dir.path(), &dir.path().join("00000000000000aa"));
        assert!(!old.exists());
    }

    #[test]
    fn a_file_in_use_is_touched_once_a_day() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.cwasm");
        touch(&put(&path, 20));
        assert!(age(&fs::metadata(&path).unwrap()) < DAY);
        let file = put(&path, 0);
        let before = file.metadata().unwrap().modified().unwrap();
        touch(&file);
        assert_eq!(file.metadata().unwrap().modified().unwrap(), before);
    }
}
