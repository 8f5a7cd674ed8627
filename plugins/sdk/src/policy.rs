//! World `policy-module`: decides what may happen, what must not, and what a person must confirm.

pub use crate::bindings::policy::exports::pointsman::plugin::policy::{
    Finding, Guest, GuestRulebook, Matched, Principal, Question, Rulebook, Ruling, Scope, Verdict,
};
pub use crate::types::{Access, Description, Timestamp};
