//! `pointsman runs`.

use std::path::Path;

use pointsman_engine::Client;
use pointsman_model::calls::RunRef;
use pointsman_model::{Message, Part, RunRecord, Speaker, Status};
use pointsman_store::RunFilter;
use pointsman_store::import::import_run_folder;
use serde_json::map::Entry;
use serde_json::{Map, Value, json};

use super::answer::{as_host, ask_owner};
use super::run::report;
use super::{events, reveal};
use crate::approver::ask_answer;
use crate::args::{ListArgs, RunsCommand};
use crate::config::Loaded;
use crate::control::{Reply, Request};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::{State, real_path};
use crate::terminal::{Align, Out, ago, now, one_line, render, status_style, visible};

pub(super) fn run(out: Out, loaded: &Loaded, command: RunsCommand) -> Outcome {
    let state = State::open(loaded)?;
    match command {
        RunsCommand::List(args) => list(out, &state, &args),
        RunsCommand::Show(target) => show(out, &state.run(&target)?),
        RunsCommand::Events(args) => events::run(out, &state, &args),
        RunsCommand::Reveal(args) => reveal::run(out, loaded, &state, &args),
        RunsCommand::Result(target) => result(out, &state.run(&target)?),
        RunsCommand::Continue { run, message, mut answer, secret_answer } => {
            let record = state.run(&run)?;
            for id in secret_answer {
                let typed = ask_answer(&format!("The answer to {}: ", one_line(&id, 60)))?;
                answer.push((id, typed));
            }
            say(out, &state, &record, words(message, answer))
        }
        RunsCommand::Cancel { run, reason } => {
            let record = state.run(&run)?;
            cancel(out, loaded, &state, &record, reason)
        }
        RunsCommand::Import { dir } => import(out, &state, &dir),
    }
}

fn list(out: Out, state: &State, args: &ListArgs) -> Outcome {
    let cwd = args.cwd.as_deref().map(real_path).transpose()?;
    let filter =
        RunFilter { status: args.status, backend: args.backend.clone(), cwd, ..RunFilter::default() };
    let page = state.store.list_runs(&filter, args.cursor.as_deref(), args.limit)?;
    if out.is_json() {
        out.json(&json!({ "runs": page.runs, "total": page.total, "next_cursor": page.next_cursor }))?;
        return Ok(Exit::Ok);
    }
    if page.runs.is_empty() {
        out.line("No runs.")?;
        return Ok(Exit::Ok);
    }
    let now = now();
    let columns = [
        ("run", Align::Left),
        ("agent", Align::Left),
        ("backend", Align::Left),
        ("status", Align::Left),
        ("updated", Align::Left),
        ("events", Align::Right),
        ("cwd", Align::Left),
        ("summary", Align::Left),
    ];
    let row = |run: &RunRecord| {
        vec![
            run.run_id.to_string().chars().take(8).collect(),
            one_line(&run.agent_name, 80),
            run.backend.clone(),
            status(out, run.status),
            ago(now, run.updated_at),
            run.last_seq.to_string(),
            visible(&run.cwd).into_owned(),
            one_line(&run.summary, 200),
        ]
    };
    out.line(render(out, &columns, page.runs.iter().map(row).collect()))?;
    if let Some(cursor) = page.next_cursor {
        let shown = page.runs.len();
        let more =
            format!("\n{shown} of {}; the next page: pointsman runs list --cursor {cursor}", page.total);
        out.line(out.paint().dim(more))?;
    }
    Ok(Exit::Ok)
}

