//! What is handed to a backend.

use pointsman_model::plugin::{Exit, Input, OutputStream, PermissionAnswer, RequestFault, Stamped, Task};

use super::bindings::backend::exports::pointsman::plugin::backend as wit;
use super::types::{json, message};
use crate::intake::Fault;

pub(super) fn task(task: &Task) -> Result<wit::Task, Fault> {
    Ok(wit::Task {
        run_id: task.run_id.clone(),
        session_id: task.session_id.clone(),
        agent_name: task.agent_name.clone(),
        started_at: task.started_at.as_millis(),
        role: task.role.clone(),
        message: message(&task.message)?,
        instructions: task.instructions.clone(),
        cwd: task.cwd.clone(),
        access: task.access.into(),
        output_schema: task.output_schema.as_ref().map(json).transpose()?,
        resume: task.resume.as_ref().map(json).transpose()?,
        mcp_servers: task
            .mcp_servers
            .iter()
            .map(|server| wit::McpServer {
                name: server.name.clone(),
                command: server.command.clone(),
                args: server.args.clone(),
                pass_env: server.pass_env.clone(),
            })
            .collect(),
        config: json(&task.config)?,
    })
}

pub(super) fn stamped(stamped: &Stamped) -> Result<wit::Stamped, Fault> {
    Ok(wit::Stamped { at: stamped.at.as_millis(), input: input(&stamped.input)? })
}

fn input(input: &Input) -> Result<wit::Input, Fault> {
    Ok(match input {
        Input::ProcessOutput { id, stream, lines, clipped } => wit::Input::ProcessOutput(wit::Output {
            id: *id,
            stream: match stream {
                OutputStream::StandardOutput => wit::OutputStream::StandardOutput,
                OutputStream::StandardError => wit::OutputStream::StandardError,
            },
            lines: lines.clone(),
            clipped: clipped.clone(),
        }),
        Input::ProcessBytes(id, bytes) => wit::Input::ProcessBytes((*id, bytes.clone())),
        Input::ProcessExited { id, exit, stderr_tail } => wit::Input::ProcessExited(wit::Exited {
            id: *id,
            exit: match exit {
                Exit::Code(code) => wit::Exit::Code(*code),
                Exit::Signal(signal) => wit::Exit::Signal(*signal),
            },
            stderr_tail: stderr_tail.clone(),
        }),
        Input::ProcessFailed(id, text) => wit::Input::ProcessFailed((*id, text.clone())),
        Input::ResponseHead { id, status, headers } => {
            wit::Input::ResponseHead(wit::ResponseHead { id: *id, status: *status, headers: headers.clone() })
        }
        Input::ResponseEvents(id, events) => {
            let events = events.iter().map(|event| wit::ServerEvent {
                name: event.name.clone(),
                id: event.id.clone(),
                data: event.data.clone(),
            });
            wit::Input::ResponseEvents((*id, events.collect()))
        }
        Input::ResponseBytes(id, bytes) => wit::Input::ResponseBytes((*id, bytes.clone())),
        Input::ResponseEnded(id) => wit::Input::ResponseEnded(*id),
        Input::RequestFailed { id, fault, text } => wit::Input::RequestFailed(wit::FailedRequest {
            id: *id,
            fault: match fault {
                RequestFault::Unreachable => wit::RequestFault::Unreachable,
                RequestFault::Broken => wit::RequestFault::Broken,
                RequestFault::TimedOut => wit::RequestFault::TimedOut,
                RequestFault::TooLarge => wit::RequestFault::TooLarge,
                RequestFault::Redirected => wit::RequestFault::Redirected,
                RequestFault::Malformed => wit::RequestFault::Malformed,
            },
            text: text.clone(),
        }),
        Input::Timer(id) => wit::Input::Timer(*id),
        Input::Permission(id, answer) => wit::Input::Permission((id.clone(), permission_answer(answer)?)),
        Input::Message(said) => wit::Input::Message(message(said)?),
        Input::Cancel(text) => wit::Input::Cancel(text.clone()),
        Input::Refused { effect, id, leaf, reason } => wit::Input::Refused(wit::Refused {
            effect: effect.clone(),
            id: *id,
            leaf: leaf.clone(),
            reason: reason.clone(),
        }),
        Input::Extension(name, value) => wit::Input::Extension((name.clone(), json(value)?)),
    })
}

fn permission_answer(answer: &PermissionAnswer) -> Result<wit::Answer, Fault> {
    Ok(match answer {
        PermissionAnswer::Allow => wit::Answer::Allow,
        PermissionAnswer::AllowEdited(detail) => wit::Answer::AllowEdited(json(detail)?),
        PermissionAnswer::Deny(text) => wit::Answer::Deny(text.clone()),
        PermissionAnswer::Cancelled => wit::Answer::Cancelled,
    })
}
