//! The words of the contract, as the parts of this module know them.

pub use pointsman_sdk::policy::{Access, Finding, Principal, Question, Ruling, Verdict};