fn show(out: Out, run: &RunRecord) -> Outcome {
    if out.is_json() {
        out.json(run)?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    let field = |name: &str, value: String| out.line(format!("{} {value}", paint.dim(format!("{name:<9}"))));
    field("run", run.run_id.to_string())?;
    field(
        "agent",
        format!("{} ({}, {})", paint.bold(visible(&run.agent_name)), run.backend, run.role.as_str()),
    )?;
    field("status", status(out, run.status))?;
    field("summary", one_line(&run.summary, usize::MAX))?;
    if let Some(waiting) = &run.waiting_for {
        field("waits for", paint.warn(visible(&waiting.reason)))?;
        field("answer", waiting.how.clone())?;
    }
    if matches!(run.status, Status::InputRequired | Status::AuthRequired) {
        field("answer", format!("pointsman runs continue {} MESSAGE", run.run_id))?;
    }
    field("cwd", visible(&run.cwd).into_owned())?;
    if let Some(access) = run.access {
        field("access", access.to_string())?;
    }
    field("session", run.session_id.to_string())?;
    if let Some(before) = run.resumed_from_run_id {
        field("goes on", before.to_string())?;
    }
    let now = now();
    field("started", format!("{} {}", run.started_at, paint.dim(format!("({})", ago(now, run.started_at)))))?;
    match run.completed_at {
        Some(at) => field("ended", format!("{at} {}", paint.dim(format!("({})", ago(now, at)))))?,
        None => field(
            "updated",
            format!("{} {}", run.updated_at, paint.dim(format!("({})", ago(now, run.updated_at)))),
        )?,
    }
    field("events", run.last_seq.to_string())?;
    if let Some(usage) = &run.usage {
        let tokens = format!("{} tokens read, {} written", usage.input_tokens, usage.output_tokens);
        let cost =
            usage.cost_micro_usd.map(|micro| format!(", {}.{:06} $", micro / 1_000_000, micro % 1_000_000));
        field("usage", tokens + &cost.unwrap_or_default())?;
    }
    if let Some(kept) = &run.supervision {
        field("kept by", format!("{}, {} if the host dies", kept.process_tree, kept.host_death))?;
    }
    if let Some(error) = &run.error {
        field(
            "error",
            format!("{} {}", paint.bad(visible(&error.message)), paint.dim(format!("({})", error.reason))),
        )?;
    }
    if let Some(text) = &run.final_response {
        out.line(format!("\n{}", visible(text)))?;
    }
    Ok(Exit::Ok)
}

/// Prints the answer alone, so that scripts can use it; the exit status says how the run ended.
fn result(out: Out, run: &RunRecord) -> Outcome {
    let exit = report::exit(run.status);
    if out.is_json() {
        out.json(&json!({
            "run_id": run.run_id,
            "status": run.status,
            "final_response": run.final_response,
            "structured_output": run.structured_output,
            "usage": run.usage,
            "error": run.error,
        }))?;
        return Ok(exit);
    }
    let id = run.run_id;
    match (run.status, &run.waiting_for, &run.error) {
        (Status::Completed, ..) => {
            let structured = run.structured_output.as_ref().map(serde_json::to_string_pretty);
            match structured.transpose().map_err(Failure::internal)? {
                Some(value) => out.line(value)?,
                None => report::text(out, run.final_response.as_deref().unwrap_or_default())?,
            }
            Ok(Exit::Ok)
        }
        (_, Some(waiting), _) => {
            Err(Failure::new(exit, format!("run {id} waits: {}", waiting.reason)).help(&waiting.how))
        }
        (status, _, Some(error)) => {
            Err(Failure::new(exit, format!("run {id} is {status}: {}", error.message)))
        }
        (Status::InputRequired | Status::AuthRequired, ..) => {
            Err(Failure::new(exit, format!("run {id} waits for its user: {}", one_line(&run.summary, 200)))
                .help(format!("`pointsman runs continue {id} MESSAGE` answers it")))
        }
        (Status::Queued | Status::Running, ..) => Err(Failure::new(exit, format!("run {id} is not over"))
            .help(format!("`pointsman runs events --follow {id}` waits for its end"))),
        (status, ..) => Err(Failure::new(exit, format!("run {id} is {status}"))),
    }
}

/// Says something to a run whose host lives. A run that is over is gone on with by another, which needs a host.
fn say(out: Out, state: &State, run: &RunRecord, message: Message) -> Outcome {
    let id = run.run_id;
    if run.status.is_terminal() {
        return Err(Failure::error(format!("run {id} is over: {}", run.status)).help(format!(
            "`pointsman run {} --resume {id} MESSAGE` goes on with its session",
            run.backend
        )));
    }
    let request = Request::ContinueRun { run_id: id, message };
    match ask_owner(state, id, &request)? {
        Some(Reply::Continued(continued)) if out.is_json() => out.json(&continued)?,
        Some(Reply::Continued(continued)) => out.line(format!("{} {id}", status(out, continued.status)))?,
        Some(other) => return Err(Failure::internal(format!("the host answered something else: {other:?}"))),
        None => {
            return Err(Failure::error(format!("the host of run {id} has ended, and its agent with it"))
                .help("the next host ends the run; then go on with its session"));
        }
    }
    Ok(Exit::Ok)
}

/// Makes a message of a text and of answers by id; an id with several has a list.
fn words(text: Option<String>, answers: Vec<(String, String)>) -> Message {
    let mut parts: Vec<_> = text.into_iter().map(|text| Part::Text { text }).collect();
    let mut data = Map::new();
    for (id, answer) in answers {
        match data.entry(id) {
            Entry::Vacant(place) => drop(place.insert(Value::from(answer))),
            Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(several) => several.push(Value::from(answer)),
                first => *first = Value::from(vec![first.take(), Value::from(answer)]),
            },
        }
    }
    if !data.is_empty() {
        parts.push(Part::Data { data });
    }
    Message { speaker: Speaker::User, parts, metadata: None }
}

