//! `pointsman profiles`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// List the profiles that can be named
    #[command(visible_alias = "ls")]
    List,
    /// Read a profile as a run in this directory would, and show what it says
    Show {
        /// Its name, or the path of a file
        profile: String,
    },
}
