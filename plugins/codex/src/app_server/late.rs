//! Ends that codex tells late, or not at all.
//!
//! A command's end may come after its turn's, and the sandbox's no to a command may have none. What the model was told
//! of the command comes in time.

use std::collections::BTreeMap;

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value};

use super::wire::text;
use crate::open::OpenItems;

/// What the model was told of commands that have not ended otherwise.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<String, Ended>);

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
struct Ended {
    exit_code: i64,
    output: String,
}

impl Results {
    /// Takes what the model is told.
    pub(super) fn told(&mut self, item: &Map<String, Value>, open: &OpenItems) {
        if let (Some("function_call_output"), Some(call), Some(output)) =
            (text(item, "type"), text(item, "call_id"), text(item, "output"))
            && open.is_open(call)
            && let Some(ended) = ended(output)
        {
            self.0.insert(call.to_owned(), ended);
        }
    }

    /// Ends those commands that are known to have ended.
    pub(super) fn close(&mut self, open: &mut OpenItems, effects: &mut Effects) {
        for (call, Ended { exit_code, output }) in std::mem::take(&mut self.0) {
            let Some(data) = open.get(&call).cloned() else { continue };
            open.end(&call);
            let status = if exit_code == 0 { "completed" } else { "failed" };
            effects.emit(
                Draft::new(kind::COMMAND_FINISHED)
                    .item(call)
                    .fields(data)
                    .field("status", status)
                    .field("exit_code", exit_code)
                    .field("output", output),
            );
        }
    }
}

/// Reads how a command ended, if it did.
fn ended(output: &str) -> Option<Ended> {
    let (head, output) = output.split_once("\nOutput:\n")?;
    let code = head.lines().find_map(|line| line.strip_prefix("Process exited with code "))?;
    Some(Ended { exit_code: code.trim().parse().ok()?, output: output.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read() {
        let said = "Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 1\nOriginal token count: 1\nOutput:\na\nb";
        assert_eq!(ended(said), Some(Ended { exit_code: 1, output: "a\nb".to_owned() }));
        assert_eq!(ended("Process running with session ID 7\nOutput:\nProcess exited with code 1"), None);
        assert_eq!(ended("exec_command failed: Rejected"), None);
    }
}
