//! `pointsman approvals`: the channel by which a person answers, and no agent.

use std::fs::File;
use std::io::Read;

use pointsman_model::{Answer, Approval, ApprovalState, Timestamp};
use serde_json::Value;

use super::answer::{as_host, ask_owner};
use crate::args::ApprovalsCommand;
use crate::config::Loaded;
use crate::control::{Reply, Request};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::question::{Extent, describe, title};
use crate::state::State;
use crate::terminal::{Align, Out, Paint, ago, in_future, now, one_line, render, visible};

/// Questions in one listing, at most.
const LISTED: u32 = 1000;
/// An edited input may be so large.
const LARGEST_INPUT: u64 = 2 * 1024 * 1024;

pub(super) fn run(out: Out, loaded: &Loaded, command: ApprovalsCommand) -> Outcome {
    let state = State::open(loaded)?;
    match command {
        ApprovalsCommand::List { all } => list(out, &state, all),
        ApprovalsCommand::Show(target) => show(out, &state.approval(&target.approval)?),
        ApprovalsCommand::Allow { approval, input } => {
            let answer = match input.as_deref().map(edited).transpose()? {
                Some(input) => Answer::AllowEdited { input },
                None => Answer::allow_once(),
            };
            settle(out, loaded, &state, &approval.approval, answer)
        }
        ApprovalsCommand::Deny { approval, message } => {
            settle(out, loaded, &state, &approval.approval, Answer::Deny { feedback: message })
        }
    }
}

fn list(out: Out, state: &State, all: bool) -> Outcome {
    let only = (!all).then_some(ApprovalState::Pending);
    let approvals = state.store.approvals(only, LISTED)?;
    if out.is_json() {
        out.json(&approvals)?;
        return Ok(Exit::Ok);
    }
    if approvals.is_empty() {
        out.line(if all { "Nothing was ever asked." } else { "Nothing waits for an answer." })?;
        return Ok(Exit::Ok);
    }
    let now = now();
    let columns = [
        ("approval", Align::Left),
        ("state", Align::Left),
        ("what", Align::Left),
        ("asked", Align::Left),
        ("lapses", Align::Left),
        ("reason", Align::Left),
    ];
    let row = |approval: &Approval| {
        let pending = approval.state == ApprovalState::Pending;
        vec![
            short(&approval.approval_id),
            state_word(out.paint(), approval.state),
            title(approval),
            ago(now, approval.asked_at),
            if pending { in_future(now, approval.expires_at) } else { String::new() },
            one_line(&approval.reason, 200),
        ]
    };
    out.line(render(out, &columns, approvals.iter().map(row).collect()))?;
    if approvals.iter().any(|approval| approval.state == ApprovalState::Pending) {
        out.line(out.paint().dim("\nAnswer with `pointsman approvals allow APPROVAL` or `deny APPROVAL`."))?;
    }
    Ok(Exit::Ok)
}

fn show(out: Out, approval: &Approval) -> Outcome {
    if out.is_json() {
        out.json(approval)?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let now = now();
    let when = |at: Timestamp| format!("{at} {}", paint.dim(format!("({})", ago(now, at))));
    let field =
        |name: &str, value: String| out.line(format!("  {} {value}", paint.dim(format!("{name:<10}"))));
    for line in describe(approval, Extent::Whole, paint) {
        out.line(line)?;
    }
    out.line("")?;
    field("approval", approval.approval_id.to_string())?;
    field("run", approval.run_id.to_string())?;
    field("state", state_word(paint, approval.state))?;
    field("asked", when(approval.asked_at))?;
    match approval.state {
        ApprovalState::Pending => {
            field(
                "lapses",
                format!("{} {}", approval.expires_at, paint.dim(in_future(now, approval.expires_at))),
            )?;
        }
        _ => {
            let settled = approval.settled_at.map(when).unwrap_or_default();
            let by = approval.settled_by.as_deref().unwrap_or_default();
            field("settled", format!("{settled} {}", visible(by)))?;
        }
    }
    if let Some(feedback) = &approval.feedback {
        field("said", one_line(feedback, usize::MAX))?;
    }
    if approval.state == ApprovalState::Pending {
        let id = approval.approval_id;
        out.line(paint.dim(format!("\nAnswer with `pointsman approvals allow {id}` or `deny {id}`.")))?;
        if approval.editable {
            let how = "Its input can be edited: `allow` with --input and other JSON, or --input @FILE.";
            out.line(paint.dim(how))?;
        }
    }
    Ok(Exit::Ok)
}

/// Reads the input that is to stand in place of the agent's.
fn edited(text: &str) -> Result<Value, Failure> {
    let wrong = |why: String| {
        Failure::new(Exit::Usage, format!("--input: {why}"))
            .help("`pointsman approvals show` prints the input as the agent made it")
    };
    let read = |source: &mut dyn Read| {
        let mut text = String::new();
        source.take(LARGEST_INPUT).read_to_string(&mut text).map(|_| text)
    };
    let text = match text.strip_prefix('@') {
        Some("-") => read(&mut std::io::stdin()).map_err(|error| wrong(error.to_string()))?,
        Some(file) => File::open(file)
            .and_then(|mut file| read(&mut file))
            .map_err(|error| wrong(format!("{file}: {error}")))?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

fn settle(out: Out, loaded: &Loaded, state: &State, text: &str, answer: Answer) -> Outcome {
    let approval = state.approval(text)?;
    let id = approval.approval_id;
    if approval.state != ApprovalState::Pending {
        return Err(Failure::error(format!("approval {id} is already {}", approval.state.as_str()))
            .help(format!("`pointsman approvals show {id}` says by whom and when")));
    }
    let digest = approval.digest;
    let request = Request::AnswerApproval { approval_id: id, digest, answer: answer.clone() };
    let (settled, host_lives) = match ask_owner(state, approval.run_id, &request)? {
        Some(Reply::Settled(settled)) => (*settled, true),
        Some(other) => return Err(Failure::internal(format!("the host answered something else: {other:?}"))),
        None => {
            let by = format!("cli:{}", crate::user::name());
            (
                as_host(loaded, |host| async move { host.answer_approval(id, digest, answer, &by).await })?,
                false,
            )
        }
    };
    if out.is_json() {
        out.json(&settled)?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let word = match settled.state {
        ApprovalState::Denied => paint.warn("denied"),
        _ => paint.good("allowed"),
    };
    out.line(format!("{word} {}: {}", title(&settled), visible(&settled.reason)))?;
    if !host_lives {
        out.line(paint.dim("Its host has ended; the answer is kept, and the next host goes by it."))?;
    }
    Ok(Exit::Ok)
}

fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

fn state_word(paint: Paint, state: ApprovalState) -> String {
    match state {
        ApprovalState::Pending => paint.warn(state.as_str()),
        ApprovalState::Approved | ApprovalState::Consumed => paint.good(state.as_str()),
        ApprovalState::Denied => paint.bad(state.as_str()),
        ApprovalState::Expired | ApprovalState::Superseded | ApprovalState::Withdrawn => {
            paint.dim(state.as_str())
        }
    }
}
