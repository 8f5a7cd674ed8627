//! What a principal may do and what it may delegate, held against what is asked for.
//!
//! A run may do what the operator gives to its role, of what its parent may delegate; what it may delegate itself is
//! bounded in the same way. So every bound on the way from the root holds for whoever stands below.

use pointsman_model::{Access, Beyond, Rights, Role, RunId, Wish};
use pointsman_store::StoreError;

use crate::{Error, Host};

/// What the operator gives to a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleRights {
    /// What runs of the role may do.
    pub may: Rights,
    /// What they may have others do; what is not set here is as in `may`.
    pub may_delegate: Rights,
}

/// The name by which a client stands among the roles.
pub(crate) const CLIENT: &str = "client";

/// Who launches a run: the role, and what it may delegate.
pub(crate) struct Giver {
    role: String,
    delegable: Rights,
}

impl Host {
    /// Gives what whoever meets this host may delegate.
    pub(crate) fn giver(&self) -> Result<Giver, StoreError> {
        if self.above().is_empty() {
            let given = self.role_rights(CLIENT);
            return Ok(Giver { role: CLIENT.to_owned(), delegable: given.may_delegate.or(&given.may) });
        }
        let known = match self.parent() {
            Some(run) => self.delegable_of(run)?,
            None => None,
        };
        // The run of another state was launched by a host that this one knows nothing of.
        Ok(known.unwrap_or(Giver { role: "worker".to_owned(), delegable: Rights::default() }))
    }

    fn delegable_of(&self, run: RunId) -> Result<Option<Giver>, StoreError> {
        let store = &self.parts.store;
        let Some(record) = store.run(run)? else { return Ok(None) };
        let mut delegable = store.run_spec(run)?.delegable;
        // What it has itself, after the policies' word: wider only if the operator said so.
        delegable.access = delegable.access.or(record.access);
        Ok(Some(Giver { role: record.role.as_str().to_owned(), delegable }))
    }

    fn role_rights(&self, role: &str) -> RoleRights {
        self.settings().rights.get(role).cloned().unwrap_or_default()
    }
}

impl Giver {
    /// Gives the most that a run of a role may touch.
    pub(crate) fn most_access(&self, host: &Host, role: Role) -> Option<Access> {
        host.role_rights(role.as_str()).may.meet(&self.delegable).access
    }

    /// Gives what the run may delegate; refuses one that wants more than it may have.
    pub(crate) fn grant(&self, host: &Host, wish: &Wish<'_>) -> Result<Rights, Error> {
        let given = host.role_rights(wish.role);
        let refused = |beyond: Beyond, who: String, table: String| Error::Beyond {
            what: beyond.part,
            who,
            beyond: Box::new(beyond),
            table,
        };
        if let Some(beyond) = given.may.beyond(wish) {
            let table = format!("delegation.roles.{}.may", wish.role);
            return Err(refused(beyond, format!("a {} may have", wish.role), table));
        }
        if let Some(beyond) = self.delegable.beyond(wish) {
            let table = format!("delegation.roles.{}.may_delegate", self.role);
            return Err(refused(beyond, format!("this {} may delegate", self.role), table));
        }
        let own = Rights { access: None, ..given.may };
        let delegable = given.may_delegate.or(&own);
        let access = delegable.access;
        let met = delegable.meet(&self.delegable);
        // Without a word of the operator's it is the run's own access, which is known when it launches something.
        Ok(Rights { access: access.and(met.access), ..met })
    }
}
