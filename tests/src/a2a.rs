//! Agents elsewhere: the official Python SDKs of A2A.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::tools::a2a_peer_python;

/// Which agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum A2aVersion {
    /// 1.0.
    V1,
    /// 1.0, and 0.3 by the SDK's compatibility mode.
    Both,
    /// The real 0.3.
    V03,
}

/// An agent of `tests/a2a-peer`, running; it ends when this is dropped.
#[derive(Debug)]
pub struct A2aPeer {
    child: Child,
    ready: Value,
}

impl A2aPeer {
    /// Starts one on a port of its own, with further arguments.
    #[must_use]
    pub fn start(version: A2aVersion, more: &[&str]) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("a2a-peer");
        let (script, name) = match version {
            A2aVersion::V1 | A2aVersion::Both => ("peer_v1.py", "v1"),
            A2aVersion::V03 => ("peer_v03.py", "v03"),
        };
        let mut command =
            Command::new(a2a_peer_python(name, &folder.join(format!("requirements-{name}.txt"))));
        command.arg(folder.join(script)).args(more);
        if version == A2aVersion::Both {
            command.arg("--compat-v03");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let mut line = String::new();
        let output = child.stdout.take().expect("its output was asked for");
        BufReader::new(output).read_line(&mut line).expect("the agent says where it is");
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{command:?} said {line:?} instead of where it is: {error}"));
        Self { child, ready }
    }

    /// Gives its origin.
    #[must_use]
    pub fn url(&self) -> &str {
        self.ready["baseUrl"].as_str().expect("the agent says where it is")
    }

    /// Gives what a host's configuration says so that plugins may reach it.
    #[must_use]
    pub fn origin_table(&self) -> String {
        format!("[origins.\"{}\"]\n", self.url())
    }
}

impl Drop for A2aPeer {
    fn drop(&mut self) {
        // It ends when its input closes.
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
