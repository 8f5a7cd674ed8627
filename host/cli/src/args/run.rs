//! `pointsman run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pointsman_model::{Access, Role};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The kind of agent; `pointsman plugin list` shows which there are. `-` for the one that the profile names
    #[arg(value_name = "BACKEND")]
    pub(crate) backend: String,
    /// What to do; piped standard input is added to it as a second part, or stands in its place
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: Option<String>,
    /// A file that is added to the prompt instead of standard input; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) input_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) showing: ShowingArgs,

    /// Leave the run to a host of its own in the background, print its id, and come back at once
    #[arg(long, conflicts_with_all = ["follow", "quiet", "unattended"])]
    pub(crate) detach: bool,
    /// Nobody is there to answer: a run that asks for anything is cancelled, with exit status 7
    #[arg(long)]
    pub(crate) unattended: bool,
}

/// What the run is like.
#[derive(Debug, Args)]
#[command(next_help_heading = "The run")]
pub(crate) struct TaskArgs {
    /// A text that instructs the agent: the name of a profile, or the path of a file below DIR or a profile root
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) profile: Option<String>,
    /// A JSON Schema that the final answer must satisfy; the answer is then printed as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// Where the agent works
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) cwd: PathBuf,
    /// How much the agent may touch: read-only, workspace-write or full
    #[arg(long, value_name = "ACCESS", value_parser = access())]
    pub(crate) access: Option<Access>,
    /// A label: planner, worker or reviewer
    #[arg(long, value_name = "ROLE", value_parser = role())]
    pub(crate) role: Option<Role>,
    /// The agent's name, unique in DIR; else agentN
    #[arg(long, value_name = "NICKNAME", conflicts_with = "resume")]
    pub(crate) name: Option<String>,
    /// Go on with a session: its id, a run of it, or the agent's name
    #[arg(long, value_name = "SESSION")]
    pub(crate) resume: Option<String>,
    /// Kept with the run: KEY=TEXT, or a JSON object; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) metadata: Vec<String>,
    /// The backend's own setting: KEY=JSON, KEY=TEXT, or a JSON object; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) backend_config: Vec<String>,
}

/// What is shown of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is shown")]
pub(crate) struct ShowingArgs {
    /// Tell what the agent does as it happens, even where standard error is no terminal
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
    /// Tell nothing on the way but questions
    #[arg(long, short = 'q', conflicts_with = "follow")]
    pub(crate) quiet: bool,
    /// What is printed on standard output; everything else goes to standard error
    #[arg(long, short = 'o', value_name = "FORM", value_enum)]
    pub(crate) output: Option<OutputForm>,
}

/// What is printed of a run on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// The agent's final answer
    Text,
    /// The run's record as one JSON object when it is over; the same as --json
    Json,
    /// Every event as a line of JSON as it happens, and the record as the last line
    Jsonl,
}

fn access() -> impl clap::builder::TypedValueParser<Value = Access> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    let words = [Access::ReadOnly, Access::WorkspaceWrite, Access::Full].map(Access::as_str);
    PossibleValuesParser::new(words).try_map(|word| word.parse::<Access>())
}

fn role() -> impl clap::builder::TypedValueParser<Value = Role> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    const ROLES: [Role; 3] = [Role::Planner, Role::Worker, Role::Reviewer];
    PossibleValuesParser::new(ROLES.map(Role::as_str)).try_map(|word| {
        ROLES.into_iter().find(|role| role.as_str() == word).ok_or_else(|| format!("no such role: {word}"))
    })
}
