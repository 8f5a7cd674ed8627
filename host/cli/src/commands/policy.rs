//! `pointsman policy`: looking into how requests are judged. Nothing here changes anything.

use std::io::Read as _;
use std::path::Path;

use pointsman_engine::{Explanation, PastQuestion, PolicyChain, PolicyState, Settings, past_questions};
use pointsman_model::{Access, Principal, Question, Ruling, Timestamp, Verdict};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rules_file::{self, alone};
use crate::args::{ExplainArgs, PolicyCommand};
use crate::config::{Loaded, settings};
use crate::control::{Held, held_policies, news};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::State;
use crate::terminal::{Align, Out, Progress, ago, now, one_line, render};

/// A question may be so large.
pub(super) const LARGEST: u64 = 8 * 1024 * 1024;
/// A reason is shown so long at most, in characters.
const REASON: usize = 300;

pub(super) fn run(out: Out, loaded: &Loaded, command: &PolicyCommand) -> Outcome {
    let settings = settings(loaded)?;
    match command {
        PolicyCommand::List => list(out, settings),
        PolicyCommand::Explain(args) => explain(out, loaded, settings, args),
        PolicyCommand::Check { rules } => rules_file::check(out, settings, rules),
        PolicyCommand::Test { rules } => rules_file::test(out, settings, rules),
        PolicyCommand::Eval { rules, question } => eval(out, settings, rules, question),
    }
}

fn list(out: Out, settings: Settings) -> Outcome {
    let hosts = held_policies(&settings.state);
    let chain = PolicyChain::new(settings);
    let modules = match loading(|| chain.modules()) {
        Ok(modules) => modules,
        Err(error) => {
            // Whoever judges now judges by what it has.
            if out.is_json() {
                out.json(&json!({ "error": error.to_string(), "hosts": hosts }))?;
            } else {
                held(out, &hosts)?;
            }
            return Err(error.into());
        }
    };
    if out.is_json() {
        let with_hosts = |module: &PolicyState| {
            let held: Vec<Value> = hosts
                .iter()
                .filter_map(|host| {
                    let held = host.modules.iter().flatten().find(|it| it.module == module.module)?;
                    Some(json!({ "host_id": host.host_id, "pid": host.pid, "held": held }))
                })
                .collect();
            let mut module = json!(module);
            module["hosts"] = Value::from(held);
            module
        };
        out.json(&modules.iter().map(with_hosts).collect::<Vec<_>>())?;
        return Ok(Exit::Ok);
    }
    if modules.is_empty() {
        out.line("No policy judges: a person is asked every time.")?;
        return Ok(Exit::Ok);
    }
    let columns = [
        ("module", Align::Left),
        ("component", Align::Left),
        ("rules", Align::Left),
        ("loaded", Align::Left),
        ("from", Align::Left),
    ];
    let row = |state: &PolicyState| {
        vec![
            state.module.clone(),
            short(&state.component.to_hex()),
            short(&state.rules.to_hex()),
            ago(now(), state.loaded_at),
            state.file.as_ref().map_or_else(|| "the configuration".to_owned(), |it| it.display().to_string()),
        ]
    };
    out.line(render(out, &columns, modules.iter().map(row).collect()))?;
    for state in &modules {
        stale(out, state)?;
    }
    held(out, &hosts)?;
    Ok(Exit::Ok)
}

/// Says which hosts judge by something else than what stands in the files now.
fn held(out: Out, hosts: &[Held]) -> Result<(), Failure> {
    for host in hosts {
        for module in host.modules.iter().flatten() {
            if let Some(news) = news(host, module) {
                out.line(out.paint().warn(news))?;
            }
        }
    }
    Ok(())
}

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn stale(out: Out, state: &PolicyState) -> Result<(), Failure> {
    match &state.stale {
        Some(why) => out.line(out.paint().warn(format!("{}: older rules are in force: {why}", state.module))),
        None => Ok(()),
    }
}

fn explain(out: Out, loaded: &Loaded, settings: Settings, args: &ExplainArgs) -> Outcome {
    let past = match (args.target(), &args.question) {
        (Some(target), _) => {
            let state = State::open(loaded)?;
            let run = state.run(&target)?.run_id;
            let past = past_questions(&state.store, run)?;
            let approval = args.approval.as_deref().map(|text| state.approval(text)).transpose()?;
            let wanted = |past: &PastQuestion| {
                approval.as_ref().is_none_or(|it| past.approval_id == Some(it.approval_id))
            };
            let found = past.into_iter().find(wanted).ok_or_else(|| {
                Failure::not_found(format!("the question about run {run} was not kept"))
                    .help("hosts before this version did not keep what they asked policies")
            })?;
            Some(found)
        }
        (None, _) => None,
    };
    let question = match (&past, &args.question) {
        (Some(past), _) => past.question.clone(),
        (None, Some(from)) => read_question(from)?,
        (None, None) => return Err(Failure::new(Exit::Usage, "give a question or --run")),
    };
    let chain = PolicyChain::new(settings);
    let explanation = loading(|| chain.explain(question))?;
    let then = past.and_then(|past| past.ruling);
    if out.is_json() {
        out.json(&json!({
            "ruling": explanation.ruling,
            "then": then,
            "modules": explanation.modules,
            "question": explanation.question,
        }))?;
        return Ok(Exit::Ok);
    }
    show(out, &explanation, then.as_ref())?;
    Ok(Exit::Ok)
}

