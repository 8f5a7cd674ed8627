//! The guest as a policy. Its verdicts are honest: the question's word is its rule.

use crate::bindings::exports::pointsman::plugin::policy::{
    Access, Finding, Guest, GuestRulebook, Question, Rulebook, Ruling, Verdict,
};
use crate::bindings::pointsman::plugin::types::Description;
use crate::reach::reach;
use crate::ruin::ruin;
use crate::{Hostile, describe, word};

/// A configuration without anything to remember.
pub(crate) struct Whim;

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
        let finding = || Finding { rule: Some("first".to_owned()), text: "says nothing".to_owned() };
        match word.as_str() {
            "findings" => Err(vec![finding()]),
            "many_findings" => Err(vec![finding(); 10_000]),
            _ => Ok(Rulebook::new(Self)),
        }
    }

    fn decide(&self, question: Question) -> Result<Ruling, String> {
        ruin(&question.action);
        let verdict = match question.action.as_str() {
            "refuse" => return Err("not today".to_owned()),
            "allow" => Verdict::Allow,
            "ask" => Verdict::Ask,
            "deny" => Verdict::Deny,
            _ => Verdict::Abstain,
        };
        let reason = match question.action.as_str() {
            "huge_return" => "x".repeat(2 << 20),
            word => reach(word).unwrap_or_else(|| format!("{} by {}", question.detail, question.chain.len())),
        };
        Ok(Ruling {
            verdict,
            rule: Some(question.action),
            reason,
            ttl_seconds: Some(60),
            ceiling: Some(Access::ReadOnly),
        })
    }
}
