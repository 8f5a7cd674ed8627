//! Guests in other languages, and the toolchains that build them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use pointsman_guest_build::{guest_dir, workspace};
use pointsman_model::Digest;

/// A guest that is not built by cargo.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guest {
    /// What it calls itself.
    pub(crate) name: &'static str,
    world: &'static str,
    /// Its folder in `tests/guests`.
    folder: &'static str,
    /// Its main module, without its ending.
    module: &'static str,
    toolchain: Toolchain,
}

pub(crate) const PYTHON_POLICY: Guest = Guest {
    name: "word_python",
    world: "policy-module",
    folder: "python",
    module: "word_policy",
    toolchain: Toolchain::ComponentizePy,
};

pub(crate) const PYTHON_SANITIZER: Guest =
    Guest { name: "drop_python", world: "sanitizer-plugin", module: "word_sanitizer", ..PYTHON_POLICY };

pub(crate) const JS_POLICY: Guest = Guest {
    name: "word_js",
    world: "policy-module",
    folder: "js",
    module: "word_policy",
    toolchain: Toolchain::ComponentizeJs,
};

impl Guest {
    /// Hands over the component while no other test builds or compiles it: each test is a process of its own.
    pub(crate) fn once<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        let place = guest_dir().join(self.folder);
        make(&place);
        locked(&place.join(format!("{}.lock", self.name)), || {
            let path = place.join(format!("{}.wasm", self.name));
            if !is_done(&path, &self.key()) {
                self.build(&path);
            }
            take(
                &fs::read(&path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display())),
            )
        })
    }

    fn sources(&self) -> PathBuf {
        workspace().join("tests/guests").join(self.folder)
    }

    /// What its component is made of, in one word.
    fn key(&self) -> String {
        let mut all = format!("{self:?} {:?}", self.toolchain.packages());
        for file in files(&self.sources()).into_iter().chain(files(&workspace().join("wit"))) {
            all += &format!("\n{}\n", file.display());
            all += &fs::read_to_string(&file).expect("a source");
        }
        Digest::of(all.as_bytes()).to_hex()
    }

    fn build(&self, path: &Path) {
        let tools = self.toolchain.installed();
        // Built from a copy: Python leaves compiled modules beside its sources.
        let work = tempfile::tempdir().expect("a folder");
        for (from, to) in [(self.sources(), "src"), (workspace().join("wit"), "wit")] {
            let to = work.path().join(to);
            make(&to);
            for file in files(&from) {
                fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("a copy");
            }
        }
        let mut command = match self.toolchain {
            Toolchain::ComponentizePy => {
                let mut command = Command::new(tools.join("bin/componentize-py"));
                command.args(["-d", "wit", "-w", self.world, "componentize", self.module, "-p", "src"]);
                command
            }
            Toolchain::ComponentizeJs => {
                let mut command = Command::new(tools.join("node_modules/.bin/componentize-js"));
                // A plugin gets no network, so the engine's own `fetch` must not ask for one.
                command.args([
                    "--disable",
                    "http",
                    "fetch-event",
                    "--wit",
                    "wit",
                    "--world-name",
                    self.world,
                ]);
                command.arg(format!("src/{}.js", self.module));
                command
            }
        };
        run(command.current_dir(work.path()).arg("-o").arg(path));
        done(path, &self.key());
    }
}

#[derive(Debug, Clone, Copy)]
enum Toolchain {
    ComponentizePy,
    ComponentizeJs,
}

impl Toolchain {
    /// What is installed, exactly: another version may need other limits.
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::ComponentizePy => &["componentize-py==0.25.1"],
            // The second one is what the first one asks for, but loosely.
            Self::ComponentizeJs => {
                &["@bytecodealliance/componentize-js@0.22.0", "@bytecodealliance/jco@1.35.0"]
            }
        }
    }

    /// Gives the folder that it is installed in, and installs it the first time.
    fn installed(self) -> PathBuf {
        let tools = guest_dir().with_file_name("tools");
        make(&tools);
        let place = tools.join(match self {
            Self::ComponentizePy => "componentize-py",
            Self::ComponentizeJs => "jco",
        });
        let key = self.packages().join(" ");
        locked(&place.with_extension("lock"), || {
            if is_done(&place, &key) {
                return;
            }
            if place.exists() {
                fs::remove_dir_all(&place).expect("what is half installed can be removed");
            }
            match self {
                Self::ComponentizePy => {
                    run(Command::new("python3").args(["-m", "venv"]).arg(&place));
                    let mut pip = Command::new(place.join("bin/pip"));
                    run(pip.args(["install", "--disable-pip-version-check"]).args(self.packages()));
                }
                Self::ComponentizeJs => {
                    make(&place);
                    let mut npm = Command::new("npm");
                    // Otherwise npm looks for a package in the folders above.
                    npm.args(["install", "--no-audit", "--no-fund", "--save-exact", "--prefix"]).arg(&place);
                    run(npm.args(self.packages()));
                }
            }
            done(&place, &key);
        });
        place
    }
}

/// Runs a command; if it fails, the test fails with the command and what it said.
fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    let output = command.output().unwrap_or_else(|error| panic!("{shown} could not be started: {error}"));
    assert!(
        output.status.success(),
        "{shown} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

fn make(folder: &Path) {
    fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{} cannot be made: {error}", folder.display()));
}

/// Gives the files in a folder, in an order that does not change.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{} cannot be listed: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

/// Does something while no other process does. The lock ends with the process that holds it.
fn locked<T>(lock: &Path, work: impl FnOnce() -> T) -> T {
    let file = File::create(lock).expect("a lock file");
    file.lock().expect("a lock");
    work()
}

/// Where the key is kept of what something was last made of.
fn note(path: &Path) -> PathBuf {
    path.with_extension("made-of")
}

fn is_done(path: &Path, key: &str) -> bool {
    path.exists() && fs::read_to_string(note(path)).is_ok_and(|noted| noted == key)
}

fn done(path: &Path, key: &str) {
    fs::write(note(path), key).expect("a note");
}
