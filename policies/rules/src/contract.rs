//! The words of the contract, as the parts of this module know them.

pub use pointsman_sdk::policy::{Access, Finding, Matched, Principal, Question, Ruling, Scope, Verdict};
