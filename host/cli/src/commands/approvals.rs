//! `pointsman approvals`: the channel by which a person answers, and no agent.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use pointsman_approver::Secret;
use pointsman_engine::Refused;
use pointsman_model::{Answer, Approval, ApprovalState, Digest, Scope, Standing, Timestamp};
use serde_json::{Value, json};

use super::agents::refuse_agents;
use super::answer::{as_host, ask_owner};
use crate::approver::ask_approver;
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
/// What is said of an answer that no host has heard.
const KEPT: &str = "Its host has ended; the answer is kept, and the next host goes by it.";

pub(super) fn run(out: Out, loaded: &Loaded, command: ApprovalsCommand) -> Outcome {
    let state = State::open(loaded)?;
    match command {
        ApprovalsCommand::List { all, approved, run } => list(out, &state, all, approved, run.as_deref()),
        ApprovalsCommand::Show(target) => show(out, &state.approval(&target.approval)?),
        ApprovalsCommand::Allow { approval, scope, until, alike, input } => {
            let answer = match input.as_deref().map(edited).transpose()? {
                Some(input) => Answer::AllowEdited { input },
                None => Answer::Allow {
                    scope: scope.into(),
                    until: until.map(|until| now().plus_seconds(until.get().as_secs())),
                },
            };
            settle(out, loaded, &state, &approval.approval, alike, &answer)
        }
        ApprovalsCommand::Deny { approval, alike, message } => {
            let answer = Answer::Deny { feedback: message };
            settle(out, loaded, &state, &approval.approval, alike, &answer)
        }
        ApprovalsCommand::Revoke(target) => revoke(out, loaded, &state, &target.approval),
    }
}

fn list(out: Out, state: &State, all: bool, approved: bool, run: Option<&str>) -> Outcome {
    let only = match (all, approved) {
        (true, _) => None,
        (false, true) => Some(ApprovalState::Approved),
        (false, false) => Some(ApprovalState::Pending),
    };
    let mut approvals = state.store.approvals(only, LISTED)?;
    if let Some(run) = run {
        approvals.retain(|approval| approval.run_id.to_string().starts_with(run));
    }
    if out.is_json() {
        out.json(&approvals)?;
        return Ok(Exit::Ok);
    }
    if approvals.is_empty() {
        out.line(match only {
            None => "Nothing was ever asked.",
            Some(ApprovalState::Approved) => "Nothing that was allowed still holds.",
            Some(_) => "Nothing waits for an answer.",
        })?;
        return Ok(Exit::Ok);
    }
    let now = now();
    let grouped = grouped(&approvals);
    let columns = [
        ("approval", Align::Left),
        ("state", Align::Left),
        ("run", Align::Left),
        ("what", Align::Left),
        ("asked", Align::Left),
        ("lapses", Align::Left),
        ("reason", Align::Left),
    ];
    let row = |(approval, count): &(&Approval, usize)| {
        let ends = match approval.state {
            ApprovalState::Pending => in_future(now, approval.expires_at),
            ApprovalState::Approved => {
                let until = approval.standing.and_then(|standing| standing.until);
                until.map(|until| in_future(now, until)).unwrap_or_default()
            }
            _ => String::new(),
        };
        vec![
            short(&approval.approval_id),
            state_word(out.paint(), approval.state),
            short(&approval.run_id),
            if *count > 1 { format!("{} (x{count})", title(approval)) } else { title(approval) },
            ago(now, approval.asked_at),
            ends,
            one_line(&approval.reason, 200),
        ]
    };
    out.line(render(out, &columns, grouped.iter().map(row).collect()))?;
    if approvals.iter().any(|approval| approval.state == ApprovalState::Pending) {
        out.line(out.paint().dim("\nAnswer with `pointsman approvals allow APPROVAL` or `deny APPROVAL`."))?;
    }
    if approved {
        out.line(out.paint().dim("\nTake it back with `pointsman approvals revoke APPROVAL`."))?;
    }
    if grouped.iter().any(|(_, count)| *count > 1) {
        out.line(out.paint().dim("With --alike, an answer is for every run that asks exactly the same."))?;
    }
    Ok(Exit::Ok)
}

