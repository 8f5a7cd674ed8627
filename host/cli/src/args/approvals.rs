//! `pointsman approvals`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for an answer, newest first
    #[command(visible_alias = "ls")]
    List {
        /// List what was answered or has lapsed, too
        #[arg(long)]
        all: bool,
    },
    /// Show exactly what is asked
    Show(ApprovalTarget),
    /// Allow it, once
    Allow {
        #[command(flatten)]
        approval: ApprovalTarget,
        /// Allow it with another input of the agent's tool, where the question is editable: JSON, `@FILE`, or `@-` for
        /// standard input
        #[arg(long, value_name = "JSON|@FILE")]
        input: Option<String>,
    },
    /// Deny it
    Deny {
        #[command(flatten)]
        approval: ApprovalTarget,
        /// What whoever launched the run should know
        #[arg(long, short = 'm', value_name = "TEXT")]
        message: Option<String>,
    },
}

/// Which question.
#[derive(Debug, Args)]
pub(crate) struct ApprovalTarget {
    /// The question's id or the first characters of it
    #[arg(value_name = "APPROVAL")]
    pub(crate) approval: String,
}
