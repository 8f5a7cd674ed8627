//! What the program's exit status means.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What the program's exit status means. Scripts rely on the numbers, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It was done.
    Ok = 0,
    /// It could not be done.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration makes no sense.
    Configuration = 3,
    /// There is no such run, approval or plugin.
    NotFound = 4,
    /// The run failed or was rejected.
    RunFailed = 5,
    /// The run was cancelled.
    RunCancelled = 6,
    /// The run waits for somebody: an approval, an answer or an authorization.
    NeedsSomebody = 7,
    /// A defect of Pointsman itself.
    Internal = 8,
}

impl Exit {
    /// The table that `--help` prints.
    pub(crate) const HELP: &str = "\
Exit status:
  0  it was done
  1  it could not be done
  2  the command line makes no sense
  3  the configuration makes no sense
  4  there is no such run, approval or plugin
  5  the run failed or was rejected
  6  the run was cancelled
  7  the run waits for somebody
  8  a defect of pointsman itself";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_every_status() {
        use Exit::{
            Configuration, Error, Internal, NeedsSomebody, NotFound, Ok, RunCancelled, RunFailed, Usage,
        };
        let all =
            [Ok, Error, Usage, Configuration, NotFound, RunFailed, RunCancelled, NeedsSomebody, Internal];
        let lines: Vec<_> = Exit::HELP.lines().skip(1).collect();
        assert_eq!(lines.len(), all.len());
        for (line, exit) in lines.iter().zip(all) {
            assert!(line.starts_with(&format!("  {}  ", exit as u8)), "{line}");
        }
    }
}
