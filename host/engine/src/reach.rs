//! What a client may touch, by who stands above it.
//!
//! A client that is no agent of ours sees everything. An agent sees, continues and ends what it launched, and what that
//! launched; of others it knows those in the same working directory by name, to write to them.

use std::sync::Arc;

use pointsman_model::{Principal, RunId, RunRecord, SessionId, SessionRecord};
use pointsman_store::{Store, StoreError, Whose};

use crate::{Error, Host};

/// Gives the chain of whatever a run's agent launches: the run's own chain and the run. `None` if nobody knows the run.
///
/// # Errors
///
/// If the state cannot be read.
pub fn chain_below(store: &Store, run: RunId) -> Result<Option<Vec<Principal>>, StoreError> {
    let Some(record) = store.run(run)? else { return Ok(None) };
    let mut chain = store.run_spec(run)?.chain;
    let depth = chain.last().map_or(0, |last| last.depth) + 1;
    chain.push(Principal {
        name: record.agent_name,
        role: record.role.as_str().to_owned(),
        run_id: Some(run.to_string()),
        depth,
    });
    Ok(Some(chain))
}

impl Host {
    /// Gives this same host as the agent of a run meets it, or as anybody with this chain above does.
    #[must_use]
    pub fn below(&self, above: Vec<Principal>) -> Self {
        Self { above: Arc::from(above), ..self.clone() }
    }

    /// Gives this same host as the agent of one of its live runs meets it; `None` if the run is not live here.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn as_agent_of(&self, run: RunId) -> Result<Option<Self>, Error> {
        if self.parts.driven(run).is_none() {
            return Ok(None);
        }
        let chain = self.parts.read(move |store| chain_below(store, run)).await?;
        Ok(chain.map(|chain| self.below(chain)))
    }

    /// Says who stands above whoever this host is met by, from the root; empty for a client of a person's.
    #[must_use]
    pub fn above(&self) -> &[Principal] {
        &self.above
    }

    /// Gives the run that a token was handed to, while that run lives.
    #[must_use]
    pub fn run_of_token(&self, token: &str) -> Option<RunId> {
        self.parts.tokens.run_of(token)
    }

    /// Says whether a run was launched by another one's agent, however far above.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn is_below(&self, run: RunId, ancestor: RunId) -> Result<bool, Error> {
        self.parts.read(move |store| store.is_below(run, ancestor)).await
    }

    /// Comes back when this process drives the run no longer.
    pub async fn until_over(&self, run: RunId) {
        let Some(mut live) = self.parts.driven(run) else { return };
        while live.over.changed().await.is_ok() {}
    }

    /// Gives the run whose agent meets this host, if it is one's.
    pub(crate) fn parent(&self) -> Option<RunId> {
        self.above.last()?.run_id.as_deref()?.parse().ok()
    }

    /// Says whose runs are shown.
    pub(crate) fn whose(&self) -> Whose {
        match self.above.last() {
            None => Whose::Everybody,
            // An agent that hides its run has launched what its own host drives, and nobody knows what else.
            Some(last) => last
                .run_id
                .as_deref()
                .and_then(|run| run.parse().ok())
                .map_or(Whose::Host(self.parts.id), Whose::Agent),
        }
    }

    /// Refuses a run that is not to be seen.
    pub(crate) async fn must_see(&self, record: &RunRecord) -> Result<(), Error> {
        let (id, session, sight) = (record.run_id, record.session_id, self.sight());
        self.parts.read(move |store| Ok(sight.reaches(store, id, session))).await?
    }

    /// Says which runs are to be seen, for reads that happen on another thread.
    pub(crate) fn sight(&self) -> Sight {
        Sight { whose: self.whose() }
    }

    /// Refuses a run that is not to be changed: an agent neither ends itself nor answers what it asked.
    pub(crate) async fn must_own(&self, record: &RunRecord) -> Result<(), Error> {
        self.must_see(record).await?;
        let (id, whose) = (record.run_id, self.whose());
        let own = self
            .parts
            .read(move |store| match whose {
                Whose::Agent(run) => Ok(!store.is_below(id, run)?),
                Whose::Everybody | Whose::Host(_) => Ok(false),
            })
            .await?;
        if own { Err(Error::Oneself { run_id: id.to_string() }) } else { Ok(()) }
    }

    /// Gives the agent's own session, if the client is a run's agent.
    pub(crate) fn own_session(&self, store: &Store) -> Result<Option<SessionRecord>, StoreError> {
        let Some(record) = self.parent().map(|run| store.run(run)).transpose()?.flatten() else {
            return Ok(None);
        };
        store.session(record.session_id)
    }

    /// Says whether a session is that of runs which are to be seen.
    pub(crate) fn sees_session(&self, store: &Store, session: &SessionRecord) -> Result<bool, StoreError> {
        let whose = self.whose();
        if whose == Whose::Everybody {
            return Ok(true);
        }
        store.session_is_of(session.session_id, whose)
    }
}

/// Which runs are to be seen.
pub(crate) struct Sight {
    whose: Whose,
}

impl Sight {
    /// Refuses a run that is not to be seen. Blocks.
    pub(crate) fn reaches(&self, store: &Store, id: RunId, session: SessionId) -> Result<(), Error> {
        let seen = match self.whose {
            Whose::Everybody => true,
            Whose::Host(host) => store.owner(id)? == host,
            Whose::Agent(run) => {
                store.run(run)?.is_some_and(|own| own.session_id == session) || store.is_below(id, run)?
            }
        };
        if seen { Ok(()) } else { Err(Error::NotYours { run_id: id.to_string() }) }
    }
}