fn show(out: Out, explanation: &Explanation, then: Option<&Ruling>) -> Result<(), Failure> {
    let paint = out.paint();
    let Explanation { ruling, modules, question } = explanation;
    let asked = [Some(question.action.as_str()), question.backend.as_deref(), question.cwd.as_deref()];
    let asked: Vec<_> = asked.into_iter().flatten().map(|word| one_line(word, REASON)).collect();
    out.line(format!("{} {}", paint.dim("question"), asked.join(" ")))?;
    out.line(format!("{} {}", paint.dim("ruling  "), sentence(ruling)))?;
    if let Some(then) = then {
        let same = then.verdict == ruling.verdict && then.rule == ruling.rule;
        let then = if same { "the same".to_owned() } else { sentence(then) };
        out.line(format!("{} {then}", paint.dim("then    ")))?;
    }
    for said in modules {
        let name = &said.state.module;
        out.line("")?;
        let mark = if said.decides { "  (decides)" } else { "" };
        out.line(format!("{} {}{mark}", paint.bold(name), word(said.ruling.verdict)))?;
        stale(out, &said.state)?;
        if let Some(failure) = &said.failure {
            out.line(paint.bad(format!("  failed: {}", one_line(failure, REASON))))?;
        }
        if said.matched.is_empty() && said.failure.is_none() {
            out.line("  no rule matches")?;
        }
        for rule in &said.matched {
            let matched = &rule.matched;
            let decides =
                said.ruling.rule.as_ref() == Some(&matched.rule) && said.ruling.verdict == matched.verdict;
            let place = match (&said.state.file, rule.line) {
                (Some(file), Some(line)) => format!(" {}:{line}", file.display()),
                (None, Some(line)) => format!(" line {line}"),
                _ => String::new(),
            };
            let mark = if decides { "*" } else { " " };
            let more = [
                matched.ceiling.map(|ceiling| format!("at most {ceiling}")),
                matched.ttl_seconds.map(|ttl| format!("an answer holds {ttl} s")),
                matched.scope.map(|scope| format!("for {} at the widest", scope.as_str())),
                matched.undecided.as_ref().map(|why| format!("cannot be judged: {}", one_line(why, REASON))),
            ];
            let more: String = more.into_iter().flatten().map(|it| format!("; {it}")).collect();
            out.line(format!(
                "{mark} {:<7} {}{}: {}{more}",
                word(matched.verdict),
                paint.bold(&matched.rule),
                paint.dim(place),
                one_line(&matched.reason, REASON)
            ))?;
        }
    }
    Ok(())
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Abstain => "abstain",
        Verdict::Allow => "allow",
        Verdict::Ask => "ask",
        Verdict::Deny => "deny",
    }
}

fn sentence(ruling: &Ruling) -> String {
    let rule = ruling.rule.as_ref().map(|rule| format!(" by rule {rule}")).unwrap_or_default();
    let ceiling = ruling.ceiling.map(|ceiling| format!(", with {ceiling} at most")).unwrap_or_default();
    let reason = one_line(&ruling.reason, REASON);
    format!("{}{rule} of {}{ceiling}: {reason}", word(ruling.verdict), ruling.module)
}

fn eval(out: Out, settings: Settings, rules: &Path, question: &str) -> Outcome {
    let (chain, _) = alone(settings, rules)?;
    let explanation = loading(|| chain.explain(read_question(question)?).map_err(Failure::from))?;
    // Alone, so nobody else speaks for a module that says nothing.
    let ruling = explanation.modules.into_iter().next().map_or(explanation.ruling, |said| said.ruling);
    if out.is_json() {
        out.json(&ruling)?;
    } else {
        out.line(sentence(&ruling))?;
    }
    Ok(Exit::Ok)
}

/// Compiling a component for the first time takes seconds.
pub(super) fn loading<T>(load: impl FnOnce() -> T) -> T {
    let _progress = Progress::start("reading the rules".to_owned());
    load()
}

/// A question as a person writes it, or as `policy explain --json` printed it. What is left out is that of a spawn by
/// this user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default = "spawn")]
    action: String,
    #[serde(default)]
    chain: Option<Vec<Principal>>,
    #[serde(default)]
    backend: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    cwd: Option<String>,
    #[serde(default)]
    access: Option<Access>,
    #[serde(default, alias = "request")]
    detail: Option<Value>,
    #[serde(default)]
    facts: Option<Value>,
    #[serde(default)]
    at: Option<Timestamp>,
}

fn spawn() -> String {
    "spawn".to_owned()
}

fn read_question(from: &str) -> Result<Question, Failure> {
    let mut text = String::new();
    let read = match from {
        "-" => std::io::stdin().lock().take(LARGEST).read_to_string(&mut text),
        path => std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)),
    };
    read.map_err(|error| Failure::not_found(format!("cannot read the question {from}: {error}")))?;
    question_of(&text).map_err(|failure| {
        Failure::new(Exit::Usage, format!("{from} is no question: {}", failure.message))
            .help("`pointsman policy explain --run RUN --json` prints one under `question`")
    })
}

/// Reads a question as a person writes it.
pub(super) fn question_of(text: &str) -> Result<Question, Failure> {
    let written: Written =
        serde_json::from_str(text).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let client = Principal {
        name: format!("cli:{}", crate::user::name()),
        role: "client".to_owned(),
        run_id: None,
        depth: 0,
    };
    Ok(Question {
        action: written.action,
        chain: written.chain.unwrap_or_else(|| vec![client]),
        backend: written.backend,
        role: written.role,
        cwd: written.cwd,
        access: written.access,
        detail: written.detail.unwrap_or_else(|| json!({})),
        facts: written.facts.unwrap_or_else(|| json!({})),
        at: written.at.unwrap_or_else(now),
    })
}
