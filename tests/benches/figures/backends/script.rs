//! What happens to an adapter in one run, as the contract and as the host have it.

use pointsman_model::plugin as host;
use pointsman_model::{Access, Message, Part, Speaker, Timestamp};
use pointsman_sdk::backend as guest;
use pointsman_sdk::rehearsal::a_task;
use serde_json::Value;

/// The one process of every adapter that has one.
pub(super) const PROCESS: u32 = 1;

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// The agent writes lines.
    Lines(Vec<String>),
    /// What it asks is allowed.
    Allowed(String),
    /// Its user answers.
    Answered,
    /// It ends well.
    Exited,
    /// A server answers.
    Head { id: u32, status: u16, headers: Vec<(String, String)> },
    /// It sends events.
    Events(u32, Vec<(Option<String>, String)>),
    /// It sends something else.
    Bytes(u32, Vec<u8>),
    /// It has said all.
    Ended(u32),
}

/// One run.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// The configuration.
    pub(super) config: Value,
    /// What happens.
    pub(super) steps: Vec<Step>,
}

impl Script {
    /// Gives the task as an adapter takes it.
    pub(super) fn guest_task(config: &Value) -> guest::Task {
        guest::Task { access: guest::Access::Full, config: config.to_string(), ..a_task("do it") }
    }

    /// Gives the same task as the host has it.
    pub(super) fn host_task(&self) -> host::Task {
        let task = Self::guest_task(&self.config);
        host::Task {
            run_id: task.run_id,
            session_id: task.session_id,
            agent_name: task.agent_name,
            started_at: Timestamp::from_millis(task.started_at),
            role: task.role,
            message: Message::text(Speaker::User, "do it"),
            instructions: None,
            cwd: task.cwd,
            access: Access::Full,
            output_schema: None,
            resume: None,
            mcp_servers: Vec::new(),
            config: self.config.clone(),
        }
    }

    /// Gives what happens, as the host has it.
    pub(super) fn host_inputs(&self) -> Vec<host::Stamped> {
        let stamped =
            |(at, step): (u64, &Step)| host::Stamped { at: Timestamp::from_millis(at), input: step.host() };
        (1..).zip(&self.steps).map(stamped).collect()
    }
}

impl Step {
    /// Gives it as an adapter takes it.
    pub(super) fn guest(&self) -> guest::Input {
        match self.clone() {
            Self::Lines(lines) => guest::Input::ProcessOutput(guest::Output {
                id: PROCESS,
                stream: guest::OutputStream::StandardOutput,
                lines,
                clipped: Vec::new(),
            }),
            Self::Allowed(id) => guest::Input::Permission((id, guest::Answer::Allow)),
            Self::Answered => guest::Input::Message(pointsman_sdk::types::Message::text(
                pointsman_sdk::types::Speaker::User,
                "yes",
            )),
            Self::Exited => guest::Input::ProcessExited(guest::Exited {
                id: PROCESS,
                exit: guest::Exit::Code(0),
                stderr_tail: String::new(),
            }),
            Self::Head { id, status, headers } => {
                guest::Input::ResponseHead(guest::ResponseHead { id, status, headers })
            }
            Self::Events(id, events) => {
                let event = |(name, data)| guest::ServerEvent { name, id: None, data };
                guest::Input::ResponseEvents((id, events.into_iter().map(event).collect()))
            }
            Self::Bytes(id, bytes) => guest::Input::ResponseBytes((id, bytes)),
            Self::Ended(id) => guest::Input::ResponseEnded(id),
        }
    }

    fn host(&self) -> host::Input {
        match self.clone() {
            Self::Lines(lines) => host::Input::ProcessOutput {
                id: PROCESS,
                stream: host::OutputStream::StandardOutput,
                lines,
                clipped: Vec::new(),
            },
            Self::Allowed(id) => host::Input::Permission(id, host::PermissionAnswer::Allow),
            Self::Answered => host::Input::Message(Message {
                speaker: Speaker::User,
                parts: vec![Part::Text { text: "yes".to_owned() }],
                metadata: None,
            }),
            Self::Exited => host::Input::ProcessExited {
                id: PROCESS,
                exit: host::Exit::Code(0),
                stderr_tail: String::new(),
            },
            Self::Head { id, status, headers } => host::Input::ResponseHead { id, status, headers },
            Self::Events(id, events) => {
                let event = |(name, data)| host::ServerEvent { name, id: None, data };
                host::Input::ResponseEvents(id, events.into_iter().map(event).collect())
            }
            Self::Bytes(id, bytes) => host::Input::ResponseBytes(id, bytes),
            Self::Ended(id) => host::Input::ResponseEnded(id),
        }
    }
}
