//! What faces for others ask besides: runs by who asked for them, and what stands behind a run.

use pointsman_model::calls::GetEventArtifact;
use pointsman_model::plugin::Feature;
use pointsman_model::{Approval, ApprovalId, Message, RunId, RunRecord, SessionId};
use pointsman_store::{PublishedFilter, PublishedPage};

use crate::{Error, Host};

impl Host {
    /// Lists published runs, the one that changed last first.
    ///
    /// # Errors
    ///
    /// If the cursor is none of this store's.
    pub async fn published_runs(
        &self,
        filter: PublishedFilter,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<PublishedPage, Error> {
        self.parts.read(move |store| store.published_runs(&filter, cursor.as_deref(), limit)).await
    }

    /// Gives the run that began last in a context; `None` if nobody knows the context.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn newest_published_in(
        &self,
        agent: &str,
        client: &str,
        context: &str,
    ) -> Result<Option<RunRecord>, Error> {
        let (agent, client, context) = (agent.to_owned(), client.to_owned(), context.to_owned());
        self.parts.read(move |store| store.newest_published_in(&agent, &client, &context)).await
    }

    /// Gives what was said to a run's agent first.
    ///
    /// # Errors
    ///
    /// If there is no such run.
    pub async fn first_message(&self, run: RunId) -> Result<Message, Error> {
        self.parts.read(move |store| Ok(store.run_spec(run)?.message)).await
    }

    /// Gives a question; `None` if nobody knows it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn approval(&self, id: ApprovalId) -> Result<Option<Approval>, Error> {
        self.parts.read(move |store| store.approval(id)).await
    }

    /// Gives a value that was moved out of an event, whole, or as much of it as `most` bytes hold.
    ///
    /// # Errors
    ///
    /// If the event has no such value.
    pub async fn moved_out(&self, run: RunId, seq: u64, pointer: &str, most: u64) -> Result<String, Error> {
        let mut value = String::new();
        loop {
            let page = GetEventArtifact {
                run_id: Some(run.to_string()),
                agent_name: None,
                cwd: None,
                seq,
                field_path: pointer.to_owned(),
                offset: Some(value.len() as u64),
                limit: Some(262_144),
            };
            let page = self.get_event_artifact(&page).await?;
            value.push_str(&page.content);
            if !page.has_more || value.len() as u64 >= most {
                return Ok(value);
            }
        }
    }

    /// Says what a backend can do.
    ///
    /// # Errors
    ///
    /// If there is no such backend, or its component cannot be loaded.
    pub async fn backend_features(&self, backend: &str) -> Result<Vec<Feature>, Error> {
        let (host, backend) = (self.clone(), backend.to_owned());
        // Loading a component blocks.
        let loaded = tokio::task::spawn_blocking(move || {
            Ok(host.parts.backend(&backend)?.0.about().features.iter().copied().collect())
        });
        loaded.await.map_err(|error| Error::Invalid(format!("loading the backend failed: {error}")))?
    }

    /// Says whether a further run can go on with a session: its agent has said by what, or is still at work and may.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn may_resume(&self, session: SessionId) -> Result<bool, Error> {
        self.parts
            .read(move |store| {
                let remembers = store.session(session)?.is_some_and(|it| it.remembered.is_some());
                Ok(remembers || !store.unfinished_runs_in(session)?.is_empty())
            })
            .await
    }
}
