//! What is wrong with a file of rules, and where.

use crate::contract::Finding;

/// How many findings one load reports; whoever fixes these will see the rest.
pub(crate) const MOST_FINDINGS: usize = 50;

/// One thing that is wrong with a file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The rule that it is about, if it has an id.
    pub(crate) rule: Option<String>,
    /// The line in the file, from 1.
    pub(crate) line: Option<usize>,
    /// What is wrong, and what would help.
    pub(crate) text: String,
}

impl Problem {
    /// Names what is wrong at a line.
    pub(crate) fn at(rule: Option<&str>, line: usize, text: impl Into<String>) -> Self {
        Self { rule: rule.map(str::to_owned), line: Some(line), text: text.into() }
    }

    /// Names what is wrong with the file as a whole.
    pub(crate) fn of_file(text: impl Into<String>) -> Self {
        Self { rule: None, line: None, text: text.into() }
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        let text = match problem.line {
            Some(line) => format!("line {line}: {}", problem.text),
            None => problem.text,
        };
        Self { rule: problem.rule, text }
    }
}

/// Turns byte offsets of a text into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Where each line starts.
    starts: Vec<usize>,
}

impl Lines {
    /// Notes where the lines of a text start.
    pub(crate) fn of(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { starts }
    }

    /// Gives the line of an offset, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }
}

/// Shortens a text for a message, on a character boundary.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
