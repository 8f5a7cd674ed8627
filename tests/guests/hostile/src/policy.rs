//! The guest as a policy. Its verdicts are honest: the word is its rule.

use crate::bindings::exports::pointsman::plugin::policy::{
    Access, Finding, Guest, GuestRulebook, Matched, Question, Rulebook, Ruling, Verdict,
};
use crate::bindings::pointsman::plugin::types::Description;
use crate::reach::reach;
use crate::ruin::ruin;
use crate::{Hostile, describe, word};

/// What it does whatever it is asked, if its configuration says so.
pub(crate) struct Whim(Option<String>);

impl Guest for Hostile {
    type Rulebook = Whim;

    fn describe() -> Description {
        describe::describe()
    }
}

impl GuestRulebook for Whim {
    fn load(config: String) -> Result<Rulebook, Vec<Finding>> {
        let word = word(&config);
        ruin(&word);
        let config: serde_json::Value = serde_json::from_str(&config).unwrap_or_default();
        let whim = config["decide"].as_str().map(str::to_owned);
        let finding = || Finding { rule: Some("first".to_owned()), text: "says nothing".to_owned() };
        match word.as_str() {
            "findings" => Err(vec![finding()]),
            "many_findings" => Err(vec![finding(); 10_000]),
            _ => Ok(Rulebook::new(Self(whim))),
        }
    }

    fn decide(&self, question: Question) -> Result<Ruling, String> {
        let word = self.0.clone().unwrap_or(question.action);
        ruin(&word);
        let verdict = match word.as_str() {
            "refuse" => return Err("not today".to_owned()),
            "allow" => Verdict::Allow,
            "ask" => Verdict::Ask,
            "deny" => Verdict::Deny,
            _ => Verdict::Abstain,
        };
        let reason = match word.as_str() {
            "huge_return" => "x".repeat(2 << 20),
            word => reach(word).unwrap_or_else(|| format!("{} by {}", question.detail, question.chain.len())),
        };
        Ok(Ruling {
            verdict,
            rule: Some(word),
            reason,
            ttl_seconds: Some(60),
            ceiling: Some(Access::ReadOnly),
            scope: None,
        })
    }

    fn explain(&self, question: Question) -> Result<Vec<Matched>, String> {
        let ruling = self.decide(question)?;
        let matched = Matched {
            rule: ruling.rule.unwrap_or_default(),
            verdict: ruling.verdict,
            reason: ruling.reason,
            ttl_seconds: ruling.ttl_seconds,
            ceiling: ruling.ceiling,
            scope: ruling.scope,
            undecided: None,
        };
        let copies = if matched.rule == "many_matched" { 5_000 } else { 1 };
        Ok(vec![matched; copies])
    }
}
