//! What a backend returns.

use pointsman_model::plugin::{
    Argument, Effect, ErrorStream, Framing, Interruption, InterruptionKind, Permission, PluginEvent, Process,
    Request, SecretOr, Stop,
};
use pointsman_model::{Ending, Failure, Outcome, Status, Usage};

use super::bindings::backend::exports::pointsman::plugin::backend as wit;
use super::bindings::types;
use crate::intake::{Fault, Intake};

pub(super) fn effects(effects: Vec<wit::Effect>, intake: &mut Intake<'_>) -> Result<Vec<Effect>, Fault> {
    intake.effects(effects.len())?;
    effects.into_iter().map(|each| effect(each, intake)).collect()
}

fn effect(effect: wit::Effect, intake: &mut Intake<'_>) -> Result<Effect, Fault> {
    Ok(match effect {
        wit::Effect::Emit(emitted) => Effect::Emit(event(emitted, intake)?),
        wit::Effect::StartProcess(started) => Effect::StartProcess(process(started, intake)?),
        wit::Effect::WriteProcess((id, bytes)) => Effect::WriteProcess(id, bytes),
        wit::Effect::CloseInput(id) => Effect::CloseInput(id),
        wit::Effect::StopProcess((id, stop)) => Effect::StopProcess(
            id,
            match stop {
                wit::Stop::Interrupt => Stop::Interrupt,
                wit::Stop::Terminate => Stop::Terminate,
                wit::Stop::Kill => Stop::Kill,
            },
        ),
        wit::Effect::SendRequest(sent) => Effect::SendRequest(request(sent, intake)?),
        wit::Effect::AbortRequest(id) => Effect::AbortRequest(id),
        wit::Effect::SetTimer((id, millis)) => Effect::SetTimer(id, millis),
        wit::Effect::ClearTimer(id) => Effect::ClearTimer(id),
        wit::Effect::AskPermission(asked) => Effect::AskPermission(Permission {
            detail: intake.json(&asked.detail, "detail of ask-permission")?,
            id: asked.id,
            item: asked.item,
            kind: asked.kind,
            title: asked.title,
            editable: asked.editable,
        }),
        wit::Effect::WithdrawPermission(id) => Effect::WithdrawPermission(id),
        wit::Effect::AwaitInput(awaited) => Effect::AwaitInput(Interruption {
            kind: match awaited.kind {
                wit::InterruptionKind::Input => InterruptionKind::Input,
                wit::InterruptionKind::Auth => InterruptionKind::Auth,
            },
            detail: intake.optional_json(awaited.detail.as_deref(), "detail of await-input")?,
            text: awaited.text,
        }),
        wit::Effect::Remember(text) => Effect::Remember(intake.json(&text, "remember")?),
        wit::Effect::Finish(ended) => Effect::Finish(outcome(ended, intake)?),
        wit::Effect::Extension((name, text)) => {
            let value = intake.json(&text, "extension")?;
            Effect::Extension(name, value)
        }
    })
}

fn event(event: types::Event, intake: &mut Intake<'_>) -> Result<PluginEvent, Fault> {
    let data = intake.object(&event.data, "data of an event")?;
    Ok(PluginEvent { kind: event.kind, item: event.item, data })
}

fn framing(framing: wit::Framing) -> Framing {
    match framing {
        wit::Framing::Lines => Framing::Lines,
        wit::Framing::Sse => Framing::Sse,
        wit::Framing::Bytes => Framing::Bytes,
    }
}

fn process(process: wit::Process, intake: &mut Intake<'_>) -> Result<Process, Fault> {
    intake.strings(process.args.len().saturating_add(process.env.len()))?;
    let args = process.args.into_iter().map(|argument| match argument {
        wit::Argument::Plain(text) => Argument::Plain(text),
        wit::Argument::File(file) => Argument::File { name: file.name, content: file.content },
    });
    Ok(Process {
        id: process.id,
        program: process.program,
        args: args.collect(),
        env: values(process.env),
        framing: framing(process.framing),
        errors: match process.errors {
            wit::ErrorStream::Tail => ErrorStream::Tail,
            wit::ErrorStream::Lines => ErrorStream::Lines,
        },
    })
}

fn request(request: wit::Request, intake: &mut Intake<'_>) -> Result<Request, Fault> {
    intake.strings(request.headers.len())?;
    Ok(Request {
        id: request.id,
        method: request.method,
        url: request.url,
        headers: values(request.headers),
        body: request.body,
        framing: framing(request.framing),
        idle_timeout_ms: request.idle_timeout_ms,
        total_timeout_ms: request.total_timeout_ms,
    })
}

fn values(values: Vec<(String, wit::Value)>) -> Vec<(String, SecretOr)> {
    let values = values.into_iter().map(|(name, value)| {
        let value = match value {
            wit::Value::Plain(text) => SecretOr::Plain(text),
            wit::Value::Secret(secret) => SecretOr::Secret(secret),
        };
        (name, value)
    });
    values.collect()
}

fn outcome(outcome: wit::Outcome, intake: &mut Intake<'_>) -> Result<Outcome, Fault> {
    let ending = match outcome.ending {
        wit::Ending::Completed => Ending::Completed,
        wit::Ending::Failed => Ending::Failed,
        wit::Ending::Rejected => Ending::Rejected,
        wit::Ending::Cancelled => Ending::Cancelled,
    };
    let failure = match (ending, outcome.reason, outcome.error) {
        (Ending::Completed, _, _) => None,
        // Whoever reads why a run failed must find something, also of an adapter that only says that it did.
        (_, reason, error) => {
            let reason = reason.unwrap_or_else(|| Status::from(ending).to_string());
            Some(Failure { message: error.unwrap_or_else(|| reason.clone()), reason })
        }
    };
    Ok(Outcome {
        ending,
        final_response: outcome.final_response,
        structured_output: intake.optional_json(outcome.structured_output.as_deref(), "structured-output")?,
        usage: outcome.usage.map(usage),
        failure,
    })
}

fn usage(usage: types::Usage) -> Usage {
    Usage {
        input_tokens: usage.input_tokens,
        cached_input_tokens: usage.cached_input_tokens,
        output_tokens: usage.output_tokens,
        cost_micro_usd: usage.cost_micro_usd,
    }
}
