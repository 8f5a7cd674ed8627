//! What a principal may do, and what it may have others do.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Access;

/// A bound on the runs that somebody launches. What is not set bounds nothing.
///
/// Two bounds meet in the one that holds what both allow, so a bound that goes down a tree only shrinks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Backends that may drive them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<BTreeSet<String>>,
    /// Roles that they may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<String>>,
    /// How much they may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Folders in which they may work: absolute, without symbolic links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<BTreeSet<String>>,
    /// Keys of `backend_config` that may be set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_config: Option<BTreeSet<String>>,
}

/// What a run would have, held against a bound.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The backend.
    pub backend: &'a str,
    /// The role.
    pub role: &'a str,
    /// How much it may touch.
    pub access: Access,
    /// Where it works: absolute, without symbolic links.
    pub cwd: &'a str,
    /// The keys of `backend_config`.
    pub keys: &'a [String],
}

/// What of a wish lies beyond a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// The part of the bound.
    pub part: &'static str,
    /// What was wished.
    pub wished: String,
    /// What the bound allows.
    pub allowed: String,
}

impl Rights {
    /// Gives the bound that holds what both allow.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            backends: both(self.backends.as_ref(), other.backends.as_ref()),
            roles: both(self.roles.as_ref(), other.roles.as_ref()),
            access: match (self.access, other.access) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
            roots: match (&self.roots, &other.roots) {
                (Some(a), Some(b)) => {
                    // Of two folders one of which lies in the other, the inner one is what both allow.
                    let inner = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
                        a.iter().filter(|it| lies_in(it, b)).cloned().collect::<Vec<_>>()
                    };
                    Some(inner(a, b).into_iter().chain(inner(b, a)).collect())
                }
                (a, b) => a.clone().or_else(|| b.clone()),
            },
            backend_config: both(self.backend_config.as_ref(), other.backend_config.as_ref()),
        }
    }

    /// Fills what is not set here from another bound.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let or = |a: &Option<BTreeSet<String>>, b: &Option<BTreeSet<String>>| a.clone().or_else(|| b.clone());
        Self {
            backends: or(&self.backends, &other.backends),
            roles: or(&self.roles, &other.roles),
            access: self.access.or(other.access),
            roots: or(&self.roots, &other.roots),
            backend_config: or(&self.backend_config, &other.backend_config),
        }
    }

    /// Gives what of a wish lies beyond this bound, if anything.
    #[must_use]
    pub fn beyond(&self, wish: &Wish<'_>) -> Option<Beyond> {
        let not_in = |part: &'static str, wished: &str, set: &Option<BTreeSet<String>>| {
            set.as_ref().filter(|set| !set.contains(wished)).map(|set| Beyond {
                part,
                wished: wished.to_owned(),
                allowed: listed(set),
            })
        };
        not_in("backends", wish.backend, &self.backends)
            .or_else(|| not_in("roles", wish.role, &self.roles))
            .or_else(|| {
                let most = self.access.filter(|most| wish.access > *most)?;
                Some(Beyond {
                    part: "access",
                    wished: wish.access.as_str().to_owned(),
                    allowed: most.as_str().to_owned(),
                })
            })
            .or_else(|| {
                let roots = self.roots.as_ref().filter(|roots| !lies_in(wish.cwd, roots))?;
                Some(Beyond { part: "roots", wished: wish.cwd.to_owned(), allowed: listed(roots) })
            })
            .or_else(|| wish.keys.iter().find_map(|key| not_in("backend_config", key, &self.backend_config)))
    }

    /// Says whether this bounds nothing.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        *self == Self::default()
    }
}

fn both(a: Option<&BTreeSet<String>>, b: Option<&BTreeSet<String>>) -> Option<BTreeSet<String>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.intersection(b).cloned().collect()),
        (a, b) => a.or(b).cloned(),
    }
}

