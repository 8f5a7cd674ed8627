//! Files in a place where others write too: nothing but plain folders and plain files is touched, and no link is
//! followed.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use cap_std::fs::{Dir, File, FileType, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::FolderError;
use crate::random;

/// Says which file could not be written.
pub(super) fn io_error(path: &str, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source: Arc::new(source) }
}

/// Opens a folder in a folder; makes it if it is not there.
pub(crate) fn child(dir: &Dir, name: &str) -> Result<Dir, FolderError> {
    match dir.create_dir(name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(name, error)),
        _ => {}
    }
    open_dir(dir, name)
}

/// Opens a folder in a folder that is there.
pub(crate) fn open_dir(dir: &Dir, name: &str) -> Result<Dir, FolderError> {
    let about = dir.symlink_metadata(name).map_err(|error| io_error(name, error))?;
    if !about.is_dir() {
        let found = describe(about.file_type());
        return Err(FolderError::InTheWay { path: name.to_owned(), found, expected: "a folder" });
    }
    // If somebody puts a link there at this very moment, it still cannot lead out of `dir`.
    dir.open_dir(name).map_err(|error| io_error(name, error))
}

/// Replaces a file as a whole.
pub(super) fn replace(dir: &Dir, name: &str, content: &[u8]) -> Result<(), FolderError> {
    let replace = || -> io::Result<()> {
        let temporary = format!(".{}.tmp", random::hex8()?);
        let mut file = dir.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
        // A rename replaces a link itself, never what it leads to.
        let replaced = file.write_all(content).and_then(|()| dir.rename(&temporary, dir, name));
        if replaced.is_err() {
            // The first error is the one to be told.
            let _second = dir.remove_file(&temporary);
        }
        replaced
    };
    replace().map_err(|error| io_error(name, error))
}

/// Adds to a file; makes it if it is not there.
pub(super) fn append(dir: &Dir, name: &str, content: &[u8]) -> Result<(), FolderError> {
    let file = open_plain(dir, name, OpenOptions::new().read(true).append(true).create(true))?;
    let add = || -> io::Result<()> {
        let mut file = file.into_std();
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        // Whoever was killed while writing left half a line; that one is lost here, but not the next.
        if last != [b'\n'] {
            file.write_all(b"\n")?;
        }
        file.write_all(content)
    };
    add().map_err(|error| io_error(name, error))
}

/// Reads a plain file of at most so many bytes; `None` if it is longer.
pub(crate) fn read_file(dir: &Dir, name: &str, most: u64) -> Result<Option<Vec<u8>>, FolderError> {
    let file = open_plain(dir, name, OpenOptions::new().read(true))?;
    let mut content = Vec::new();
    // The length that the file says it has may have changed since; what is read counts.
    file.take(most + 1).read_to_end(&mut content).map_err(|error| io_error(name, error))?;
    Ok((content.len() as u64 <= most).then_some(content))
}

fn open_plain(dir: &Dir, name: &str, options: &mut OpenOptions) -> Result<File, FolderError> {
    let in_the_way = |found| FolderError::InTheWay { path: name.to_owned(), found, expected: "a plain file" };
    // Without waiting, because opening a pipe waits for whoever is at its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.custom_flags(flags.bits().cast_signed());
    let file = dir.open_with(name, options).map_err(|error| match dir.symlink_metadata(name) {
        Ok(about) if !about.is_file() => in_the_way(describe(about.file_type())),
        _ => io_error(name, error),
    })?;
    let about = file.metadata().map_err(|error| io_error(name, error))?;
    if about.is_file() { Ok(file) } else { Err(in_the_way(describe(about.file_type()))) }
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a link"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "a device, pipe or socket"
    }
}
