//! Pages, cut to fit where they are longer than the engine was asked for.

use pointsman_model::calls::{
    ArtifactPage, EventPage, FetchedMessages, ListedAgents, ListedRuns, WaitOutcome,
};
use serde::Serialize;

use super::measure::{cut_text, cut_texts, json_len, prefix};
use super::{DEFAULT_BYTES, MOST_BYTES};

/// Counts how many items from the front fit beside the rest of a page; the first one always does.
fn that_fit<T: Serialize>(page_without: usize, items: &[T], most: usize) -> usize {
    let mut used = page_without;
    let mut count = 0;
    for item in items {
        used = used.saturating_add(json_len(item)).saturating_add(1);
        if used > most && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

/// Measures a page without its items.
fn frame<P: Serialize, T>(page: &mut P, items: impl Fn(&mut P) -> &mut Vec<T>) -> usize {
    let taken = std::mem::take(items(page));
    let len = json_len(page);
    *items(page) = taken;
    len
}

/// Keeps the events that fit. The first one stays whatever its size, so that every reader gets on.
pub(crate) fn events_that_fit(mut page: EventPage, most: usize) -> EventPage {
    let frame = frame(&mut page, |page| &mut page.events);
    let count = that_fit(frame, &page.events, most);
    if count < page.events.len() {
        page.events.truncate(count);
        page.truncated = true;
        if let Some(last) = page.events.last() {
            page.next_after_seq = last.seq;
        }
    }
    page
}

/// Says how many runs of a page fit.
pub(crate) fn runs_that_fit(page: &mut ListedRuns, most: usize) -> usize {
    let frame = frame(page, |page| &mut page.runs);
    that_fit(frame, &page.runs, most)
}

/// Keeps the agents that fit. There is no next page: the question can be narrowed.
pub(crate) fn agents_that_fit(mut page: ListedAgents) -> ListedAgents {
    let frame = frame(&mut page, |page| &mut page.agents);
    let count = that_fit(frame, &page.agents, DEFAULT_BYTES as usize);
    page.truncated |= count < page.agents.len();
    page.agents.truncate(count);
    page
}

/// Keeps the messages that fit. The first one stays, cut only if it is larger than any client takes.
pub(crate) fn mail_that_fits(mut page: FetchedMessages) -> Result<FetchedMessages, serde_json::Error> {
    let frame = frame(&mut page, |page| &mut page.messages);
    let count = that_fit(frame, &page.messages, DEFAULT_BYTES as usize);
    if count < page.messages.len() {
        page.messages.truncate(count);
        page.truncated = true;
        if let Some(last) = page.messages.last() {
            page.next_after_seq = last.seq;
        }
    }
    if let [only] = page.messages.as_mut_slice()
        && json_len(only) > MOST_BYTES - frame
    {
        let mut value = serde_json::to_value(&*only)?;
        cut_texts(&mut value, MOST_BYTES - frame);
        *only = serde_json::from_value(value)?;
    }
    Ok(page)
}

/// Shortens the summaries until the changes fit; their number is the engine's to bound.
pub(crate) fn changes_that_fit(mut outcome: WaitOutcome) -> WaitOutcome {
    for longest in [80, 40] {
        if json_len(&outcome) <= DEFAULT_BYTES as usize {
            break;
        }
        for change in &mut outcome.changes {
            change.summary = cut_text(&change.summary, longest);
        }
    }
    outcome
}

/// Says how many bytes of a page's content fit, if not all do.
pub(crate) fn artifact_bytes_that_fit(page: &mut ArtifactPage) -> Option<u32> {
    if json_len(page) <= DEFAULT_BYTES as usize {
        return None;
    }
    let content = std::mem::take(&mut page.content);
    let frame = json_len(page);
    // A character at least, however the rest of the page looks.
    let room = (DEFAULT_BYTES as usize).saturating_sub(frame).max(6);
    let fitting = prefix(&content, room).len();
    page.content = content;
    u32::try_from(fitting).ok()
}
