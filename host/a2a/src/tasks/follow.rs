//! Following a task while it goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use pointsman_model::RunId;

use super::{Tasks, Viewer, book};
use crate::calls::Calls;
use crate::story::Story;
use crate::view::{StreamItem, Update};
use crate::wire::Fault;

/// How long one look for events waits.
const WAIT_MS: u32 = 20_000;

/// A stream: the task as it stands, then what happens to it, until it ends or waits for this client.
pub(crate) struct Follow<C> {
    tasks: Arc<Tasks<C>>,
    viewer: Viewer,
    run: Option<RunId>,
    story: Story,
    queue: VecDeque<StreamItem>,
    over: bool,
}

impl<C: Calls> Follow<C> {
    /// Follows from how a story stands: nothing before is told again, nothing behind is lost.
    pub(super) fn from_here(tasks: Arc<Tasks<C>>, viewer: Viewer, story: Story) -> Self {
        let snapshot = StreamItem::Task(story.task(viewer.answers, None, true));
        let run = story.task_id().parse().ok();
        Self { tasks, viewer, run, story, queue: VecDeque::from([snapshot]), over: false }
    }

    /// Gives what happens next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<StreamItem, Fault>> {
        loop {
            if let Some(item) = self.queue.pop_front() {
                return Some(Ok(item));
            }
            let run = self.run.filter(|_| !self.over)?;
            let ending = self.tasks.ending.clone();
            let more = tokio::select! {
                // The client subscribes again once the host is back.
                () = ending.cancelled() => return None,
                more = self.look(run) => more,
            };
            if let Err(fault) = more {
                self.over = true;
                return Some(Err(fault));
            }
        }
    }

    async fn look(&mut self, run: RunId) -> Result<(), Fault> {
        let host = Arc::clone(&self.tasks.host);
        let page = book::page(host.as_ref(), run, self.story.seq, WAIT_MS).await?;
        if page.events.is_empty() && page.status.is_terminal() {
            self.over = true;
        }
        for event in page.events {
            let (event, approval) = book::whole(host.as_ref(), event).await?;
            for update in self.story.take(&event, approval) {
                self.tell(update);
            }
        }
        Ok(())
    }

    fn tell(&mut self, update: Update) {
        if self.over {
            return;
        }
        let (task_id, context_id) = (self.story.task_id(), self.story.context_id().to_owned());
        self.queue.push_back(match update {
            Update::Status(standing) => {
                let status = standing.seen_by(self.viewer.answers);
                self.over = standing.ends_stream(self.viewer.answers);
                StreamItem::Status { task_id, context_id, status, last: self.over }
            }
            Update::Artifact { artifact, append, last } => {
                StreamItem::Artifact { task_id, context_id, artifact, append, last }
            }
        });
    }
}

impl<C: Calls> Tasks<C> {
    /// Waits until a task has ended or waits for somebody.
    pub(super) async fn settled(&self, run: RunId, mut story: Story) -> Result<Story, Fault> {
        while !story.standing.ends_wait() {
            let ending = self.ending.clone();
            let page = tokio::select! {
                () = ending.cancelled() => return Err(Fault::Ending),
                page = book::page(self.host.as_ref(), run, story.seq, WAIT_MS) => page?,
            };
            if page.events.is_empty() && page.status.is_terminal() {
                break;
            }
            for event in page.events {
                let (event, approval) = book::whole(self.host.as_ref(), event).await?;
                story.take(&event, approval);
            }
        }
        Ok(story)
    }
}
