//! Calls that only look.

use pointsman_model::calls::{
    ArtifactPage, EventPage, FetchAgentMessages, FetchedMessages, GetEventArtifact, ListAgents, ListRuns,
    ListedAgents, ListedRuns, RunRef,
};
use pointsman_model::{Approval, ApprovalState, RunId, RunRecord, SessionRecord};
use pointsman_store::{AgentFilter, Resolution, RunFilter, Store, StoreError};

use crate::reach::Sight;
use crate::{Error, Host};

/// Agents in one answer, at most.
const AGENTS: u32 = 1_000;
/// Questions in one answer, at most.
const APPROVALS: u32 = 1_000;

impl Host {
    /// Gives what is known of a run.
    ///
    /// # Errors
    ///
    /// If the reference names no run, or several.
    pub async fn get_run(&self, run: &RunRef) -> Result<RunRecord, Error> {
        let (run, sight) = (run.clone(), self.sight());
        self.parts.read(move |store| Ok(find_seen(store, &sight, &run))).await?
    }

    /// Lists runs, newest first.
    ///
    /// # Errors
    ///
    /// If the cursor is none of this store's.
    pub async fn list_runs(&self, call: &ListRuns) -> Result<ListedRuns, Error> {
        let (call, whose) = (call.clone(), self.whose());
        let page = self
            .parts
            .read(move |store| {
                let filter =
                    RunFilter { status: call.status, backend: call.backend, cwd: resolved(call.cwd), whose };
                store.list_runs(&filter, call.cursor.as_deref(), call.limit.unwrap_or(50))
            })
            .await?;
        let brief = |record| RunRecord { final_response: None, structured_output: None, ..record };
        Ok(ListedRuns {
            runs: page.runs.into_iter().map(brief).collect(),
            total: page.total,
            truncated: page.next_cursor.is_some(),
            next_cursor: page.next_cursor,
        })
    }

    /// Gives a page of a value that was moved out of an event.
    ///
    /// # Errors
    ///
    /// If the event has no such value; the message names those that it has.
    pub async fn get_event_artifact(&self, call: &GetEventArtifact) -> Result<ArtifactPage, Error> {
        let call = call.clone();
        let record = self.get_run(&call.run()).await?;
        self.parts
            .read(move |store| {
                let (offset, limit) = (call.offset.unwrap_or(0), call.limit.unwrap_or(65_536));
                Ok(match store.artifact(record.run_id, call.seq, &call.field_path, offset, limit) {
                    Ok(page) => Ok(page),
                    Err(StoreError::NoArtifacts { seq }) => {
                        Err(Error::Invalid(format!("No artifacts found for seq {seq}")))
                    }
                    Err(StoreError::NoArtifact { pointer, available }) => Err(Error::Invalid(format!(
                        "No artifact for field_path {pointer}. Available field paths: {}",
                        available.join(", ")
                    ))),
                    Err(error) => Err(error.into()),
                })
            })
            .await?
    }

    /// Finds the run of a reference, if it is to be seen, and reads a page of its events without waiting. Gives the
    /// number of the newest change before that, too.
    ///
    /// All of it in one go on another thread: somebody waits, and each change of threads costs them time.
    pub(crate) async fn events_now(
        &self,
        run: RunRef,
        after_seq: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<(u64, EventPage), Error> {
        let sight = self.sight();
        self.parts
            .read(move |store| {
                let latest = store.latest_change()?;
                let page = find_seen(store, &sight, &run)
                    .and_then(|record| Ok(page(store, record.run_id, after_seq, limit, max_bytes)?));
                Ok(page.map(|page| (latest, page)))
            })
            .await?
    }

    /// Reads a further page of a run that is known to be there and to be seen.
    pub(crate) async fn further_events(
        &self,
        run: RunId,
        after_seq: u64,
        limit: u32,
        max_bytes: usize,
    ) -> Result<(u64, EventPage), Error> {
        self.parts
            .read(move |store| Ok((store.latest_change()?, page(store, run, after_seq, limit, max_bytes)?)))
            .await
    }

    /// Lists agents, newest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn list_agents(&self, call: &ListAgents) -> Result<ListedAgents, Error> {
        let (call, host) = (call.clone(), self.clone());
        let (agents, truncated) = self
            .parts
            .read(move |store| {
                let filter =
                    AgentFilter { cwd: resolved(call.cwd), backend: call.backend, status: call.status };
                let mut agents = store.agents(&filter, AGENTS)?;
                let truncated = agents.len() >= AGENTS as usize;
                let (own, seen) = (host.own_session(store)?, store.runs_of(host.whose())?);
                if let Some(seen) = seen {
                    // Those of the same working directory can be written to.
                    agents.retain(|agent| {
                        agent.last_run_id.is_some_and(|run| seen.contains(&run))
                            || own.as_ref().is_some_and(|own| own.cwd == agent.cwd)
                    });
                }
                Ok((agents, truncated))
            })
            .await?;
        Ok(ListedAgents { agents, truncated })
    }

