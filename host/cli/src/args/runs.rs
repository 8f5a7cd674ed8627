//! `pointsman runs`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pointsman_model::Status;

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Show what is known of a run
    Show(RunTarget),
    /// Print the events of a run
    Events(EventsArgs),
    /// Show what stood in an event before secrets were taken out, where the operator has it kept; to a person alone
    Reveal(RevealArgs),
    /// Print the answer of a run; the exit status says how the run ended
    Result(RunTarget),
    /// Say something to a run that asks its user, or that takes messages while it works
    Continue {
        #[command(flatten)]
        run: RunTarget,
        /// What is said
        #[arg(value_name = "MESSAGE", required_unless_present_any = ["answer", "secret_answer"])]
        message: Option<String>,
        /// The answer to one of several questions, by the question's id; given again for another, or for another choice
        #[arg(long, value_name = "ID=TEXT", value_parser = answer)]
        answer: Vec<(String, String)>,
        /// The id of a question whose answer is a secret: it is asked for here, at the terminal, and not shown
        #[arg(long, value_name = "ID")]
        secret_answer: Vec<String>,
    },
    /// End a run and every process of it
    Cancel {
        #[command(flatten)]
        run: RunTarget,
        /// Why, for whoever launched it
        #[arg(long, value_name = "TEXT", default_value = "cancelled from the command line")]
        reason: String,
    },
    /// Take over the run folders that an older server left in a working directory
    Import {
        /// The working directory that holds `.nanobot-orchestrator`
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
}

/// Which run.
#[derive(Debug, Args)]
pub(crate) struct RunTarget {
    /// The run's id or the first characters of it, or an agent's name for its newest run
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Narrow an agent's name to this working directory
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only runs with this status
    #[arg(long, value_name = "STATUS", value_parser = status())]
    pub(crate) status: Option<Status>,
    /// Only runs of this backend
    #[arg(long, value_name = "NAME")]
    pub(crate) backend: Option<String>,
    /// Only runs in this working directory
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Go on where the page before ended: the value it named
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) run: RunTarget,
    /// Only events after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub(crate) after: u64,
    /// Stay, and print events as they come, until the run is over
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevealArgs {
    #[command(flatten)]
    pub(crate) run: RunTarget,
    /// The event's number, as `pointsman runs events` prints it
    #[arg(value_name = "SEQ")]
    pub(crate) seq: u64,
}

fn status() -> impl clap::builder::TypedValueParser<Value = Status> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .try_map(|word| Status::from_word(&word).ok_or_else(|| format!("no such status: {word}")))
}

fn answer(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((id, text)) if !id.is_empty() => Ok((id.to_owned(), text.to_owned())),
        _ => Err("ID=TEXT is wanted".to_owned()),
    }
}
