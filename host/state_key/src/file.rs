//! A key in a file.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::parse::MOST;

/// Reads a file that nobody else can read or could have written.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    // Without waiting: whoever opens a pipe waits for its other end.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(|error| {
        let help = if error.kind() == std::io::ErrorKind::NotFound {
            "; `pointsman state new-key` makes one"
        } else {
            ""
        };
        format!("{error}{help}")
    })?;
    let about = file.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is no file".to_owned());
    }
    let me = rustix::process::geteuid().as_raw();
    if about.uid() != me && about.uid() != 0 {
        return Err(format!("it belongs to user {}, not to you", about.uid()));
    }
    if about.mode() & 0o077 != 0 {
        let mode = about.mode() & 0o777;
        return Err(format!("others may use it (mode {mode:03o}); chmod 600 {}", path.display()));
    }
    let mut found = Zeroizing::new(Vec::with_capacity(MOST + 1));
    file.take(MOST as u64 + 1).read_to_end(&mut found).map_err(|error| error.to_string())?;
    if found.len() > MOST {
        return Err(format!("it is longer than {MOST} bytes"));
    }
    Ok(found)
}

/// Makes a file for its owner alone, on disk when this returns.
pub(crate) fn create(path: &Path, content: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