    /// Reads an agent's inbox. Takes nothing away.
    ///
    /// # Errors
    ///
    /// If the name means no agent, or several.
    pub async fn fetch_agent_messages(&self, call: &FetchAgentMessages) -> Result<FetchedMessages, Error> {
        let (call, host) = (call.clone(), self.clone());
        self.parts
            .read(move |store| {
                let session = match named(store, &call.agent_name, call.cwd.as_deref())? {
                    Ok(session) => session,
                    Err(error) => return Ok(Err(error)),
                };
                if !host.sees_session(store, &session)? {
                    return Ok(Err(Error::OtherInbox { name: session.agent_name }));
                }
                let (after, limit) = (call.after_seq.unwrap_or(0), call.limit.unwrap_or(100));
                let mut messages = store.fetch_mail(session.session_id, after, limit.saturating_add(1))?;
                let truncated = messages.len() > limit as usize;
                messages.truncate(limit as usize);
                Ok(Ok(FetchedMessages {
                    agent_name: session.agent_name,
                    session_id: session.session_id,
                    next_after_seq: messages.last().map_or(after, |mail| mail.seq),
                    messages,
                    truncated,
                }))
            })
            .await?
    }

    /// Lists questions to people, newest first: those that wait for an answer, or all.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn list_approvals(&self, all: bool) -> Result<Vec<Approval>, Error> {
        let state = (!all).then_some(ApprovalState::Pending);
        self.parts.read(move |store| store.approvals(state, APPROVALS)).await
    }
}

/// Finds the run that a reference names, if it is to be seen.
fn find_seen(store: &Store, sight: &Sight, run: &RunRef) -> Result<RunRecord, Error> {
    let record = find(store, run)?;
    sight.reaches(store, record.run_id, record.session_id)?;
    Ok(record)
}

fn page(
    store: &Store,
    run: RunId,
    after_seq: u64,
    limit: u32,
    max_bytes: usize,
) -> Result<EventPage, StoreError> {
    let slice = store.events(run, after_seq, limit, max_bytes)?;
    Ok(EventPage {
        run_id: run,
        status: slice.status,
        next_after_seq: slice.events.last().map_or(after_seq, |event| event.seq),
        last_seq: slice.last_seq,
        truncated: slice.more,
        events: slice.events,
    })
}

/// Finds the run that a reference names.
pub(crate) fn find(store: &Store, run: &RunRef) -> Result<RunRecord, Error> {
    let given = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(id) = given(&run.run_id) {
        let unknown = || Error::UnknownRun(id.chars().take(80).collect());
        return store.run(id.parse().map_err(|_| unknown())?)?.ok_or_else(unknown);
    }
    let Some(name) = given(&run.agent_name) else {
        return Err(Error::Invalid("Either run_id or agent_name is required".to_owned()));
    };
    let cwd = resolved(given(&run.cwd));
    match store.resolve(&name, cwd.as_deref())? {
        Resolution::One(record) => Ok(*record),
        Resolution::None => Err(Error::UnknownAgent { name, cwd }),
        Resolution::NoRuns => Err(Error::NoRuns { name, cwd }),
        Resolution::Ambiguous { cwds } => Err(ambiguous(&name, &cwds)),
    }
}

/// Finds the session that a name means.
pub(crate) fn named(
    store: &Store,
    name: &str,
    cwd: Option<&str>,
) -> Result<Result<SessionRecord, Error>, StoreError> {
    let cwd = resolved(cwd.map(str::to_owned));
    let mut sessions = store.sessions_named(name, cwd.as_deref())?;
    Ok(match sessions.len() {
        0 => Err(Error::UnknownAgent { name: name.to_owned(), cwd }),
        1 => Ok(sessions.remove(0)),
        _ => Err(ambiguous(name, &sessions.into_iter().map(|session| session.cwd).collect::<Vec<_>>())),
    })
}

/// Runs know their working directory without symbolic links, so a caller's is followed too. One that is gone may still
/// be asked about.
fn resolved(cwd: Option<String>) -> Option<String> {
    let cwd = cwd.filter(|cwd| !cwd.is_empty())?;
    let real =
        std::path::Path::new(&cwd).canonicalize().ok().and_then(|real| real.to_str().map(str::to_owned));
    Some(real.unwrap_or(cwd))
}

fn ambiguous(name: &str, cwds: &[String]) -> Error {
    Error::Invalid(format!(
        "Agent name {name} is ambiguous across cwd values: give one of {} as cwd, or a run_id",
        cwds.join(", ")
    ))
}
