//! `pointsman state`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum StateCommand {
    /// Say how the state is stored, which key it takes and which one is configured
    Info,
    /// Make a key where [state.encryption] says that it is read
    NewKey,
    /// Encrypt what agents were told and what they did, with the configured key; goes on if it was interrupted
    Encrypt,
    /// Decrypt it again; goes on if it was interrupted
    Decrypt,
    /// Change from `previous_key` to `key`; goes on if it was interrupted
    Rekey {
        /// Also encrypt everything anew: for when the state was copied by somebody who had the old key
        #[arg(long)]
        data_key: bool,
    },
    /// Write everything out in clear, as lines of JSON
    Export(ExportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Only this run: its id, the first characters of it, or the name of its agent
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Where agents of the same name are told apart: the directory of the one meant
    #[arg(long, value_name = "DIR", requires = "run")]
    pub(crate) cwd: Option<PathBuf>,
    /// Also what is never shown otherwise: the backends' settings, and what secrets were taken out of
    #[arg(long)]
    pub(crate) sealed: bool,
    /// A new file that only you can read, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
