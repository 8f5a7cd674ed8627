//! The Codex CLI from npm, pinned, and a model server on this machine for it to talk to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::folder::Folder;
use crate::cargo::target_dir;
use crate::{Failure, say};

/// The version that the adapter was recorded with.
const VERSION: &str = "0.169.0";

/// An installed Codex and a running model server, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Codex {
    program: PathBuf,
    model: Child,
}

impl Codex {
    /// Installs the CLI below `target/tools` if it is not there yet, starts the model server, and points one at the
    /// other.
    pub(super) fn prepare(folder: &Folder) -> Result<Self, Failure> {
        let program = install()?;
        say::step(
            "a model server on this machine, which does what the prompt says: node tests/mock-model/mock-model.mjs",
        );
        let mut model = Command::new("node")
            .arg(pointsman_guest_build::workspace().join("tests/mock-model/mock-model.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = model.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let port: u16 =
            line.trim().parse().map_err(|_| format!("the model server said {line:?} instead of its port"))?;
        fs::write(folder.codex_home().join("config.toml"), settings(port))?;
        Ok(Self { program, model })
    }

    pub(super) fn program(&self) -> &Path {
        &self.program
    }
}

impl Drop for Codex {
    fn drop(&mut self) {
        // It ends by itself when its input closes.
        drop(self.model.stdin.take());
        let _ = self.model.wait();
    }
}

pub(super) fn node_is_there() -> bool {
    ["node", "npm"].iter().all(|program| {
        let mut version = Command::new(program);
        version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    })
}

fn install() -> Result<PathBuf, Failure> {
    let tools = target_dir().join("tools/codex");
    let package = format!("@openai/codex@{VERSION}");
    let manifest = tools.join("node_modules/@openai/codex/package.json");
    let installed = fs::read_to_string(&manifest).ok().and_then(|text| {
        let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
        manifest["version"].as_str().map(str::to_owned)
    });
    if installed.as_deref() != Some(VERSION) {
        fs::create_dir_all(&tools)?;
        say::step(format!("the Codex CLI, below target/tools only: npm install {package}"));
        let bar = ProgressBar::new_spinner().with_message("npm downloads some 170 MB");
        if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        let output = Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--prefix"])
            .arg(&tools)
            .arg(&package)
            .stdin(Stdio::null())
            .output()?;
        bar.finish_and_clear();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("npm: {}", said.lines().next().unwrap_or("it says nothing")).into());
        }
    }
    Ok(program(&tools))
}

/// Gives the native program, or the launcher in front of it where the package is laid out otherwise.
fn program(tools: &Path) -> PathBuf {
    let packages = fs::read_dir(tools.join("node_modules/@openai")).into_iter().flatten().flatten();
    let native = packages
        .filter_map(|package| fs::read_dir(package.path().join("vendor")).ok())
        .flat_map(|targets| targets.flatten())
        .map(|target| target.path().join("bin/codex"))
        .find(|path| path.is_file());
    native.unwrap_or_else(|| tools.join("node_modules/.bin/codex"))
}

fn settings(port: u16) -> String {
    format!(
        "# Written by `cargo xtask demo`.\n\
         model = \"gpt-5.5\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n\n\
         [model_providers.mock]\nname = \"mock\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\nwire_api = \"responses\"\n\
         env_key = \"MOCK_MODEL_KEY\"\nrequest_max_retries = 1\nstream_max_retries = 1\n\
         stream_idle_timeout_ms = 10000\n\n\
         [analytics]\nenabled = false\n\n[features]\nplugins = false\n"
    )
}
