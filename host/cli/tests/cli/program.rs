//! The program in a home of its own.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A home that nobody shares, with no configuration and no state.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) exit: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        share_compiled_components(&home.path().join(".local/state/pointsman"));
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a configuration where nobody has to name it.
    pub(crate) fn configure(&self, text: &str) -> PathBuf {
        let file = self.path().join(".config/pointsman/pointsman.toml");
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(args).env_clear().env("HOME", self.path()).env("PATH", "/usr/bin:/bin");
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end. Paths below the home are said as `~`.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        self.said(self.command(args).output().unwrap())
    }

    pub(crate) fn said(&self, output: Output) -> Said {
        let text =
            |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(self.path().to_str().unwrap(), "~");
        Said { exit: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Lets the states of all tests share what was compiled: in a build for development it takes many seconds each time.
fn share_compiled_components(state: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_pointsman"));
    let shared = program.ancestors().nth(2).unwrap().join("tools/components");
    for folder in [state, &shared] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).unwrap();
    }
    symlink(shared, state.join("components")).unwrap();
}
