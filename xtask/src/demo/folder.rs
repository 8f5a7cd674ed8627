//! The folder that the demo leaves to look into.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{AGENT, Cast};
use crate::cargo::target_dir;
use crate::{Failure, say};

/// `target/demo`, made anew each time.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder and the small project that the agents work in.
    pub(super) fn create() -> Result<Self, Failure> {
        let root = target_dir().join("demo");
        if root.exists() {
            fs::remove_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        }
        let folder = Self { root };
        fs::create_dir_all(folder.project())?;
        fs::create_dir_all(folder.codex_home())?;
        fs::write(
            folder.project().join("README.md"),
            "# A small project\n\nAgents of the demo work here.\n",
        )?;
        // The careful rules allow work in a repository, where changes can be seen and undone.
        let git = Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(folder.project())
            .stdin(Stdio::null())
            .status();
        if !git.is_ok_and(|status| status.success()) {
            say::line(say::warn("git is not there: the rules may ask about the first run, too"));
        }
        Ok(folder)
    }

    /// Where the agents work.
    pub(super) fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// Codex's own settings and sessions, apart from yours.
    pub(super) fn codex_home(&self) -> PathBuf {
        self.root.join("codex-home")
    }

    /// The host's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("pointsman.toml")
    }

    /// What the host says on standard error.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("host.log")
    }

    /// Writes the configuration: a state folder of its own, and the agent that plays.
    pub(super) fn write_config(&self, cast: &Cast) -> Result<(), Failure> {
        // A JSON string is a TOML string, too.
        let quoted = |path: &Path| serde_json::Value::from(path.display().to_string()).to_string();
        let agent = match cast {
            Cast::Codex(codex) => format!(
                "# The real Codex CLI, with settings of its own and a model server on this machine.\n\
                 [programs.codex]\ncommand = {}\nset_env = {{ CODEX_HOME = {}, MOCK_MODEL_KEY = \"none-needed\" }}\n",
                quoted(codex.program()),
                quoted(&self.codex_home())
            ),
            Cast::Own => {
                // The build before may have put another file in the place of the one that runs.
                let this = target_dir().join("debug").join("xtask");
                format!(
                    "# A small agent of the demo's own: any program can be one.\n\
                     [programs.demo-agent]\ncommand = {}\nargs = [\"{AGENT}\"]\n\n\
                     [backends.demo]\ncomponent = \"bundled:command\"\n\
                     grants = [\"process/spawn@1 demo-agent\", \"timer/set@1 *\"]\n\
                     \n\
                     [backends.demo.config]\nprogram = \"demo-agent\"\noutput = \"jsonl\"\n\
                     # What the agent can do whatever it is asked; this one keeps to its project by itself.\n\
                     access = \"workspace-write\"\n",
                    quoted(&this)
                )
            }
        };
        let config = format!(
            "# Written by `cargo xtask demo`.\n\n[state]\ndir = \"state\"\n\n[log]\nlevel = \"info,rmcp=warn\"\n\n{agent}"
        );
        fs::write(self.config(), config)?;
        Ok(())
    }

    /// Says what is left to look at.
    pub(super) fn farewell(&self, program: &Path) -> Result<(), Failure> {
        say::line("");
        say::step("what is left to look at");
        let entry = |path: &Path, what: &str| {
            let path = path.strip_prefix(&self.root).unwrap_or(path);
            say::line(format!("  {} {what}", say::bold(format!("{:<36}", path.display()))));
        };
        say::line(say::dim(self.root.display()));
        entry(&self.config(), "the configuration, a few lines");
        entry(&self.project(), "where the agents worked: see `git status` there");
        entry(
            &self.project().join(".nanobot-orchestrator/runs"),
            "each run as readable files, artifacts included",
        );
        entry(&self.root.join("state"), "the journal, which is the truth");
        entry(&self.log(), "what the host said meanwhile");
        say::line("");
        say::line("Go on from here:");
        let command = format!("{} --config {}", shown(program), shown(&self.config()));
        for (rest, what) in [
            ("runs list", "the runs of the demo"),
            ("approvals list --all", "what was asked, and who answered"),
            ("doctor", "what this machine has and lacks"),
        ] {
            say::line(format!("  {command} {rest}   {}", say::dim(format!("# {what}"))));
        }
        Ok(())
    }
}

/// Gives a path as one would type it here.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).display().to_string()
}
