//! The passes over one event.

use pointsman_sdk::Draft;
use serde_json::{Map, Value};

use crate::limits::{LAST_STRUCTURE_BYTES, LAST_TEXT_BYTES};
use crate::{Artifact, Event, Limits, Outcome, Rewritten, cut, weight};

/// Texts that commands print, and commands.
const OUTPUTS: &[&str] = &["/stdout", "/stderr", "/output", "/aggregated_output", "/command"];
/// Texts that are said or written.
const TEXTS: &[&str] = &[
    "/content",
    "/text",
    "/final_response",
    "/summary",
    "/input/content",
    "/input/old_string",
    "/input/new_string",
];
/// What may be a structure; a text there counts as said.
const STRUCTURES: &[&str] = &["/raw_tool_use_result", "/arguments", "/result", "/error", "/changes"];
/// Short words that programs read: they stay whole as long as any field can.
const STAY: &[&str] = &[
    "tool",
    "tool_use_id",
    "exit_code",
    "status",
    "is_error",
    "interrupted",
    "file_path",
    "backend_session_id",
    "thread_id",
    "context_id",
    "task_id",
    "agent_url",
    "agent_name",
    "conversation_id",
    "item_id",
];
/// The key under which the host lists what was moved out.
const REFS: &str = "artifact_refs";
/// A word of [`STAY`] that is longer than this goes with the rest when an event is moved out as a whole.
const WORD_BYTES: usize = 256;
/// What the host writes around an event's data, ids and times included, kind and item excluded.
const ENVELOPE_BYTES: usize = 384;
/// What the host writes of one artifact, pointer and kind excluded.
const REFERENCE_BYTES: usize = 256;

/// Judges one event.
pub(crate) fn event(event: &Event, limits: &Limits) -> Result<Outcome, String> {
    if event.data.len() <= limits.harmless() && !event.data.contains(REFS) {
        return Ok(Outcome::Keep);
    }
    let data = serde_json::from_str(&event.data)
        .map_err(|error| format!("data of an event {} is no JSON object: {error}", event.kind))?;
    let mut spilling = Spilling { event, data, artifacts: Vec::new() };
    spilling.known_texts(limits);
    spilling.known_structures(limits);
    spilling.foreign_references();
    spilling.largest_fields(limits)?;
    Ok(spilling.outcome())
}

/// An event that is being made smaller.
struct Spilling<'a> {
    event: &'a Event,
    data: Map<String, Value>,
    artifacts: Vec<Artifact>,
}

