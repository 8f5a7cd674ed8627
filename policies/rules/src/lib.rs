//! The policy module `rules`: ordered TOML rules with CEL conditions.
//!
//! A file of rules is read once ([`Rulebook::load`]): every name in it is checked, and the examples that stand
//! beside its rules are run. Then it judges questions ([`Rulebook::decide`]): of all rules that match, the strictest
//! stands. `README.md` describes the file for those who write one.
//!
//! - `file`: the TOML, with everything that may be wrong with it.
//! - `commands`: command lines, read as what they would run.
//! - `condition`: CEL, checked and prepared.
//! - `examples`: the questions that `match` and `not_match` describe.
//! - `default`: what is said where no rule matches.
//! - `rulebook`: the judgement.

mod commands;
mod condition;
mod contract;
mod default;
mod examples;
mod file;
mod finding;
mod rulebook;
mod suggest;
mod ttl;

mod component;

pub use component::Rules;
pub use condition::{documented_functions, documented_paths};
pub use contract::{Access, Finding, Matched, Principal, Question, Ruling, Scope, Verdict};
pub use examples::base_question;
pub use rulebook::Rulebook;

/// The rules that ship as the default.
pub const CAREFUL: &str = include_str!("../sets/careful.toml");

/// All sets of rules that ship, by name.
pub const SETS: &[(&str, &str)] = &[
    ("careful", CAREFUL),
    ("read-only", include_str!("../sets/read-only.toml")),
    ("team", include_str!("../sets/team.toml")),
    ("open", include_str!("../sets/open.toml")),
];
