//! The contract with plugins as plain data, whatever version of it a plugin was built for.
//!
//! `wit/` says what each item means; these are the same words. A face in `host/sandbox` maps each version of the
//! contract to these types, so nothing else in the host knows that there are versions.

mod about;

use std::fmt;

use serde_json::Value;

use crate::{Access, Answer as PersonsAnswer, Message, Timestamp};

pub use about::{About, Description, Feature, TestedProgram};

/// What a run is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The run.
    pub run_id: String,
    /// Its session.
    pub session_id: String,
    /// The name by which other agents know the session.
    pub agent_name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// A label.
    pub role: String,
    /// What is said to the agent.
    pub message: Message,
    /// Text of the profile.
    pub instructions: Option<String>,
    /// Absolute path that the agent works in.
    pub cwd: String,
    /// How much it may touch.
    pub access: Access,
    /// JSON Schema of the final answer.
    pub output_schema: Option<Value>,
    /// What an earlier run asked to remember.
    pub resume: Option<Value>,
    /// Servers of the Model Context Protocol that the agent is to have.
    pub mcp_servers: Vec<McpServer>,
    /// The plugin's configuration for this run.
    pub config: Value,
}

/// A server of the Model Context Protocol that an agent is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// By which the agent knows it.
    pub name: String,
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of the agent's own environment that it needs.
    pub pass_env: Vec<String>,
}

/// Names a process, a request or a timer of one run.
pub type HandleId = u32;

/// How bytes are cut into inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// At line ends.
    Lines,
    /// As server-sent events.
    Sse,
    /// As they come.
    Bytes,
}

/// What becomes of standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorStream {
    /// Only its end is kept.
    Tail,
    /// Handed over line by line as well.
    Lines,
}

/// A text, or the name of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOr {
    /// A text that the plugin knows.
    Plain(String),
    /// A secret's name.
    Secret(String),
}

/// An argument of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Plain(String),
    /// The path of a file with this content.
    File {
        /// The last component of its path.
        name: String,
        /// What stands in it.
        content: Vec<u8>,
    },
}

/// A program to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its handle.
    pub id: HandleId,
    /// Its id in the operator's table.
    pub program: String,
    /// Its arguments.
    pub args: Vec<Argument>,
    /// Further variables.
    pub env: Vec<(String, SecretOr)>,
    /// How its output is cut.
    pub framing: Framing,
    /// What becomes of its standard error.
    pub errors: ErrorStream,
}

/// How firmly a process is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// As Ctrl-C.
    Interrupt,
    /// As a shutdown.
    Terminate,
    /// At once.
    Kill,
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its handle.
    pub id: HandleId,
    /// `GET`, `POST`, …
    pub method: String,
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, SecretOr)>,
    /// Its body.
    pub body: Option<Vec<u8>>,
    /// How the response is cut.
    pub framing: Framing,
    /// How long silence is borne.
    pub idle_timeout_ms: Option<u32>,
    /// How long the whole may take.
    pub total_timeout_ms: Option<u32>,
}

/// Why a request came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// No connection could be made.
    Unreachable,
    /// The connection broke before the response had ended.
    Broken,
    /// Nothing came for too long, or the whole took too long.
    TimedOut,
    /// More came than the host takes.
    TooLarge,
    /// The server sent to another origin.
    Redirected,
    /// What came is not what its framing promised.
    Malformed,
}

/// An agent's wish to use a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Permission {
    /// The plugin's id of the question.
    pub id: String,
    /// The item it belongs to.
    pub item: Option<String>,
    /// `command`, `edit`, `read`, `fetch`, `tool` or `other`.
    pub kind: String,
    /// One line for people.
    pub title: String,
    /// The exact thing.
    pub detail: Value,
    /// Whether the answer may put another input in its place.
    pub editable: bool,
}

/// The answer to a [`Permission`].
#[derive(Debug, Clone, PartialEq)]
pub enum PermissionAnswer {
    /// Go ahead.
    Allow,
    /// Go ahead with this input in its place.
    AllowEdited(Value),
    /// No, and what the agent should be told.
    Deny(String),
    /// Nobody will answer.
    Cancelled,
}

