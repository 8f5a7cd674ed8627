//! `pointsman serve`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pointsman_model::HostId;

#[derive(Debug, Clone, Args)]
pub(crate) struct HostArgs {
    /// Attach to a host that runs already instead of being one: its runs and approvals are shared with its other clients
    #[arg(
        long, value_name = "WHEN", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "running"
    )]
    pub(crate) attach: Option<Attach>,
    /// Attach to this host; without it an agent attaches to the host that drives its run, anybody else to the newest
    #[arg(long, value_name = "HOST", requires = "attach")]
    pub(crate) host: Option<HostId>,
    /// Look for hosts in this state folder instead of the configured one
    #[arg(long, value_name = "DIR", requires = "attach", hide = true)]
    pub(crate) state: Option<PathBuf>,
    /// Serve nobody on standard input and output, only clients that attach, until told to end
    #[arg(long, conflicts_with = "attach")]
    pub(crate) socket_only: bool,
    /// Stay when the client on standard input has gone, until those that attached have gone as well
    #[arg(long, conflicts_with_all = ["attach", "socket_only"])]
    pub(crate) stay: bool,
}

/// What if no host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Attach {
    /// Attach to a host that runs, or fail
    Running,
    /// Attach to a host that runs, or be one
    Auto,
}
