//! Compiled components, kept for the next start.
//!
//! A cached file is machine code that this process will run, so it is taken only from a folder that nobody but this
//! user can write to, and only if it is whole. It is the compiled component followed by the SHA-256 of that.

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use pointsman_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::stale;

/// A folder of compiled components of one engine.
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Why a folder is not used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{path} {what}; make it yours alone: chown \"$USER\" {path} && chmod 700 {path}", path = path.display())]
    Open { path: PathBuf, what: &'static str },
}

const CHECKSUM: usize = 32;

impl Cache {
    /// Names the folder for this engine's code: another version or setting of the runtime gets another one.
    pub(crate) fn new(root: &Path, engine: &Engine) -> Self {
        let mut hash = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hash);
        Self { folder: root.join(format!("{:016x}", hash.finish())) }
    }

    /// Says whether there is a file for this component.
    pub(crate) fn has(&self, component: Digest) -> bool {
        self.check().is_ok() && self.file(component).is_file()
    }

    /// Loads a component, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, component: Digest) -> Option<Component> {
        let path = self.file(component);
        match self.open(&path) {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(path = %path.display(), "a compiled component is damaged and will be compiled anew");
                return None;
            }
            Err(Unfit::Io(error)) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("compiled components are not cached: {error}");
                return None;
            }
        }
        #[expect(
            unsafe_code,
            reason = "the file is what this engine wrote: its checksum holds, and nobody but this user can write to \
                      its folder, where files are only ever replaced as a whole"
        )]
        let loaded = unsafe { Component::deserialize_file(engine, &path) };
        loaded
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), "a compiled component cannot be loaded: {error:#}");
            })
            .ok()
    }

    /// Stores a compiled component and says whether that worked. Without it, the next start compiles again.
    pub(crate) fn store(&self, component: Digest, compiled: &[u8]) -> bool {
        match self.write(component, compiled) {
            Ok(()) => {
                // Whoever compiles something new may have just been updated.
                if let Some(root) = self.folder.parent() {
                    stale::prune(root, &self.folder);
                }
                true
            }
            Err(error) => {
                tracing::warn!("compiled components are not cached: {error}");
                false
            }
        }
    }

    fn file(&self, component: Digest) -> PathBuf {
        self.folder.join(format!("{}.cwasm", component.to_hex()))
    }

    /// Checks the folder, its parent and the file, and says whether the file is whole.
    fn open(&self, path: &Path) -> Result<bool, Unfit> {
        self.check()?;
        let mut file = File::open(path)?;
        private(path, &path.symlink_metadata()?)?;
        let length = file.metadata()?.len();
        let Some(length) = length.checked_sub(CHECKSUM as u64) else { return Ok(false) };
        let mut hash = Sha256::new();
        let mut left = length;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.read_exact(&mut buffer[..wanted])?;
            hash.update(&buffer[..wanted]);
            left -= wanted as u64;
        }
        let mut checksum = [0; CHECKSUM];
        file.read_exact(&mut checksum)?;
        stale::touch(&file);
        Ok(hash.finalize().as_slice() == checksum)
    }

    fn write(&self, component: Digest, compiled: &[u8]) -> Result<(), Unfit> {
        create(&self.folder)?;
        self.check()?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(compiled)?;
        file.write_all(&Sha256::digest(compiled))?;
        // Its name must not outlive a crash that its content did not.
        file.as_file().sync_data()?;
        file.persist(self.file(component)).map_err(|error| error.error)?;
        Ok(())
    }

    fn check(&self) -> Result<(), Unfit> {
        private(&self.folder, &self.folder.symlink_metadata()?)?;
        if let Some(root) = self.folder.parent() {
            private(root, &root.metadata()?)?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn create(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(unix)]
fn private(path: &Path, found: &std::fs::Metadata) -> Result<(), Unfit> {
    use std::os::unix::fs::MetadataExt as _;
    let unfit = |what| Err(Unfit::Open { path: path.to_owned(), what });
    if found.is_symlink() {
        return unfit("is a symbolic link");
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return unfit("belongs to another user");
    }
    if found.mode() & 0o022 != 0 {
        return unfit("can be written to by others");
    }
    Ok(())
}

/// Elsewhere the user's own folders are private by their place.
#[cfg(not(unix))]
fn private(_path: &Path, _found: &std::fs::Metadata) -> Result<(), Unfit> {
    Ok(())
}
