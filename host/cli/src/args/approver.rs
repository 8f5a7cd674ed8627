//! `pointsman approver`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ApproverCommand {
    /// Set the secret that answers need, or another one: you type it at the terminal, twice
    Set,
    /// Say whether answers need a secret
    Status,
    /// Remove the secret; you type it once more
    Clear,
}