impl From<PersonsAnswer> for PermissionAnswer {
    fn from(answer: PersonsAnswer) -> Self {
        match answer {
            PersonsAnswer::Allow { .. } => Self::Allow,
            PersonsAnswer::AllowEdited { input } => Self::AllowEdited(input),
            PersonsAnswer::Deny { feedback } => {
                Self::Deny(feedback.unwrap_or_else(|| "a person denied it".to_owned()))
            }
        }
    }
}

/// Why an agent cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InterruptionKind {
    /// It wants a further message.
    Input,
    /// It wants its user to authorize something.
    Auth,
}

/// The agent cannot go on without its user.
#[derive(Debug, Clone, PartialEq)]
pub struct Interruption {
    /// Why.
    pub kind: InterruptionKind,
    /// What it says.
    pub text: String,
    /// More of it.
    pub detail: Option<Value>,
}

/// How a plugin says that its run ended; [`crate::Outcome`] is what the host makes of it.
pub use crate::Outcome;

/// An event as a plugin makes it: nothing of it has been trusted yet but its size and that `data` is an object.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginEvent {
    /// The kind, unchecked.
    pub kind: String,
    /// Pairs events.
    pub item: Option<String>,
    /// The content.
    pub data: serde_json::Map<String, Value>,
}

/// What a plugin asks its host to do.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the words are those of the contract in wit/backend.wit")]
pub enum Effect {
    Emit(PluginEvent),
    StartProcess(Process),
    WriteProcess(HandleId, Vec<u8>),
    CloseInput(HandleId),
    StopProcess(HandleId, Stop),
    SendRequest(Request),
    AbortRequest(HandleId),
    SetTimer(HandleId, u32),
    ClearTimer(HandleId),
    AskPermission(Permission),
    WithdrawPermission(String),
    AwaitInput(Interruption),
    Remember(Value),
    Finish(Outcome),
    Extension(String, Value),
}

impl Effect {
    /// Gives the effect's name as in `wit/backend.wit`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Emit(_) => "emit",
            Self::StartProcess(_) => "start-process",
            Self::WriteProcess(..) => "write-process",
            Self::CloseInput(_) => "close-input",
            Self::StopProcess(..) => "stop-process",
            Self::SendRequest(_) => "send-request",
            Self::AbortRequest(_) => "abort-request",
            Self::SetTimer(..) => "set-timer",
            Self::ClearTimer(_) => "clear-timer",
            Self::AskPermission(_) => "ask-permission",
            Self::WithdrawPermission(_) => "withdraw-permission",
            Self::AwaitInput(_) => "await-input",
            Self::Remember(_) => "remember",
            Self::Finish(_) => "finish",
            Self::Extension(..) => "extension",
        }
    }
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    StandardOutput,
    /// Standard error.
    StandardError,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words are those of the contract in wit/backend.wit")]
pub struct ServerEvent {
    pub name: Option<String>,
    pub id: Option<String>,
    pub data: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the words are those of the contract in wit/backend.wit")]
pub enum Input {
    ProcessOutput { id: HandleId, stream: OutputStream, lines: Vec<String>, clipped: Vec<u32> },
    ProcessBytes(HandleId, Vec<u8>),
    ProcessExited { id: HandleId, exit: Exit, stderr_tail: String },
    ProcessFailed(HandleId, String),
    ResponseHead { id: HandleId, status: u16, headers: Vec<(String, String)> },
    ResponseEvents(HandleId, Vec<ServerEvent>),
    ResponseBytes(HandleId, Vec<u8>),
    ResponseEnded(HandleId),
    RequestFailed { id: HandleId, fault: RequestFault, text: String },
    Timer(HandleId),
    Permission(String, PermissionAnswer),
    Message(Message),
    Cancel(String),
    Refused { effect: String, id: Option<HandleId>, leaf: String, reason: String },
    Extension(String, Value),
}

/// What happened, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Stamped {
    /// When.
    pub at: Timestamp,
    /// What.
    pub input: Input,
}

/// What a sanitizer makes of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Sanitized {
    /// Stays as it is.
    Keep,
    /// Becomes this.
    Rewrite {
        /// The new data.
        data: serde_json::Map<String, Value>,
        /// What was taken out.
        artifacts: Vec<crate::SpilledValue>,
    },
    /// Is not stored, for this reason.
    Drop(String),
}

/// Something wrong with a policy's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it is about.
    pub rule: Option<String>,
    /// What is wrong and what would help.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "rule {rule}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
