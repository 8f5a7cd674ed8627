//! A file of rules by itself: what is wrong with it, and whether its examples hold.

use std::io::Read as _;
use std::path::Path;

use pointsman_engine::{ComponentSource, OnFailure, PolicyChain, PolicySettings, Settings};
use pointsman_model::Verdict;
use serde_json::{Value, json};

use super::policy::{LARGEST, loading, question_of};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::terminal::{Out, say};

/// Makes a chain of one file of rules.
pub(super) fn alone(mut settings: Settings, rules: &Path) -> Result<(PolicyChain, String), Failure> {
    let mut text = String::new();
    std::fs::File::open(rules)
        .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
        .map_err(|error| Failure::not_found(format!("cannot read {}: {error}", rules.display())))?;
    settings.policies = vec![PolicySettings {
        name: rules.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        component: ComponentSource::Bundled(pointsman_bundle::RULES),
        config: text.clone(),
        file: None,
        on_failure: OnFailure::Ask,
        vetted: false,
    }];
    Ok((PolicyChain::new(settings), text))
}

/// What came of reading a file of rules and running its examples.
struct Report {
    text: String,
    /// What is wrong, each on a line.
    findings: Vec<String>,
    /// What may not be as it is meant.
    notes: Vec<String>,
}

fn report(settings: Settings, rules: &Path) -> Result<Report, Failure> {
    let (chain, text) = alone(settings, rules)?;
    let findings = match loading(|| chain.modules()) {
        Ok(_) => Vec::new(),
        Err(pointsman_engine::Error::Rules { findings, .. }) => findings,
        Err(error) => vec![error.to_string()],
    };
    let notes = if findings.is_empty() { silences(&chain, &text) } else { Vec::new() };
    Ok(Report { text, findings, notes })
}

/// Says of what the operator's grants bound already, and a person is asked each time, because the file is silent on it.
fn silences(chain: &PolicyChain, text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let rules = || table.get("rule").and_then(toml::Value::as_array).into_iter().flatten();
    let silent = |action: &&str| {
        let by_default = table.get("default").is_some_and(|default| default.get(*action).is_some());
        let named = rules().filter_map(|rule| rule.get("when")?.as_str()).any(|when| {
            [format!("'{action}'"), format!("\"{action}\"")].iter().any(|word| when.contains(word.as_str()))
        });
        // One that allows and does not look at the action allows it, too.
        let for_all = rules().any(|rule| {
            let text = |key: &str| rule.get(key).and_then(toml::Value::as_str).unwrap_or_default();
            text("then") == "allow" && !text("when").contains("action")
        });
        // A rule that names other actions may speak of it all the same.
        let spoken = || {
            let question = json!({ "action": action }).to_string();
            let said = question_of(&question).and_then(|question| Ok(chain.explain(question)?));
            said.is_ok_and(|said| said.modules.iter().any(|module| module.ruling.verdict != Verdict::Abstain))
        };
        !by_default && !named && !for_all && !spoken()
    };
    let note = |action: &str| {
        format!(
            "nothing is said of `{action}`: unless another module allows it, a person is asked each time, though it is \
             within your grants; `default = {{ {action} = \"allow\" }}` allows it"
        )
    };
    ["process", "request"].into_iter().filter(|action| silent(action)).map(note).collect()
}

pub(super) fn check(out: Out, settings: Settings, rules: &Path) -> Outcome {
    let Report { text, findings, notes } = report(settings, rules)?;
    let counts = Counts::of(&text);
    if out.is_json() {
        out.json(&json!({
            "ok": findings.is_empty(), "file": rules, "rules": counts.rules, "examples": counts.examples,
            "findings": findings, "notes": notes,
        }))?;
    } else if findings.is_empty() {
        let (paint, name) = (out.paint(), rules.display());
        out.line(format!(
            "{} {name}: {} rules, and {} examples that hold",
            paint.good("ok:"),
            counts.rules,
            counts.examples
        ))?;
        for note in &notes {
            say(format!("note: {note}"));
        }
    } else {
        for finding in &findings {
            out.line(format!("{}: {finding}", rules.display()))?;
        }
    }
    Ok(if findings.is_empty() { Exit::Ok } else { Exit::Configuration })
}

pub(super) fn test(out: Out, settings: Settings, rules: &Path) -> Outcome {
    let Report { text, findings, .. } = report(settings, rules)?;
    let counts = Counts::of(&text);
    let about_one =
        |finding: &&String| finding.contains(" of `match`") || finding.contains(" of `not_match`");
    let failed = findings.iter().filter(about_one).count();
    // What is no finding about an example stopped the examples from being run at all.
    let unread = findings.len() > failed;
    if out.is_json() {
        out.json(&json!({
            "ok": findings.is_empty(),
            "file": rules,
            "rules": counts.rules,
            "examples": counts.examples,
            "failed": if unread { Value::Null } else { failed.into() },
            "without_examples": counts.without_examples,
            "findings": findings,
        }))?;
    } else {
        for finding in &findings {
            out.line(format!("{}: {finding}", rules.display()))?;
        }
        let held = counts.examples.saturating_sub(failed);
        if !unread {
            out.line(format!("{held} of {} examples hold, of {} rules", counts.examples, counts.rules))?;
        }
        for rule in &counts.without_examples {
            say(format!("note: rule {rule} has no examples"));
        }
    }
    Ok(if findings.is_empty() { Exit::Ok } else { Exit::Configuration })
}

/// What a file of rules holds, read without asking anything.
#[derive(Default)]
struct Counts {
    rules: usize,
    examples: usize,
    without_examples: Vec<String>,
}

impl Counts {
    fn of(text: &str) -> Self {
        let mut counts = Self::default();
        let table: toml::Table = text.parse().unwrap_or_default();
        for rule in table.get("rule").and_then(toml::Value::as_array).into_iter().flatten() {
            let count = |key| rule.get(key).and_then(toml::Value::as_array).map_or(0, Vec::len);
            let examples = count("match") + count("not_match");
            counts.rules += 1;
            counts.examples += examples;
            if examples == 0 {
                let id = rule.get("id").and_then(toml::Value::as_str);
                counts.without_examples.push(id.unwrap_or("?").to_owned());
            }
        }
        counts
    }
}
