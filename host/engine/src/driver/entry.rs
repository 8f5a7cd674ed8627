//! This host as a server of its own agents: the entry that they are handed, and their calls of it.

use pointsman_model::plugin::McpServer;
use serde_json::Value;

use super::Driver;
use super::raise::{RUN_ID, RUN_TOKEN};
use crate::Entry;

/// By which agents know the server.
const NAME: &str = "pointsman";

impl Driver {
    /// Gives the servers that a backend's agents are to have: this host's own, if the operator says so.
    pub(super) fn handed_out(&self, backend: &str) -> Vec<McpServer> {
        let Some(entry) = self.entry(backend) else { return Vec::new() };
        let mut args = entry.args.clone();
        args.extend(["--host".to_owned(), self.parts.id.to_string()]);
        vec![McpServer {
            name: NAME.to_owned(),
            command: entry.command.clone(),
            args,
            pass_env: [RUN_ID, RUN_TOKEN].map(str::to_owned).to_vec(),
        }]
    }

    fn entry(&self, backend: &str) -> Option<&Entry> {
        self.parts.settings.entry.as_ref().filter(|entry| entry.backends.contains(backend))
    }

    /// Says whether an agent asks for a tool of the server that it was handed in this launch. Its name alone says nothing:
    /// where nothing was handed out, a server of that name is somebody else's.
    pub(super) fn asks_for_own_tool(&self, backend: &str, asked: &Value) -> bool {
        let word = |name: &str| asked["detail"][name].as_str();
        // Only tools that there are: names that agents put together (`server__tool`) can be taken apart in two ways.
        let known = |entry: &Entry| word("tool").is_some_and(|tool| entry.tools.contains(tool));
        asked["kind"] == "tool" && word("server") == Some(NAME) && self.entry(backend).is_some_and(known)
    }
}
