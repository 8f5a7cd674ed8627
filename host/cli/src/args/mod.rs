//! The command line. The doc comments are the help.

mod a2a;
mod approvals;
mod approver;
mod audit;
mod plugin;
mod policy;
mod profiles;
mod run;
mod runs;
mod serve;
mod state;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use a2a::{A2aCommand, CardArgs, ServeArgs};
pub(crate) use approvals::ApprovalsCommand;
pub(crate) use approver::ApproverCommand;
pub(crate) use audit::{AuditCommand, AuditShowArgs};
pub(crate) use plugin::PluginCommand;
pub(crate) use policy::{ExplainArgs, PolicyCommand};
pub(crate) use profiles::ProfilesCommand;
pub(crate) use run::{OutputForm, RunArgs, ShowingArgs};
pub(crate) use runs::{EventsArgs, ListArgs, RevealArgs, RunTarget, RunsCommand};
pub(crate) use serve::{Attach, HostArgs};
pub(crate) use state::{ExportArgs, StateCommand};

use crate::exit::Exit;
use crate::terminal::ColorChoice;

/// Launches, follows, steers and stops coding agents for other agents, over MCP.
///
/// Every judgement is a sandboxed component: how an agent is driven, what of its events is kept, and what a person must
/// confirm first. Add it to a client with the command `pointsman serve`.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, propagate_version = true, after_long_help = Exit::HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Global {
    /// The configuration file; without it, the one in your configuration folder, if there is one
    #[arg(long, global = true, value_name = "FILE", env = "POINTSMAN_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve MCP on standard input and output; this is what a client starts
    #[command(visible_alias = "mcp")]
    Serve(HostArgs),
    /// Launch an agent, follow it and answer its questions, here in the terminal
    Run(Box<RunArgs>),
    /// Drive one run in the background; what `pointsman run --detach` starts
    #[command(name = "__detached", hide = true)]
    Detached,
    /// Look at runs, and end them
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Answer what waits for a person
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    /// Have answers need a secret that agents do not know
    #[command(subcommand)]
    Approver(ApproverCommand),
    /// Look at what was decided, by whom, and what came of it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Be an A2A agent for others, or look at theirs
    #[command(subcommand)]
    A2a(A2aCommand),
    /// Look into how requests are judged, and why
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Look at the components that are configured
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Look at the profiles that instruct agents
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Encrypt, export or look at what lies on the disk
    #[command(subcommand)]
    State(StateCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look at this machine: what is there, what is missing, and the line that mends it
    Doctor,
    /// Print completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a commented configuration: the reference
    Example,
    /// Read a configuration as the host would, and say what is wrong with it
    Check {
        /// The file; by default the one that the host would read
        file: Option<PathBuf>,
    },
    /// Print the JSON Schema of the configuration
    Schema,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
