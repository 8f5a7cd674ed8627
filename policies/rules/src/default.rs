//! What a file says of a question to which none of its rules has anything to say.

use crate::contract::{Matched, Verdict};

/// A rule's id does not begin like this: it is how a default is named in rulings.
pub(crate) const PREFIX: &str = "default.";

/// What a file says where no rule of it matches, of one action.
#[derive(Debug, Clone)]
pub(crate) struct ByDefault {
    pub(crate) action: String,
    pub(crate) then: Verdict,
}

impl ByDefault {
    /// Names it in rulings, as a rule is named by its id.
    pub(crate) fn id(&self) -> String {
        format!("{PREFIX}{}", self.action)
    }

    /// Says why it speaks.
    pub(crate) fn reason(&self) -> String {
        let word = match self.then {
            Verdict::Allow => "allowed",
            Verdict::Deny => "denied",
            Verdict::Ask | Verdict::Abstain => "asked about",
        };
        format!("no rule speaks of this, and by default `{}` is {word}", self.action)
    }

    /// Says it as a rule that matches says it.
    pub(crate) fn matched(&self) -> Matched {
        Matched {
            rule: self.id(),
            verdict: self.then,
            reason: self.reason(),
            ttl_seconds: None,
            ceiling: None,
            scope: None,
            undecided: None,
        }
    }
}
