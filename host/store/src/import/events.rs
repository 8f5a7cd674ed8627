//! Reading `events.jsonl`: lines in order, torn ones left out, numbered anew.

use cap_std::fs::Dir;
use pointsman_model::{Event, EventKind};
use serde_json::{Map, Value};

use super::records::FoundRun;
use super::{EVENTS_BYTES, read_file};

/// Bytes of one event, at most: many times what the server before this one aimed at.
const EVENT_BYTES: usize = 8 << 20;

/// Reads a run's events, if it has any.
pub(super) fn read_events(dir: &Dir, found: &mut FoundRun, notes: &mut Vec<String>) -> Result<(), String> {
    if !dir.exists("events.jsonl") {
        notes.push("it has no events.jsonl".to_owned());
        return Ok(());
    }
    let content = read_file(dir, "events.jsonl", EVENTS_BYTES)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("events.jsonl is larger than {EVENTS_BYTES} bytes"))?;
    let (mut unreadable, mut odd_numbers) = (0_u64, 0_u64);
    for line in content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
        let parsed =
            (line.len() <= EVENT_BYTES).then(|| serde_json::from_slice::<Map<String, Value>>(line).ok());
        let Some(fields) = parsed.flatten() else {
            unreadable += 1;
            continue;
        };
        let seq = found.events.len() as u64 + 1;
        odd_numbers += u64::from(fields.get("seq").and_then(Value::as_u64) != Some(seq));
        found.events.push(read_event(fields, seq, found));
        found.bytes += line.len();
    }
    if unreadable > 0 {
        notes.push(format!("{unreadable} lines of events.jsonl cannot be read and are left out"));
    }
    if odd_numbers > 0 {
        notes.push(format!(
            "{odd_numbers} events had a number that was missing or came twice; all are numbered anew"
        ));
    }
    Ok(())
}

fn read_event(mut fields: Map<String, Value>, seq: u64, found: &FoundRun) -> Event {
    let word = |key: &str| fields.get(key).and_then(Value::as_str);
    let ts = word("ts").and_then(|text| text.parse().ok()).unwrap_or(found.record.started_at);
    let kind = kind_of(word("type").unwrap_or("untyped"));
    let data = match fields.remove("data") {
        Some(Value::Object(data)) => data,
        Some(Value::Null) | None => Map::new(),
        Some(other) => Map::from_iter([("value".to_owned(), other)]),
    };
    Event {
        seq,
        ts,
        run_id: found.record.run_id,
        session_id: found.record.session_id,
        backend: found.record.backend.clone(),
        kind,
        data,
    }
}

/// Takes a kind as it is if it is one, else makes one of its own of it.
fn kind_of(word: &str) -> EventKind {
    let own = |word: &str| {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
        format!("x_imported_{}", word.chars().map(plain).take(50).collect::<String>())
    };
    EventKind::try_from(word.to_owned())
        .or_else(|_| EventKind::try_from(own(word)))
        // An empty word.
        .unwrap_or(EventKind::STATUS_CHANGED)
}