/// Puts open questions that are exactly the same under the newest of them, with their count.
fn grouped(approvals: &[Approval]) -> Vec<(&Approval, usize)> {
    let mut groups: Vec<(&Approval, usize)> = Vec::new();
    let mut first: BTreeMap<Digest, usize> = BTreeMap::new();
    for approval in approvals {
        if approval.state == ApprovalState::Pending {
            if let Some((_, count)) = first.get(&approval.digest).and_then(|at| groups.get_mut(*at)) {
                *count += 1;
                continue;
            }
            first.insert(approval.digest, groups.len());
        }
        groups.push((approval, 1));
    }
    groups
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
    if let Some(revoked) = &approval.revoked {
        field("revoked", format!("{} {}", when(revoked.at), visible(&revoked.by)))?;
    }
    if let Some(standing) = approval.standing {
        field("reaches", reach(standing))?;
    }
    if approval.uses > 0 {
        let last = approval.used_at.map(when).unwrap_or_default();
        field("used", format!("{} (last {last})", times(approval.uses)))?;
    }
    if let Some(other) = approval.superseded_by {
        field("instead", other.to_string())?;
    }
    if let Some(feedback) = &approval.feedback {
        field("said", one_line(feedback, usize::MAX))?;
    }
    if approval.state == ApprovalState::Approved {
        let id = approval.approval_id;
        out.line(paint.dim(format!("\nTake it back with `pointsman approvals revoke {id}`.")))?;
    }
    if approval.state == ApprovalState::Pending {
        let id = approval.approval_id;
        out.line(paint.dim(format!("\nAnswer with `pointsman approvals allow {id}` or `deny {id}`.")))?;
        if approval.editable {
            let how = "Its input can be edited: `allow` with --input and other JSON, or --input @FILE.";
            out.line(paint.dim(how))?;
        }
        if approval.scope != Scope::Once {
            let how = "To allow exactly the same again: --scope run, or --scope session --until 2h.";
            let how = if approval.scope == Scope::Run {
                "To allow exactly the same again: --scope run."
            } else {
                how
            };
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

/// Answers one question, or every one that is exactly like it.
fn settle(out: Out, loaded: &Loaded, state: &State, text: &str, alike: bool, answer: &Answer) -> Outcome {
    let named = state.approval(text)?;
    refuse_agents(loaded, "answer", Some(named.approval_id))?;
    if named.state != ApprovalState::Pending {
        return Err(Failure::error(Refused::already(&named)));
    }
    // Once, however many are answered.
    let secret = ask_approver(&state.dir)?;
    let (settled, host_lives) = settle_one(loaded, state, &named, answer, secret.clone())?;
    if !alike {
        if out.is_json() {
            out.json(&settled)?;
        } else {
            told(out, &settled)?;
            if !host_lives {
                out.line(out.paint().dim(KEPT))?;
            }
        }
        return Ok(Exit::Ok);
    }
    // Each of them is bound to its own run: what cannot be answered any more does not keep the others waiting.
    let mut results = vec![json!(settled)];
    if !out.is_json() {
        told(out, &settled)?;
    }
    let mut missed = 0;
    for other in state.store.pending_alike(named.digest)? {
        match settle_one(loaded, state, &other, answer, secret.clone()) {
            Ok((settled, _)) => {
                if !out.is_json() {
                    told(out, &settled)?;
                }
                results.push(json!(settled));
            }
            Err(failure) => {
                let id = other.approval_id;
                // An answer that reaches further than once may have covered it a moment ago.
                match state.store.approval(id)? {
                    Some(now) if now.superseded_by.is_some() => results.push(json!(now)),
                    _ => {
                        missed += 1;
                        results.push(json!({"approval_id": id, "error": failure.message}));
                        if !out.is_json() {
                            out.line(format!(
                                "{} {id}: {}",
                                out.paint().bad("not answered"),
                                visible(&failure.message)
                            ))?;
                        }
                    }
                }
            }
        }
    }
    if out.is_json() {
        out.json(&results)?;
    }
    Ok(if missed == 0 { Exit::Ok } else { Exit::Error })
}

/// Hands an answer to the host that drives the run, or keeps it for the next. Says whether that host lives.
fn settle_one(
    loaded: &Loaded,
    state: &State,
    approval: &Approval,
    answer: &Answer,
    secret: Option<Secret>,
) -> Result<(Approval, bool), Failure> {
    let (id, digest, answer) = (approval.approval_id, approval.digest, answer.clone());
    let request =
        Request::AnswerApproval { approval_id: id, digest, answer: answer.clone(), secret: secret.clone() };
    match ask_owner(state, approval.run_id, &request)? {
        Some(Reply::Settled(settled)) => Ok((*settled, true)),
        Some(other) => Err(Failure::internal(format!("the host answered something else: {other:?}"))),
        None => {
            let by = format!("cli:{}", crate::user::name());
            let settled = as_host(loaded, |host| async move {
                host.admit_approver(secret, id, &by).await?;
                host.answer_approval(id, digest, answer, &by).await
            })?;
            Ok((settled, false))
        }
    }
}

/// Takes back what was allowed.
fn revoke(out: Out, loaded: &Loaded, state: &State, text: &str) -> Outcome {
    let named = state.approval(text)?;
    let id = named.approval_id;
    refuse_agents(loaded, "revoke", Some(id))?;
    // Nobody is asked for a secret in vain.
    if let Some(refused) = Refused::irrevocable(&named) {
        return Err(Failure::error(refused));
    }
    let secret = ask_approver(&state.dir)?;
    let request = Request::RevokeApproval { approval_id: id, secret: secret.clone() };
    let revoked = match ask_owner(state, named.run_id, &request)? {
        Some(Reply::Settled(revoked)) => *revoked,
        Some(other) => {
            return Err(Failure::internal(format!("the host answered something else: {other:?}")));
        }
        None => {
            let by = format!("cli:{}", crate::user::name());
            as_host(loaded, |host| async move {
                host.admit_approver(secret, id, &by).await?;
                host.revoke_approval(id, &by).await
            })?
        }
    };
    if out.is_json() {
        out.json(&revoked)?;
        return Ok(Exit::Ok);
    }
    out.line(format!("{} {}", out.paint().warn("revoked"), title(&revoked)))?;
    out.line(out.paint().dim(match revoked.uses {
        0 => "It was not used; a person is asked anew.".to_owned(),
        uses => format!("It was used {}; whoever wants it again is asked about anew.", times(uses)),
    }))?;
    Ok(Exit::Ok)
}

fn told(out: Out, settled: &Approval) -> Result<(), Failure> {
    let paint = out.paint();
    let word = match settled.state {
        ApprovalState::Denied => paint.warn("denied"),
        _ => paint.good("allowed"),
    };
    let reach = settled.standing.map(|standing| format!(" ({})", reach(standing))).unwrap_or_default();
    out.line(format!("{word}{reach} {}: {}", title(settled), visible(&settled.reason)))?;
    Ok(())
}

/// Says how far an answer reaches: `for its run until 12:00:00`.
fn reach(standing: Standing) -> String {
    let place = match standing.scope {
        Scope::Once => "once",
        Scope::Run => "for its run",
        Scope::Session => "for its session",
    };
    match standing.until {
        Some(until) => format!("{place}, until {until}"),
        None => place.to_owned(),
    }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn short(id: &impl ToString) -> String {
    id.to_string().chars().take(8).collect()
}

fn state_word(paint: Paint, state: ApprovalState) -> String {
    match state {
        ApprovalState::Pending => paint.warn(state.as_str()),
        ApprovalState::Approved | ApprovalState::Consumed => paint.good(state.as_str()),
        ApprovalState::Denied | ApprovalState::Revoked => paint.bad(state.as_str()),
        ApprovalState::Expired | ApprovalState::Superseded | ApprovalState::Withdrawn => {
            paint.dim(state.as_str())
        }
    }
}
