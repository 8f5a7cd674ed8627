//! `pointsman policy`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::RunTarget;

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// List the modules that judge, first to last: what they judge by, and what is wrong with it
    #[command(visible_alias = "ls")]
    List,
    /// Explain a ruling: every rule that matches, and which one decides
    Explain(ExplainArgs),
    /// Read a file of rules as the host would, and say what is wrong with it
    Check {
        /// The file
        rules: PathBuf,
    },
    /// Run the examples of a file of rules, and count those that hold
    Test {
        /// The file
        rules: PathBuf,
    },
    /// Ask a file of rules alone, and print its ruling
    Eval {
        /// The file
        rules: PathBuf,
        /// The question as JSON: a file, or `-` for standard input
        question: String,
    },
}

/// What is to be explained.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A question as JSON: a file, or `-` for standard input. Left out keys are those of a spawn by this user
    #[arg(value_name = "QUESTION", required_unless_present = "run", conflicts_with = "run")]
    pub(crate) question: Option<String>,
    /// What was asked about this run, word for word, by the rules of now
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Of that run, the question to a person with this id, or the first characters of it
    #[arg(long, value_name = "APPROVAL", requires = "run")]
    pub(crate) approval: Option<String>,
}

impl ExplainArgs {
    /// Gives the run that is meant, if one is.
    pub(crate) fn target(&self) -> Option<RunTarget> {
        Some(RunTarget { run: self.run.clone()?, cwd: None })
    }
}
