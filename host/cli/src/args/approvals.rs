//! `pointsman approvals`.

use clap::{Args, Subcommand, ValueEnum};
use pointsman_model::Scope;

use crate::config::TextDuration;

#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    /// List what waits for an answer, newest first; the same request of several runs on one line
    #[command(visible_alias = "ls")]
    List {
        /// List what was answered or has lapsed, too
        #[arg(long)]
        all: bool,
        /// List what was allowed and still holds instead: it can be revoked
        #[arg(long, conflicts_with = "all")]
        approved: bool,
        /// List only what this run asks: its id or the first characters of it
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
    /// Show exactly what is asked
    Show(ApprovalTarget),
    /// Allow it: once, or also whenever exactly the same is asked again
    Allow {
        #[command(flatten)]
        approval: ApprovalTarget,
        /// How far that reaches; policies may set bounds
        #[arg(long, value_enum, default_value = "once")]
        scope: Reach,
        /// How long the scopes `run` and `session` last: `30m`, `2h`. Needed with `session`
        #[arg(long, value_name = "DURATION")]
        until: Option<TextDuration>,
        /// Answer every open question that is exactly the same, each for its own run
        #[arg(long)]
        alike: bool,
        /// Allow it with another input of the agent's tool, where the question is editable: JSON, `@FILE`, or `@-` for
        /// standard input
        #[arg(long, value_name = "JSON|@FILE", conflicts_with_all = ["scope", "until", "alike"])]
        input: Option<String>,
    },
    /// Deny it
    Deny {
        #[command(flatten)]
        approval: ApprovalTarget,
        /// Answer every open question that is exactly the same
        #[arg(long)]
        alike: bool,
        /// What whoever launched the run should know
        #[arg(long, short = 'm', value_name = "TEXT")]
        message: Option<String>,
    },
    /// Take back what was allowed: a launch that has not begun is asked about anew, and so is what an answer with
    /// --scope covered
    Revoke(ApprovalTarget),
}

/// How far an allowance reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reach {
    /// This one time
    Once,
    /// The same request again, in the same run
    Run,
    /// The same request again, in any run of its session
    Session,
}

impl From<Reach> for Scope {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Once => Self::Once,
            Reach::Run => Self::Run,
            Reach::Session => Self::Session,
        }
    }
}

/// Which question.
#[derive(Debug, Args)]
pub(crate) struct ApprovalTarget {
    /// The question's id or the first characters of it
    #[arg(value_name = "APPROVAL")]
    pub(crate) approval: String,
}
