//! `pointsman a2a`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use pointsman_model::Access;

#[derive(Debug, Subcommand)]
pub(crate) enum A2aCommand {
    /// Publish a backend as an A2A agent
    Serve(ServeArgs),
    /// Fetch the card of an agent elsewhere, explain it, and print what reaching that agent takes
    Card(CardArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CardArgs {
    /// The agent's address, or that of its card
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// A header to send along; may be given again
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) header: Vec<String>,
    /// The environment variable that holds a bearer token
    #[arg(long, value_name = "VAR")]
    pub(crate) token_env: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The backend that does the work
    #[arg(long, value_name = "BACKEND")]
    pub(crate) backend: String,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Where tasks work whose first message names no directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) cwd: PathBuf,
    /// Work there whatever a message says: for clients on other machines, whose folders are not this one's
    #[arg(long)]
    pub(crate) fixed_cwd: bool,
    /// What the agent may touch: read-only, workspace-write or full
    #[arg(long, value_name = "ACCESS", default_value_t = Access::default())]
    pub(crate) access: Access,
    /// What the agent calls itself; by default the backend's name
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The name of a profile that instructs the agent
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Let whoever holds the token that is made answer permissions as a person would
    #[arg(long)]
    pub(crate) answers_approvals: bool,
    /// Let anybody in who reaches the address
    #[arg(long)]
    pub(crate) no_auth: bool,
}
