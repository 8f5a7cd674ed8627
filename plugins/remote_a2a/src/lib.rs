//! Backend: an agent elsewhere, by A2A.

use pointsman_sdk::backend::{About, Adapter, Effects, Features, Input, Task, Timestamp};
use pointsman_sdk::types::Description;

/// A run.
#[derive(Debug)]
pub struct RemoteA2a;

impl Adapter for RemoteA2a {
    fn describe() -> About {
        About {
            common: Description {
                name: "remote_a2a".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Speaks to an agent elsewhere by A2A 1.0 or 0.3.".to_owned(),
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

pointsman_sdk::export_backend!(RemoteA2a);
