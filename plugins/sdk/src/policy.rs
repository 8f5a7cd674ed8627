//! World `policy-module`: decides what may happen, what must not, and what a person must confirm.

pub use crate::bindings::policy::exports::pointsman::plugin::policy::{
    Finding, Guest, GuestRulebook, Principal, Question, Rulebook, Ruling, Verdict,
};
pub use crate::types::{Access, Description, Timestamp};