fn lies_in(path: &str, roots: &BTreeSet<String>) -> bool {
    roots.iter().any(|root| Path::new(path).starts_with(root))
}

fn listed(set: &BTreeSet<String>) -> String {
    if set.is_empty() { "nothing".to_owned() } else { set.iter().cloned().collect::<Vec<_>>().join(", ") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WORDS: [&str; 3] = ["codex", "claude_code", "script"];
    const ROLES: [&str; 3] = ["planner", "worker", "reviewer"];
    const FOLDERS: [&str; 5] = ["/", "/a", "/a/b", "/a/b/c", "/ab"];
    const KEYS: [&str; 2] = ["model", "effort"];

    fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Option<BTreeSet<String>>> {
        let set = proptest::sample::subsequence(words, 0..=words.len());
        proptest::option::of(set.prop_map(|set| set.into_iter().map(str::to_owned).collect()))
    }

    fn access() -> impl Strategy<Value = Access> {
        prop_oneof![Just(Access::ReadOnly), Just(Access::WorkspaceWrite), Just(Access::Full)]
    }

    fn rights() -> impl Strategy<Value = Rights> {
        (some_of(&WORDS), some_of(&ROLES), proptest::option::of(access()), some_of(&FOLDERS), some_of(&KEYS))
            .prop_map(|(backends, roles, access, roots, backend_config)| Rights {
                backends,
                roles,
                access,
                roots,
                backend_config,
            })
    }

    type Wanted = (&'static str, &'static str, Access, &'static str, Vec<String>);

    fn wish() -> impl Strategy<Value = Wanted> {
        let keys = proptest::sample::subsequence(&KEYS, 0..=2)
            .prop_map(|keys| keys.into_iter().map(str::to_owned).collect());
        (
            proptest::sample::select(&WORDS[..]),
            proptest::sample::select(&ROLES[..]),
            access(),
            proptest::sample::select(&FOLDERS[..]),
            keys,
        )
    }

    fn allows(rights: &Rights, (backend, role, access, cwd, keys): &Wanted) -> bool {
        rights.beyond(&Wish { backend, role, access: *access, cwd, keys }).is_none()
    }

    proptest! {
        /// What two bounds meet in allows exactly what both allow.
        #[test]
        fn meeting_is_both(a in rights(), b in rights(), wanted in wish()) {
            prop_assert_eq!(allows(&a.meet(&b), &wanted), allows(&a, &wanted) && allows(&b, &wanted));
            prop_assert_eq!(a.meet(&b), b.meet(&a));
            prop_assert_eq!(a.meet(&a), a);
        }

        /// Invariant 9. Down any line of a tree, whatever the operator gives to the roles on it, nobody may have done what
        /// somebody above may not.
        #[test]
        fn a_tree_only_shrinks(line in proptest::collection::vec((rights(), rights()), 1..6), wanted in wish()) {
            let mut delegable = Rights::default();
            let mut above: Vec<Rights> = Vec::new();
            for (may, may_delegate) in line {
                let own = may.meet(&delegable);
                let next = may_delegate.or(&may).meet(&delegable);
                for bound in &above {
                    if allows(&own, &wanted) || allows(&next, &wanted) {
                        prop_assert!(allows(bound, &wanted));
                    }
                }
                above.push(next.clone());
                delegable = next;
            }
        }
    }

    #[test]
    fn a_name_that_only_begins_alike_is_another_folder() {
        let roots = Some(BTreeSet::from(["/srv/a".to_owned()]));
        let rights = Rights { roots, ..Rights::default() };
        let at = |cwd| {
            rights.beyond(&Wish {
                backend: "codex",
                role: "worker",
                access: Access::ReadOnly,
                cwd,
                keys: &[],
            })
        };
        assert_eq!(at("/srv/a/b"), None);
        let beyond = at("/srv/ab").unwrap();
        assert_eq!((beyond.part, beyond.allowed.as_str()), ("roots", "/srv/a"));
    }
}
