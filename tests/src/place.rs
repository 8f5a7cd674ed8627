//! A place: everything of one test that is on disk, thrown away at its end.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::mark::{AGENT_VARIABLE, HOST_VARIABLE, Mark};
use crate::{Host, MockModel};

/// A home, a configuration, a state folder and a repository to work in.
///
/// Hosts in it know the backend `script`: `tests/agent/agent.sh` behind the component `command`.
#[derive(Debug)]
pub struct Place {
    root: TempDir,
    mark: Mark,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// Makes a place.
    #[must_use]
    pub fn new() -> Self {
        Self::with("")
    }

    /// Makes a place whose configuration says something more.
    #[must_use]
    pub fn with(more: &str) -> Self {
        let root = tempfile::Builder::new().prefix("pointsman-").tempdir().expect("a temporary folder");
        let mark = Mark::new(root.path().to_string_lossy());
        let place = Self { root, mark };
        fs::create_dir(place.home()).expect("the folder is new");
        repository(&place.project());
        share_compiled_components(&place.state());
        let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("agent/agent.sh");
        let config = format!(
            "[state]\ndir = \"state\"\n\
             [programs.script]\ncommand = \"/bin/sh\"\nargs = [{agent}]\nset_env = {{ {AGENT_VARIABLE} = {mark} }}\n\
             [backends.script]\ncomponent = \"bundled:command\"\n\
             grants = [\"process/spawn@1 script\", \"timer/set@1 *\"]\n\
             [backends.script.config]\nprogram = \"script\"\naccess = \"workspace-write\"\n\
             {more}",
            agent = quoted(&agent),
            mark = quoted(place.mark.word()),
        );
        fs::write(place.config(), config).expect("the folder is new");
        place
    }

    /// Makes a place whose backend `codex` drives the real CLI against a model server.
    #[must_use]
    pub fn with_codex(model: &MockModel) -> Self {
        let place = Self::new();
        let home = place.root.path().join("codex-home");
        fs::create_dir(&home).expect("the folder is new");
        fs::write(home.join("config.toml"), model.codex_config()).expect("the folder is new");
        let mut config = fs::read_to_string(place.config()).expect("it was just written");
        config.push_str(&format!(
            "[programs.codex]\ncommand = {program}\n\
             set_env = {{ CODEX_HOME = {home}, MOCK_MODEL_KEY = \"none\", {AGENT_VARIABLE} = {mark} }}\n",
            program = quoted(crate::codex()),
            home = quoted(home),
            mark = quoted(place.mark.word()),
        ));
        fs::write(place.config(), config).expect("the folder is ours");
        place
    }

    /// Makes a place whose backend `claude_code` drives the real CLI against a model server, and whose configuration says
    /// something more.
    #[must_use]
    pub fn with_claude(model: &MockModel, more: &str) -> Self {
        let place = Self::with(more);
        let mut config = fs::read_to_string(place.config()).expect("it was just written");
        config.push_str(&format!(
            "[programs.claude]\ncommand = {program}\n\
             set_env = {{ ANTHROPIC_BASE_URL = {url}, ANTHROPIC_API_KEY = \"none\", CLAUDE_CODE_MAX_RETRIES = \"1\", \
             CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = \"1\", DISABLE_AUTOUPDATER = \"1\", {AGENT_VARIABLE} = {mark} }}\n",
            program = quoted(crate::claude()),
            url = quoted(model.url()),
            mark = quoted(place.mark.word()),
        ));
        fs::write(place.config(), config).expect("the folder is ours");
        place
    }

    /// Gives a folder for whatever else a test needs on disk.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Gives the repository that agents work in, as runs know it.
    #[must_use]
    pub fn project(&self) -> PathBuf {
        let root = self.root.path().canonicalize().expect("the folder is there");
        root.join("project")
    }