fn cancel(out: Out, loaded: &Loaded, state: &State, run: &RunRecord, reason: String) -> Outcome {
    let id = run.run_id;
    if run.status.is_terminal() {
        return Err(Failure::error(format!("run {id} is over: {}", run.status)));
    }
    let request = Request::CancelRun { run_id: id, reason: reason.clone() };
    let ended = match ask_owner(state, id, &request)? {
        Some(Reply::Cancelled(ended)) => ended.status,
        Some(other) => return Err(Failure::internal(format!("the host answered something else: {other:?}"))),
        None => {
            let run = RunRef { run_id: Some(id.to_string()), ..RunRef::default() };
            let done = as_host(loaded, |host| async move {
                match host.cancel_run(&caller(), &run, &reason).await {
                    Ok(ended) => Ok(ended.status),
                    // Taking over from a dead host has ended it already.
                    Err(pointsman_engine::Error::AlreadyTerminal(status)) => Ok(status),
                    Err(error) => Err(error),
                }
            });
            done?
        }
    };
    if out.is_json() {
        out.json(&json!({ "run_id": id, "status": ended }))?;
    } else {
        out.line(format!("{} {id}", status(out, ended)))?;
    }
    Ok(Exit::Ok)
}

fn caller() -> Client {
    Client { name: format!("cli:{}", crate::user::name()), version: None }
}

/// Takes over what an older server left. Importing twice does no harm: what is known stays as it is.
fn import(out: Out, state: &State, dir: &Path) -> Outcome {
    let report = import_run_folder(&state.store, dir).map_err(|error| {
        Failure::error(error).help("name the working directory that holds .nanobot-orchestrator")
    })?;
    if out.is_json() {
        out.json(&report)?;
        return Ok(Exit::Ok);
    }
    let paint = out.paint();
    out.line(format!(
        "{} {}; {} known already",
        paint.good("imported"),
        runs(report.imported.len()),
        report.known
    ))?;
    for (folder, why) in &report.skipped {
        out.line(format!("{} {folder}: {why}", paint.warn("skipped")))?;
    }
    for (run, note) in &report.notes {
        out.line(format!("{} {run}: {note}", paint.dim("note")))?;
    }
    Ok(Exit::Ok)
}

fn runs(count: usize) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

pub(super) fn status(out: Out, status: Status) -> String {
    out.paint().paint(status_style(status), status)
}
