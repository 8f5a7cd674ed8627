//! Calls that wait: bounded, and back at once on any change.

use std::time::Duration;

use pointsman_model::calls::{EventPage, PollEvents, RunChange, WaitForRuns, WaitMode, WaitOutcome};
use pointsman_model::{RunId, RunRecord, Status};
use tokio::time::Instant;

use crate::{Error, Host};

/// How often the writes of other processes are looked for while somebody waits.
const FOREIGN: Duration = Duration::from_millis(100);
/// Runs in one answer, at most: fits into the size that every client takes.
const CHANGES: u32 = 25;

impl Host {
    /// Gives events after a number; waits for the first one if there is none yet and the run is not over.
    ///
    /// `limit`, `wait_ms` and `max_bytes` are taken as given: a face puts in defaults and checks bounds.
    ///
    /// # Errors
    ///
    /// If the reference names no run, or several.
    pub async fn poll_events(&self, call: &PollEvents) -> Result<EventPage, Error> {
        let deadline = Instant::now() + Duration::from_millis(call.wait_ms.unwrap_or(20_000).into());
        let (limit, bytes) = (call.limit.unwrap_or(100), call.max_bytes.unwrap_or(8_192) as usize);
        let mut following = self.follow();
        following.mark_seen();
        let (mut latest, mut page) = self.events_now(call.run(), call.after_seq, limit, bytes).await?;
        while page.events.is_empty() && !page.status.is_terminal() && Instant::now() < deadline {
            following.changed_by(deadline, latest).await;
            following.mark_seen();
            // A name might mean another run by now; an id does not.
            (latest, page) = self.further_events(page.run_id, call.after_seq, limit, bytes).await?;
        }
        Ok(page)
    }

    /// Waits for any or all of several runs to need attention, and gives what changed since a cursor.
    ///
    /// # Errors
    ///
    /// If a run is unknown, or the cursor is none of this host's.
    pub async fn wait_for_runs(&self, call: &WaitForRuns, wait: Duration) -> Result<WaitOutcome, Error> {
        let deadline = Instant::now() + wait;
        let ids = match &call.run_ids {
            Some(texts) => Some(self.known(texts).await?),
            None => None,
        };
        let cursor = match call.cursor.as_deref() {
            None | Some("") => 0,
            Some(text) => text.parse::<u64>().map_err(|_| {
                Error::Invalid(format!(
                    "cursor {text:?} is none of this host's; leave it out to see every run"
                ))
            })?,
        };
        let mode = call.mode.unwrap_or_default();
        let mut following = self.follow();
        loop {
            following.mark_seen();
            let (latest, outcome) = self.changes_now(ids.clone(), cursor, mode).await?;
            if outcome.done || Instant::now() >= deadline {
                return Ok(outcome);
            }
            following.changed_by(deadline, latest).await;
        }
    }

    async fn known(&self, texts: &[String]) -> Result<Vec<RunId>, Error> {
        let texts = texts.to_vec();
        let ids: Vec<RunId> = self
            .parts
            .read(move |store| {
                let mut ids = Vec::with_capacity(texts.len());
                for text in texts {
                    match text.parse::<RunId>() {
                        Ok(id) if store.run(id)?.is_some() => ids.push(id),
                        _ => return Ok(Err(Error::UnknownRun(text.chars().take(80).collect()))),
                    }
                }
                Ok(Ok(ids))
            })
            .await??;
        let whose = self.whose();
        let seen = self.parts.read(move |store| store.runs_of(whose)).await?;
        if let Some(hidden) = seen.and_then(|seen| ids.iter().find(|id| !seen.contains(id))) {
            return Err(Error::NotYours { run_id: hidden.to_string() });
        }
        Ok(ids)
    }

