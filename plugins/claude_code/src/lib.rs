//! Backend: drives the Claude Code CLI.

use pointsman_sdk::backend::{About, Adapter, Effects, Features, Input, Task, Timestamp};
use pointsman_sdk::types::Description;

/// A run.
#[derive(Debug)]
pub struct ClaudeCode;

impl Adapter for ClaudeCode {
    fn describe() -> About {
        About {
            common: Description {
                name: "claude_code".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Drives the Claude Code CLI over its stdio control protocol.".to_owned(),
                config_schema: r#"{"type": "object"}"#.to_owned(),
                requests: Vec::new(),
            },
            features: Features::empty(),
            tested: Vec::new(),
        }
    }

    fn start(_task: Task, _effects: &mut Effects) -> Result<Self, String> {
        Err("this backend is on its way".to_owned())
    }

    fn handle(&mut self, _input: Input, _at: Timestamp, _effects: &mut Effects) -> Result<(), String> {
        Ok(())
    }
}

pointsman_sdk::export_backend!(ClaudeCode);