impl Spilling<'_> {
    /// Cuts texts at known places.
    fn known_texts(&mut self, limits: &Limits) {
        for pointer in OUTPUTS {
            self.cut_text(pointer, limits.output_bytes);
        }
        for pointer in TEXTS {
            self.cut_text(pointer, limits.text_bytes);
        }
    }

    /// Summarises structures at known places.
    fn known_structures(&mut self, limits: &Limits) {
        for pointer in STRUCTURES {
            match lookup(&mut self.data, pointer) {
                Some(Value::String(_)) => self.cut_text(pointer, limits.text_bytes),
                Some(value @ (Value::Object(_) | Value::Array(_)))
                    if weight::of(value) > limits.structure_bytes =>
                {
                    let whole = std::mem::take(value);
                    *value = cut::structure(&whole);
                    self.artifacts.push(json_artifact(pointer, &whole));
                }
                _ => {}
            }
        }
    }

    /// Moves out what the data itself has under the host's key: the host would write over it, and until then it would
    /// pass for references that nobody made.
    fn foreign_references(&mut self) {
        if let Some(foreign) = self.data.remove(REFS) {
            self.artifacts.push(json_artifact(&format!("/{REFS}"), &foreign));
        }
    }

    /// While the event is above its target, moves its largest field out.
    ///
    /// Only fields at the top are looked at: a structure is never smaller than what is in it, so the largest value of
    /// all is always one of them.
    fn largest_fields(&mut self, limits: &Limits) -> Result<(), String> {
        // JSON of the data that came in is an upper bound of what is left of it, and cheaper to have.
        if self.event.data.len() + self.envelope() + self.references() <= limits.event_bytes {
            return Ok(());
        }
        let mut fields: Vec<(usize, String)> =
            self.data.iter().map(|(key, value)| (weight::of(value), key.clone())).collect();
        let separators = 2 + fields.len() * 2;
        let mut size = self.envelope() + self.references() + separators;
        size += fields.iter().map(|(bytes, key)| bytes + weight::of(key)).sum::<usize>();
        fields.sort_by(|a, b| b.cmp(a));
        for (bytes, key) in fields {
            if size <= limits.event_bytes {
                return Ok(());
            }
            if STAY.contains(&key.as_str()) {
                continue;
            }
            size -= self.move_field(&key, bytes)?;
        }
        if size > limits.event_bytes { self.everything() } else { Ok(()) }
    }

    /// Moves a field out if that makes the event smaller; says by how much.
    fn move_field(&mut self, key: &str, bytes: usize) -> Result<usize, String> {
        let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let Some(value) = self.data.get_mut(key) else { return Ok(0) };
        let left = match value {
            Value::String(text) if text.len() > LAST_TEXT_BYTES => {
                Value::from(cut::text(text, LAST_TEXT_BYTES))
            }
            // What stands for a structure that is out already says as much as it can.
            Value::Object(_) | Value::Array(_)
                if bytes > LAST_STRUCTURE_BYTES
                    && !self.artifacts.iter().any(|known| known.pointer == pointer) =>
            {
                cut::structure(value)
            }
            _ => return Ok(0),
        };
        let known = self.artifacts.iter().any(|artifact| artifact.pointer == pointer);
        let cost = weight::of(&left) + if known { 0 } else { self.reference(&pointer) };
        if cost >= bytes {
            return Ok(0);
        }
        let within = format!("{pointer}/");
        let touched = self.artifacts.iter().any(|artifact| artifact.pointer.starts_with(&within));
        let Some(value) = self.data.get_mut(key) else { return Ok(0) };
        let moved = std::mem::replace(value, left);
        if !known {
            // Something inside may have been cut before: the artifact is the value as it came in.
            let whole = if touched { self.original()?.remove(key).unwrap_or(moved) } else { moved };
            self.artifacts.push(artifact(&pointer, whole));
        }
        Ok(bytes - cost)
    }

    /// Moves the data out as a whole: so many or such fields that moving single ones does not help.
    fn everything(&mut self) -> Result<(), String> {
        let whole = self.original()?;
        let mut left: Map<String, Value> = STAY
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), whole.get(*key)?.clone())))
            .filter(|(_, value)| weight::of(value) <= WORD_BYTES)
            .collect();
        left.insert("artifact_summary".to_owned(), cut::of_object(&whole));
        self.artifacts = vec![json_artifact("", &Value::Object(whole))];
        self.data = left;
        Ok(())
    }

    /// Cuts the text at a place if it is one and too long.
    fn cut_text(&mut self, pointer: &str, bytes: usize) {
        if let Some(Value::String(text)) = lookup(&mut self.data, pointer)
            && text.len() > bytes
        {
            let left = cut::text(text, bytes);
            let whole = std::mem::replace(text, left);
            self.artifacts.push(artifact(pointer, Value::String(whole)));
        }
    }

    /// Reads the data once more as it came in.
    fn original(&self) -> Result<Map<String, Value>, String> {
        serde_json::from_str(&self.event.data).map_err(|error| error.to_string())
    }

    /// Bytes around the data.
    fn envelope(&self) -> usize {
        let item = self.event.item.as_deref().map_or(0, |item| weight::of(item).min(WORD_BYTES));
        ENVELOPE_BYTES + self.event.kind.len() + item
    }

    /// Bytes of the references to all that is out so far.
    fn references(&self) -> usize {
        self.artifacts.iter().map(|artifact| self.reference(&artifact.pointer)).sum()
    }

    /// Bytes of one reference: the pointer stands in it twice, the kind once.
    fn reference(&self, pointer: &str) -> usize {
        REFERENCE_BYTES + 2 * weight::of(pointer) + self.event.kind.len()
    }

    fn outcome(self) -> Outcome {
        if self.artifacts.is_empty() {
            return Outcome::Keep;
        }
        // A draft writes JSON; its kind is of no interest here.
        let Event { data, .. } = Draft::new("").fields(self.data).into();
        Outcome::Rewrite(Rewritten { data, artifacts: self.artifacts })
    }
}

/// Finds a known place: at the top, or one floor below.
fn lookup<'a>(data: &'a mut Map<String, Value>, pointer: &str) -> Option<&'a mut Value> {
    let path = pointer.strip_prefix('/')?;
    match path.split_once('/') {
        None => data.get_mut(path),
        Some((outer, inner)) => data.get_mut(outer)?.as_object_mut()?.get_mut(inner),
    }
}

/// Makes an artifact of a value: a text as it is, anything else as JSON.
fn artifact(pointer: &str, value: Value) -> Artifact {
    match value {
        Value::String(text) => Artifact {
            pointer: pointer.to_owned(),
            mime_type: "text/plain".to_owned(),
            content: text.into_bytes(),
        },
        other => json_artifact(pointer, &other),
    }
}

fn json_artifact(pointer: &str, value: &Value) -> Artifact {
    Artifact {
        pointer: pointer.to_owned(),
        mime_type: "application/json".to_owned(),
        content: value.to_string().into_bytes(),
    }
}
