//! The model server.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::NamedTempFile;

/// `tests/mock-model/mock-model.mjs`, running; it ends when this is dropped.
#[derive(Debug)]
pub struct MockModel {
    child: Child,
    port: u16,
    /// What it was asked, a line of JSON each.
    record: NamedTempFile,
}

impl MockModel {
    /// Starts one on a port of its own.
    #[must_use]
    pub fn start() -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mock-model/mock-model.mjs");
        let record = NamedTempFile::new().expect("a temporary file");
        let mut child = Command::new("node")
            .arg(&script)
            .arg("--record")
            .arg(record.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`node` has to be on the PATH, version 20 or later");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output was asked for");
        BufReader::new(output).read_line(&mut line).expect("the model server says its port");
        let port = line.trim().parse().unwrap_or_else(|_| {
            panic!("{} said {line:?} instead of its port", script.display());
        });
        Self { child, port, record }
    }

    /// Gives every request so far, one on each line.
    #[must_use]
    pub fn seen(&self) -> String {
        std::fs::read_to_string(self.record.path()).expect("the file is there as long as this is")
    }

    /// Gives where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Gives what `config.toml` in a `CODEX_HOME` says, so that Codex talks to this server and to nobody else.
    #[must_use]
    pub fn codex_config(&self) -> String {
        format!(
            r#"
            model = "gpt-5.5"
            model_provider = "mock"
            check_for_update_on_startup = false
            [model_providers.mock]
            name = "mock"
            base_url = "http://127.0.0.1:{}/v1"
            wire_api = "responses"
            env_key = "MOCK_MODEL_KEY"
            request_max_retries = 1
            stream_max_retries = 1
            stream_idle_timeout_ms = 10000
            [analytics]
            enabled = false
            [features]
            plugins = false
            "#,
            self.port
        )
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        // It ends when its input closes.
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
