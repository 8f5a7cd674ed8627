//! Following the questions to people that runs of this host ask.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use pointsman_model::{Approval, ApprovalId, ApprovalState};
use tokio::sync::watch;

use crate::{Error, Host};

/// How long until the state is looked at again after it could not be read.
const AGAIN: Duration = Duration::from_secs(1);

/// What becomes of questions to people.
#[derive(Debug, Clone, PartialEq)]
pub enum QuestionNews {
    /// One waits for an answer. It is told once, whenever it was asked.
    Asked(Box<Approval>),
    /// One that was told waits no more: somebody answered, or it lapsed, or its agent took it back.
    Settled {
        /// Which one.
        approval_id: ApprovalId,
        /// Where it stands now.
        state: ApprovalState,
    },
}

/// The questions of the runs that one host drives, for a channel that puts them to people. Each channel has its own.
pub struct Questions {
    host: Host,
    changes: watch::Receiver<u64>,
    /// Something has changed since the last whole look.
    changed: bool,
    /// Told, and not yet settled.
    open: BTreeSet<ApprovalId>,
    news: VecDeque<QuestionNews>,
}

impl Host {
    /// Follows the questions of every run that this host drives, those included that wait already.
    ///
    /// What a question may be answered with is in the question: no scope is wider than [`Approval::scope`], an edited
    /// input is for an `editable` one, and nothing reaches further in time than
    /// [`Settings::longest_session`](crate::Settings::longest_session).
    #[must_use]
    pub fn questions(&self) -> Questions {
        let changes = self.parts.store.changes();
        // The first look is at once.
        Questions { host: self.clone(), changes, changed: true, open: BTreeSet::new(), news: VecDeque::new() }
    }

    /// Gives the questions that wait now, of the runs that this host drives, oldest first.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn open_questions(&self) -> Result<Vec<ApprovalId>, Error> {
        let host = self.parts.id;
        self.parts.read(move |store| store.pending_of(host)).await
    }
}

impl Questions {
    /// Waits for what comes next; `None` when the host ends. Nothing is lost if the caller stops waiting for it.
    ///
    /// A question that is asked and settled between two calls is not told.
    pub async fn next(&mut self) -> Option<QuestionNews> {
        let ending = self.host.parts.ending.clone();
        loop {
            if let Some(news) = self.news.pop_front() {
                return Some(news);
            }
            if !self.changed {
                tokio::select! {
                    biased;
                    () = ending.cancelled() => return None,
                    // The sender lives as long as the store that the host holds.
                    heard = self.changes.changed() => heard.ok()?,
                }
                self.changed = true;
            }
            if ending.is_cancelled() {
                return None;
            }
            match self.look().await {
                Ok(()) => self.changed = false,
                Err(error) => {
                    tracing::warn!(%error, "questions to people cannot be read");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Compares what is open with what was told. Changes nothing here before everything is read.
    async fn look(&mut self) -> Result<(), Error> {
        // Whatever is written from here on is a change that is looked at again.
        self.changes.mark_unchanged();
        let (host, open) = (self.host.parts.id, self.open.clone());
        let read = self.host.parts.read(move |store| {
            let pending = store.pending_of(host)?;
            let waiting: BTreeSet<ApprovalId> = pending.iter().copied().collect();
            let mut news = Vec::new();
            for id in open.difference(&waiting) {
                let state = store.approval(*id)?.map_or(ApprovalState::Withdrawn, |now| now.state);
                news.push(QuestionNews::Settled { approval_id: *id, state });
            }
            for id in pending.iter().filter(|id| !open.contains(id)) {
                // It may have been settled since.
                let asked = store.approval(*id)?.filter(|now| now.state == ApprovalState::Pending);
                news.extend(asked.map(|asked| QuestionNews::Asked(Box::new(asked))));
            }
            Ok(news)
        });
        for news in read.await? {
            match &news {
                QuestionNews::Asked(asked) => self.open.insert(asked.approval_id),
                QuestionNews::Settled { approval_id, .. } => self.open.remove(approval_id),
            };
            self.news.push_back(news);
        }
        Ok(())
    }
}
