//! Who asks, and how a "no" is worded.

use std::fmt;

use pointsman_model::plugin::{HandleId, Input};
use pointsman_model::{CapabilityRequest, Grant, Leaf};

/// A plugin as its grants see it.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The table that configures it, such as `backends.codex`.
    pub table: &'a str,
    /// What it says that it needs.
    pub requests: &'a [CapabilityRequest],
    /// What its operator gives.
    pub grants: &'a [Grant],
}

impl Asker<'_> {
    /// Says whether the plugin may use `leaf` on `target`.
    ///
    /// # Errors
    /// If it does not ask for it, or was not given it; the text says what would help.
    pub fn check(&self, leaf: Leaf, target: &str) -> Result<(), String> {
        if Grant::allows(self.requests, self.grants, leaf, target) {
            return Ok(());
        }
        // Giving what was never asked for gives nothing, so a line of configuration would be false help there.
        let asked = [CapabilityRequest { leaf, target: target.to_owned(), why: String::new() }];
        if Grant::allows(&asked, self.grants, leaf, target) {
            return Err(format!(
                "`{leaf} {target}` is given in [{}], but the plugin's own description does not ask for it; a version \
                 of the plugin that asks would help",
                self.table
            ));
        }
        let given =
            self.grants.iter().map(|grant| format!("{:?}", format!("{} {}", grant.leaf, grant.target)));
        let line = given.chain([format!("{:?}", format!("{leaf} {target}"))]).collect::<Vec<_>>().join(", ");
        let asks = Grant::allows(self.requests, &[Grant { leaf, target: target.to_owned() }], leaf, target);
        let also = if asks { "" } else { ", and a version of the plugin whose description asks for it" };
        Err(format!(
            "`{leaf} {target}` is not granted; to allow it: [{}] grants = [{line}]{also}",
            self.table
        ))
    }
}

/// An effect that is not performed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The effect's name as in `wit/backend.wit`.
    pub effect: &'static str,
    /// Its handle, where it has one.
    pub id: Option<HandleId>,
    /// The capability that it needs.
    pub leaf: Leaf,
    /// Why not, and what a person could do about it.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused: {}", self.effect, self.reason)
    }
}

impl From<Refusal> for Input {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            effect: refusal.effect.to_owned(),
            id: refusal.id,
            leaf: refusal.leaf.as_str().to_owned(),
            reason: refusal.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invariant 6: a missing grant is refused with the line of configuration that would give it.
    #[test]
    fn a_refusal_carries_the_whole_line_that_would_help() {
        let requests =
            [CapabilityRequest { leaf: Leaf::ProcessSpawn, target: "codex".into(), why: String::new() }];
        let grants = [Grant { leaf: Leaf::TimerSet, target: "*".into() }];
        let asker = Asker { table: "backends.codex", requests: &requests, grants: &grants };
        let reason = asker.check(Leaf::ProcessSpawn, "codex").expect_err("not granted");
        assert!(
            reason.contains(r#"[backends.codex] grants = ["timer/set@1 *", "process/spawn@1 codex"]"#),
            "{reason}"
        );
    }

    #[test]
    fn a_grant_that_nobody_asked_for_is_no_help() {
        let grants = [Grant { leaf: Leaf::ProcessSpawn, target: "*".into() }];
        let asker = Asker { table: "backends.x", requests: &[], grants: &grants };
        let reason = asker.check(Leaf::ProcessSpawn, "sh").expect_err("not asked for");
        assert!(reason.contains("does not ask for it") && !reason.contains("grants ="), "{reason}");
    }
}