    /// Gives the home of everything that is started here.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Gives the configuration's path.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.path().join("pointsman.toml")
    }

    /// Adds to the configuration.
    ///
    /// # Panics
    ///
    /// If it cannot be read or written.
    pub fn configure(&self, more: &str) {
        let mut config = fs::read_to_string(self.config()).expect("the place has a configuration");
        config.push_str(more);
        fs::write(self.config(), config).expect("the folder is ours");
    }

    /// Gives the state folder.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.path().join("state")
    }

    /// Gives the mark of all processes of this place.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Starts a host that nobody has talked to yet.
    #[must_use]
    pub fn silent_host(&self) -> Host {
        self.serving(&[])
    }

    /// Starts `pointsman serve` with more arguments; nobody has talked to it yet.
    #[must_use]
    pub fn serving(&self, args: &[&str]) -> Host {
        self.serving_with(args, &[])
    }

    /// Starts `pointsman serve` with more arguments and variables.
    #[must_use]
    pub fn serving_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Host {
        Host::start(self, args, variables)
    }

    /// Attaches to the host that runs here, once it does, and shakes its hand.
    #[must_use]
    pub fn attached(&self) -> Host {
        crate::eventually("a host to attach to", || {
            let hosts = fs::read_dir(self.state().join("hosts")).ok()?;
            let door = |name: &OsStr| name.to_str().is_some_and(|name| name.ends_with(".mcp.sock"));
            hosts.flatten().any(|entry| door(&entry.file_name())).then_some(())
        });
        let mut host = self.serving(&["--attach"]);
        host.initialize("pointsman-tests");
        host
    }

    /// Starts a host and shakes its hand.
    #[must_use]
    pub fn host(&self) -> Host {
        let mut host = self.silent_host();
        host.initialize("pointsman-tests");
        host
    }

    /// Makes a command that runs the program in this place.
    #[must_use]
    pub fn pointsman(&self) -> Command {
        self.command(program())
    }

    /// Makes a command that runs any program in this place, with the environment of this place alone.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.home()).env(HOST_VARIABLE, self.mark.word());
        command.env("POINTSMAN_CONFIG", self.config()).current_dir(self.home()).stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// Runs the program as a person does in another terminal, and gives what it answers in JSON.
    pub fn cli(&self, args: &[&str]) -> Value {
        let output = self.cli_output(args);
        assert!(
            output.status.success(),
            "pointsman {args:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).expect("with --json it answers in JSON")
    }

    /// Runs the program as a person does in another terminal.
    pub fn cli_output(&self, args: &[&str]) -> Output {
        self.pointsman().arg("--json").args(args).output().expect("the program runs")
    }

    /// Gives the file with what hosts say on standard error.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.path().join("host.log")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.log()).unwrap_or_default();
            eprintln!("--- what hosts said on standard error ---\n{log}---");
        }
    }
}

/// Lets the states of all tests share what was compiled: in a build for development it takes seconds each time.
///
/// The program may keep it in any folder that is this user's alone, and several hosts may use one at once.
fn share_compiled_components(state: &Path) {
    let shared = target_dir().join("tools/components");
    for folder in [state, &shared] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).expect("the folder can be made");
    }
    symlink(&shared, state.join("components")).expect("the folder is new");
}

/// Makes a repository, in which the careful rules allow work.
pub fn repository(folder: &Path) {
    let git = Command::new("git").args(["init", "--quiet"]).arg(folder).status().expect("git is on the PATH");
    assert!(git.success(), "git init {}: {git}", folder.display());
}

/// Finds the program beside this test.
#[must_use]
pub fn program() -> PathBuf {
    let path = profile_dir().join("pointsman");
    assert!(
        path.is_file(),
        "{} is not there: build it first, with `cargo build --workspace`, or test with `cargo xtask test`",
        path.display()
    );
    path
}

/// Gives the target folder.
pub(crate) fn target_dir() -> PathBuf {
    profile_dir().parent().expect("a profile has a folder in the target folder").to_owned()
}

/// Gives `<target>/debug` or the like: tests lie in its folder `deps`.
fn profile_dir() -> PathBuf {
    let this = std::env::current_exe().expect("a test knows where it is");
    this.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps").to_owned()
}

/// A JSON string is a TOML string, too.
fn quoted(path: impl AsRef<OsStr>) -> String {
    Value::from(path.as_ref().to_string_lossy()).to_string()
}
