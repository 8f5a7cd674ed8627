//! The module as a component.

use pointsman_sdk::policy::{self, Description, Finding, Guest, GuestRulebook, Matched, Question, Ruling};

use crate::Rulebook;

/// What the contract asks of a policy module.
#[derive(Debug)]
pub struct Rules;

impl Guest for Rules {
    type Rulebook = Rulebook;

    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").trim_start_matches("pointsman-").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Judges by ordered rules in TOML, whose conditions are CEL.".to_owned(),
            // The configuration is the text of a file of rules.
            config_schema: r#"{"type":"string"}"#.to_owned(),
            requests: Vec::new(),
        }
    }
}

impl GuestRulebook for Rulebook {
    fn load(config: String) -> Result<policy::Rulebook, Vec<Finding>> {
        Self::load(&config).map(policy::Rulebook::new)
    }

    fn decide(&self, question: Question) -> Result<Ruling, String> {
        Ok(Self::decide(self, &question))
    }

    fn explain(&self, question: Question) -> Result<Vec<Matched>, String> {
        Ok(Self::explain(self, &question))
    }
}

pointsman_sdk::export_policy!(Rules);
