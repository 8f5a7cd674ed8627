//! Stories that were told already, so that a task that is asked about again is not read from its beginning.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_engine::Error;
use pointsman_model::calls::{EventPage, PollEvents};
use pointsman_model::{Approval, Event, EventKind, RunId, RunRecord};
use serde_json::Value;

use crate::calls::Calls;
use crate::story::Story;
use crate::wire::Fault;

/// Stories that are kept.
const KEPT: usize = 128;
/// How much of a text is put back that was moved out of its event.
const WHOLE: u64 = 4 * 1024 * 1024;
/// A page of events.
const EVENTS: u32 = 1_000;
const BYTES: u32 = 262_144;

/// Stories by their runs.
#[derive(Default)]
pub(super) struct Book {
    shelf: Mutex<Shelf>,
}

/// The stories, each with when it was used last by a count of all uses.
#[derive(Default)]
struct Shelf {
    uses: u64,
    stories: HashMap<RunId, (u64, Story)>,
}

impl Book {
    /// Tells a run's events up to the newest. Events never change, so a story is only ever told further.
    pub(super) async fn up_to_date<C: Calls>(
        &self,
        host: &C,
        record: &RunRecord,
        context: &str,
    ) -> Result<Story, Fault> {
        let known = self.lock().stories.get(&record.run_id).map(|(_, story)| story.clone());
        let mut story = match known {
            Some(story) => story,
            None => {
                let first = host.first_message(record.run_id).await?;
                Story::begin(record.run_id, context.to_owned(), &first, record.started_at)
            }
        };
        loop {
            let page = page(host, record.run_id, story.seq, 0).await?;
            for event in page.events {
                let (event, approval) = whole(host, event).await?;
                story.take(&event, approval);
            }
            if !page.truncated {
                break;
            }
        }
        self.keep(record.run_id, &story);
        Ok(story)
    }

    fn keep(&self, run: RunId, story: &Story) {
        let mut shelf = self.lock();
        shelf.uses += 1;
        let now = shelf.uses;
        shelf.stories.insert(run, (now, story.clone()));
        if shelf.stories.len() > KEPT {
            let oldest = shelf.stories.iter().min_by_key(|(_, (used, _))| *used).map(|(run, _)| *run);
            oldest.map(|run| shelf.stories.remove(&run));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a page of events, or waits for the first of it.
pub(super) async fn page<C: Calls>(
    host: &C,
    run: RunId,
    after: u64,
    wait_ms: u32,
) -> Result<EventPage, Error> {
    let call = PollEvents {
        run_id: Some(run.to_string()),
        agent_name: None,
        cwd: None,
        after_seq: after,
        limit: Some(EVENTS),
        wait_ms: Some(wait_ms),
        max_bytes: Some(BYTES),
    };
    host.poll_events(&call).await
}

/// Puts back what was moved out of an event, and finds the question that it asks.
pub(super) async fn whole<C: Calls>(host: &C, mut event: Event) -> Result<(Event, Option<Approval>), Error> {
    if event.kind == EventKind::APPROVAL_REQUIRED {
        let id = event.data.get("approval_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let approval = match id {
            Some(id) => host.approval(id).await?,
            None => None,
        };
        return Ok((event, approval));
    }
    let told = [
        EventKind::AGENT_MESSAGE,
        EventKind::MESSAGE_ADDED,
        EventKind::ARTIFACT_ADDED,
        EventKind::INPUT_REQUIRED,
        EventKind::AUTH_REQUIRED,
        EventKind::RUN_COMPLETED,
        EventKind::RUN_FAILED,
    ];
    if !told.contains(&event.kind) {
        return Ok((event, None));
    }
    let Some(Value::Object(refs)) = event.data.remove("artifact_refs") else { return Ok((event, None)) };
    let mut data = Value::Object(std::mem::take(&mut event.data));
    for (pointer, reference) in refs {
        let Some(place) = data.pointer_mut(&pointer) else { continue };
        let content = host.moved_out(event.run_id, event.seq, &pointer, WHOLE).await?;
        if reference.get("mime").and_then(Value::as_str) == Some("application/json") {
            // What was too long to be read whole is no JSON; the event's own summary of it stays.
            if let Ok(value) = serde_json::from_str(&content) {
                *place = value;
            }
        } else {
            *place = Value::String(content);
        }
    }
    if let Value::Object(data) = data {
        event.data = data;
    }
    Ok((event, None))
}
