//! What is left when a run is over: the answer and the exit status.

use std::io::IsTerminal;

use pointsman_model::{RunRecord, Status};

use crate::args::OutputForm;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, visible};

/// Says how the program ends after a run that ended so.
pub(crate) fn exit(status: Status) -> Exit {
    match status {
        Status::Completed => Exit::Ok,
        Status::Failed | Status::Rejected => Exit::RunFailed,
        Status::Cancelled => Exit::RunCancelled,
        Status::ApprovalRequired | Status::InputRequired | Status::AuthRequired => Exit::NeedsSomebody,
        Status::Queued | Status::Running => Exit::Error,
    }
}

/// Prints what was asked for. `unanswered` says what nobody was there to answer.
pub(super) fn report(out: Out, form: OutputForm, record: &RunRecord, unanswered: Option<&str>) -> Outcome {
    let exit = match record.status {
        _ if unanswered.is_some() => Exit::NeedsSomebody,
        // Nobody waits for it: it was told to end at once, and ends with this process.
        status if !status.is_terminal() => Exit::RunCancelled,
        status => exit(status),
    };
    if form != OutputForm::Text {
        out.json(record)?;
        return Ok(exit);
    }
    let id = record.run_id;
    if let Some(asked) = unanswered {
        return Err(Failure::new(exit, format!("run {id} was cancelled: {asked}, and nobody was there")).help(
            "run it in a terminal, or with --detach and answer with `pointsman approvals` and `pointsman runs continue`",
        ));
    }
    if record.status == Status::Completed {
        answer(out, record)?;
        return Ok(exit);
    }
    let why = record.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
    let why = if why.is_empty() { String::new() } else { format!(": {}", visible(why)) };
    let ended = match record.status {
        Status::Failed => "failed".to_owned(),
        Status::Rejected | Status::Cancelled => format!("was {}", record.status),
        status => format!("is {status}"),
    };
    Err(Failure::new(exit, format!("run {id} {ended}{why}")))
}

/// Prints the answer alone.
fn answer(out: Out, record: &RunRecord) -> Result<(), Failure> {
    let structured = record.structured_output.as_ref().map(serde_json::to_string_pretty);
    let text = match (structured.transpose().map_err(Failure::internal)?, &record.final_response) {
        (Some(json), _) => json,
        (None, Some(text)) => text.clone(),
        (None, None) => return Ok(()),
    };
    self::text(out, &text)
}

/// Prints an agent's text. A terminal is not to obey it; whatever else reads it gets it as it is.
pub(crate) fn text(out: Out, text: &str) -> Result<(), Failure> {
    if std::io::stdout().is_terminal() { out.line(visible(text)) } else { out.line(text) }
}
