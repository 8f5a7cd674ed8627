//! The protocol's operations, on runs.

mod answer;
mod book;
mod follow;
mod send;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use pointsman_engine::{Client, PublishedFilter};
use pointsman_model::calls::RunRef;
use pointsman_model::{RunRecord, Status};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::settings::AgentSettings;
use crate::story::Story;
use crate::view::{State, Task};
use crate::wire::{Fault, List};

pub(crate) use follow::Follow;

/// Who asks, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Viewer {
    /// The client's name.
    pub(crate) name: String,
    /// Whether it speaks for a person.
    pub(crate) answers: bool,
}

impl Viewer {
    pub(crate) fn client(&self) -> Client {
        Client { name: self.principal(), version: None }
    }

    pub(crate) fn principal(&self) -> String {
        format!("a2a:{}", self.name)
    }
}

/// The operations on tasks.
pub(crate) struct Tasks<C> {
    pub(crate) host: Arc<C>,
    /// Cancelled when the server is to end.
    pub(crate) ending: CancellationToken,
    book: book::Book,
    /// One message after the other opens a context that the client named.
    contexts: std::sync::Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    pub(crate) tasks: Vec<Task>,
    pub(crate) total: u64,
    pub(crate) page_size: u32,
    pub(crate) next: String,
}

impl<C: Calls> Tasks<C> {
    pub(crate) fn new(host: Arc<C>, ending: CancellationToken) -> Self {
        Self { host, ending, book: book::Book::default(), contexts: std::sync::Mutex::default() }
    }

    /// Gives a task.
    pub(crate) async fn get(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        id: &str,
        history: Option<usize>,
    ) -> Result<Task, Fault> {
        let record = self.record(agent, viewer, id).await?;
        Ok(self.story(&record).await?.task(viewer.answers, history, true))
    }

    /// Lists tasks, the one that changed last first.
    pub(crate) async fn list(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        list: List,
    ) -> Result<Page, Fault> {
        let filter = PublishedFilter {
            agent: agent.name.clone(),
            client: viewer.name.clone(),
            context: list.context_id,
            statuses: list.state.map(|state| statuses(state, viewer.answers)).unwrap_or_default(),
            changed_after: list.changed_after,
        };
        let token = list.page_token;
        let page = self.host.published_runs(filter, token.clone(), list.page_size).await;
        let page = page.map_err(|error| match token {
            Some(_) => Fault::invalid("pageToken", "pageToken is none of this agent's"),
            None => error.into(),
        })?;
        let mut tasks = Vec::with_capacity(page.runs.len());
        for record in &page.runs {
            let mut task = self.story(record).await?.task(viewer.answers, list.history, list.artifacts);
            // What the order of the list goes by.
            task.status.at = record.updated_at;
            tasks.push(task);
        }
        Ok(Page {
            tasks,
            total: page.total,
            page_size: list.page_size,
            next: page.next_cursor.unwrap_or_default(),
        })
    }

    /// Ends a task; comes back when nothing of it lives any more.
    pub(crate) async fn cancel(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        id: &str,
    ) -> Result<Task, Fault> {
        let record = self.record(agent, viewer, id).await?;
        let reason = format!("cancelled by {}", viewer.principal());
        match self.host.cancel_run(&viewer.client(), &reference(&record), &reason).await {
            Ok(_) => {}
            Err(pointsman_engine::Error::ShuttingDown) => return Err(Fault::Ending),
            Err(error) => return Err(Fault::NotCancelable { why: error.to_string() }),
        }
        self.get(agent, viewer, id, None).await
    }

    /// Follows a task from how it stands now.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        agent: &AgentSettings,
        viewer: &Viewer,
        id: &str,
    ) -> Result<Follow<C>, Fault> {
        let record = self.record(agent, viewer, id).await?;
        let story = self.story(&record).await?;
        if story.standing.state.is_terminal() {
            return Err(Fault::Unsupported {
                message: format!("task {id} has ended: get it instead of subscribing to it"),
            });
        }
        Ok(Follow::from_here(Arc::clone(self), viewer.clone(), story))
    }

    /// Gives the run of a task, if it is this client's and this agent's. Any other is unknown.
    pub(crate) async fn record(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        id: &str,
    ) -> Result<RunRecord, Fault> {
        let unknown = || Fault::TaskNotFound { task: id.chars().take(80).collect() };
        let run = RunRef { run_id: Some(id.to_owned()), ..RunRef::default() };
        if id.is_empty() {
            return Err(unknown());
        }
        let record = match self.host.get_run(&run).await {
            Ok(record) => record,
            Err(pointsman_engine::Error::UnknownRun(_)) => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        let said = |key: &str| published(&record, key);
        let mine = said("agent") == Some(&agent.name) && said("client") == Some(&viewer.name);
        if mine { Ok(record) } else { Err(unknown()) }
    }

    /// Gives the story of a run up to now.
    pub(crate) async fn story(&self, record: &RunRecord) -> Result<Story, Fault> {
        let context = published(record, "context_id").unwrap_or_default();
        self.book.up_to_date(self.host.as_ref(), record, context).await
    }

    fn context_lock(&self, context: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut contexts = self.contexts.lock().unwrap_or_else(PoisonError::into_inner);
        contexts.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(contexts.entry(context.to_owned()).or_default())
    }
}

/// Reads what this face wrote into a run's metadata.
pub(crate) fn published<'a>(record: &'a RunRecord, key: &str) -> Option<&'a str> {
    record.metadata.get(crate::story::KEPT)?.get(key).and_then(Value::as_str)
}

pub(crate) fn reference(record: &RunRecord) -> RunRef {
    RunRef { run_id: Some(record.run_id.to_string()), ..RunRef::default() }
}

/// Gives the statuses of runs that a client sees as this state.
fn statuses(state: State, answers: bool) -> Vec<Status> {
    let mut statuses = vec![match state {
        State::Submitted => Status::Queued,
        State::Working => Status::Running,
        State::InputRequired => Status::InputRequired,
        State::AuthRequired => Status::AuthRequired,
        State::Completed => Status::Completed,
        State::Failed => Status::Failed,
        State::Canceled => Status::Cancelled,
        State::Rejected => Status::Rejected,
    }];
    if state == (if answers { State::InputRequired } else { State::AuthRequired }) {
        statuses.push(Status::ApprovalRequired);
    }
    statuses
}