    async fn changes_now(
        &self,
        ids: Option<Vec<RunId>>,
        cursor: u64,
        mode: WaitMode,
    ) -> Result<(u64, WaitOutcome), Error> {
        let (whose, parent) = (self.whose(), self.parent());
        self.parts
            .read(move |store| {
                // An agent's own runs are few, and what it asks about without naming any is these.
                let mut seen = if ids.is_none() { store.runs_of(whose)? } else { None };
                if let Some(seen) = &mut seen {
                    // It does not wait for itself.
                    seen.retain(|run| Some(*run) != parent);
                }
                // The newest change is read first: what comes in between is seen again, never missed.
                let latest = store.latest_change()?;
                let unfinished = match &ids {
                    None => {
                        let mut records = store.unfinished_runs()?;
                        records
                            .retain(|record| seen.as_ref().is_none_or(|seen| seen.contains(&record.run_id)));
                        records
                    }
                    Some(ids) => {
                        let mut records = Vec::new();
                        for id in ids {
                            records.extend(store.run(*id)?.filter(|record| !record.status.is_terminal()));
                        }
                        records
                    }
                };
                // Without ids and cursor the question is about what goes on now, not about all of the past.
                let now: Vec<RunId>;
                let filter = match (&ids, cursor) {
                    (Some(ids), _) => Some(ids.as_slice()),
                    (None, 0) => {
                        now = unfinished.iter().map(|record| record.run_id).collect();
                        Some(now.as_slice())
                    }
                    (None, _) => seen.as_deref(),
                };
                let mut found = store.changed_since(cursor, filter, CHANGES + 1)?;
                let truncated = found.len() > CHANGES as usize;
                found.truncate(CHANGES as usize);
                let next_cursor = match found.last() {
                    Some((change, _)) if truncated => *change,
                    Some((change, _)) => latest.max(*change),
                    None => latest.max(cursor),
                };
                let done = match mode {
                    WaitMode::Any => {
                        found.iter().any(|(_, record)| needs_attention(record)) || unfinished.is_empty()
                    }
                    WaitMode::All => unfinished.iter().all(needs_attention),
                };
                let outcome = WaitOutcome {
                    done: done || truncated,
                    changes: found.into_iter().map(|(_, record)| change(record)).collect(),
                    still_running: unfinished.len() as u64,
                    next_cursor: next_cursor.to_string(),
                    truncated,
                };
                Ok((latest, outcome))
            })
            .await
    }

    fn follow(&self) -> Following {
        Following { host: self.clone(), own: self.parts.store.changes() }
    }
}

/// Watches for changes by this process and, now and then, by others.
struct Following {
    host: Host,
    own: tokio::sync::watch::Receiver<u64>,
}

impl Following {
    /// What this process wrote up to now counts as seen. Called before a look, so that nothing falls between two looks.
    fn mark_seen(&mut self) {
        self.own.mark_unchanged();
    }

    /// Waits until anything may have changed since `latest`, the newest change of the last look, but no longer than
    /// the deadline.
    async fn changed_by(&mut self, deadline: Instant, latest: u64) {
        loop {
            let pause = deadline.min(Instant::now() + FOREIGN);
            tokio::select! {
                // The sender lives as long as the store that this host holds.
                _ = self.own.changed() => return,
                () = tokio::time::sleep_until(pause) => {}
            }
            if Instant::now() >= deadline || self.host.parts.store.latest_change().ok() != Some(latest) {
                return;
            }
        }
    }
}

fn needs_attention(record: &RunRecord) -> bool {
    record.status.is_terminal()
        || matches!(record.status, Status::InputRequired | Status::AuthRequired | Status::ApprovalRequired)
}

fn change(record: RunRecord) -> RunChange {
    RunChange {
        needs_attention: needs_attention(&record),
        how: record.waiting_for.map(|waiting| waiting.how),
        run_id: record.run_id,
        agent_name: record.agent_name,
        status: record.status,
        summary: record.summary,
        last_seq: record.last_seq,
        updated_at: record.updated_at,
    }
}
