//! What rules do, seen from outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod careful;
mod conditions;
mod deciding;
mod evasions;
mod hidden;
mod load_errors;
mod readme;
mod sets;

use pointsman_rules::{Question, Rulebook, Ruling, base_question};

/// Loads rules that must be right.
fn load(text: &str) -> Rulebook {
    Rulebook::load(text).unwrap_or_else(|findings| panic!("{}", listed(&findings)))
}

/// Gives the findings of rules that must be wrong, one per line.
fn findings(text: &str) -> String {
    match Rulebook::load(text) {
        Ok(_) => "no findings".to_owned(),
        Err(findings) => listed(&findings),
    }
}

fn listed(findings: &[pointsman_rules::Finding]) -> String {
    let line = |finding: &pointsman_rules::Finding| {
        format!("[{}] {}", finding.rule.as_deref().unwrap_or("-"), finding.text)
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Loads one rule with a condition.
fn rule(then: &str, when: &str) -> Rulebook {
    load(&format!("[[rule]]\nid = \"only\"\nwhen = '''{when}'''\nthen = \"{then}\"\n"))
}

/// Judges the base question, changed.
fn decide(book: &Rulebook, change: impl FnOnce(&mut Question)) -> Ruling {
    let mut question = base_question();
    change(&mut question);
    book.decide(&question)
}

/// Replaces facts by their JSON pointers.
fn set_facts(question: &mut Question, changes: &[(&str, serde_json::Value)]) {
    let mut facts: serde_json::Value = serde_json::from_str(&question.facts).unwrap();
    for (pointer, value) in changes {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        facts.pointer_mut(parent).unwrap()[name] = value.clone();
    }
    question.facts = facts.to_string();
}
