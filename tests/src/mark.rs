//! Marks: finding every process that a test has started, however far it has gone away.

use std::fs;
use std::path::Path;

/// The variable in the environment of a host, which its supervisors inherit.
pub(crate) const HOST_VARIABLE: &str = "POINTSMAN_TEST_HOST";
/// The variable in the environment of agents, which all that they start inherits.
pub(crate) const AGENT_VARIABLE: &str = "POINTSMAN_TEST_AGENT";

/// A word in the environment of all processes of one test.
///
/// A process may change its session, its group and its parent; the environment it was started with stays readable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    word: String,
}

impl Mark {
    /// Makes a mark of a word that no other test uses.
    pub(crate) fn new(word: impl Into<String>) -> Self {
        Self { word: word.into() }
    }

    /// Gives the word.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }

    /// Describes agents that live, and whatever they started.
    #[must_use]
    pub fn agents(&self) -> Vec<String> {
        self.carriers(&[AGENT_VARIABLE])
    }

    /// Describes all processes that live: hosts, supervisors, agents.
    #[must_use]
    pub fn processes(&self) -> Vec<String> {
        self.carriers(&[HOST_VARIABLE, AGENT_VARIABLE])
    }

    /// Ends the test if an agent lives, or anything that one started.
    pub fn no_agent_left(&self) {
        let left = self.agents();
        assert!(left.is_empty(), "processes are left: {left:#?}");
    }

    /// Waits until nothing at all is left.
    pub fn wait_until_gone(&self) {
        crate::eventually("the end of all processes", || self.processes().is_empty().then_some(()));
    }

    fn carriers(&self, variables: &[&str]) -> Vec<String> {
        let marks: Vec<String> =
            variables.iter().map(|variable| format!("{variable}={}", self.word)).collect();
        let carries = |process: &Path| {
            // Of a process that has ended, only its number and its status are left: this is empty then.
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| marks.iter().any(|mark| mark.as_bytes() == entry))
        };
        let entries = fs::read_dir("/proc").expect("/proc is where processes are found").flatten();
        let numbered =
            entries.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
        numbered
            .map(|entry| entry.path())
            .filter(|process| carries(process))
            .map(|process| {
                let line = fs::read(process.join("cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                format!("{}: {}", process.display(), line.trim_end())
            })
            .collect()
    }
}
