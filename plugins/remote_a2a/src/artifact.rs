//! Artifacts, put together from their chunks.

use pointsman_sdk::backend::Effects;
use pointsman_sdk::{Draft, kind};
use serde_json::{Map, Value};

use crate::json::weight;
use crate::reply::{Chunk, text_of};

/// Artifacts of one task, at most.
const MOST: usize = 1_000;

/// All artifacts of a task, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Artifacts(Vec<Artifact>);

/// An artifact as far as it is known.
#[derive(Debug)]
struct Artifact {
    id: String,
    name: Option<String>,
    description: Option<String>,
    parts: Vec<Value>,
    metadata: Option<Value>,
    extra: Option<Value>,
    /// Came of a snapshot and not of a stream.
    from_snapshot: bool,
    /// Grows with each change.
    revision: u64,
    /// The one that was told, if any.
    told: Option<u64>,
    /// The one at the last look.
    looked_at: u64,
    /// How much room its parts take.
    weight: usize,
    /// Its last chunk has come.
    complete: bool,
    /// The parts of the newest chunk that went behind another.
    newest: Vec<Value>,
}

/// What a chunk did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It has its place.
    Well,
    /// It is not certain that it has: what it goes behind never came, or what it is was said before.
    Doubtful,
    /// There are more artifacts than anybody can need.
    TooMany,
}

impl Artifacts {
    /// Takes a chunk of a stream; tells the artifact if that was its last.
    pub(crate) fn take(&mut self, chunk: Chunk, about: &Map<String, Value>, effects: &mut Effects) -> Taken {
        let (last, append) = (chunk.last, chunk.append);
        let mut taken = Taken::Well;
        let at = self.0.iter().position(|known| known.id == chunk.id);
        let full = self.0.len() >= MOST;
        match at.and_then(|at| self.0.get_mut(at)) {
            Some(known) => {
                // Nothing in a chunk says which it is. The same one twice, or one behind the last, may be right all the
                // same; the task itself knows.
                if known.complete || (append && known.newest == chunk.parts) {
                    taken = Taken::Doubtful;
                }
                if append { known.extend(chunk) } else { known.replace(chunk, false) }
            }
            None if full => return Taken::TooMany,
            None => {
                if append {
                    taken = Taken::Doubtful;
                }
                self.0.push(Artifact::new(chunk, false));
            }
        }
        if last {
            let at = at.unwrap_or(self.0.len() - 1);
            if let Some(artifact) = self.0.get_mut(at) {
                artifact.complete = true;
                if taken == Taken::Well {
                    artifact.tell(about, effects);
                }
            }
        }
        taken
    }

    /// Takes what a snapshot says instead of what chunks said.
    ///
    /// Some agents store a chunk once for each stream that was open: with `doubles`, a snapshot that says nothing but
    /// what is known, with pieces said twice, is not believed.
    pub(crate) fn replace(&mut self, snapshot: Vec<Chunk>, doubles: bool) -> Taken {
        for chunk in snapshot {
            let at = self.0.iter().position(|known| known.id == chunk.id);
            let full = self.0.len() >= MOST;
            match at.and_then(|at| self.0.get_mut(at)) {
                Some(known) => {
                    let news = joined(&chunk.parts) != joined(&known.parts);
                    if news && !(doubles && joined(&without_doubles(&chunk.parts)) == joined(&known.parts)) {
                        known.replace(chunk, true);
                    }
                }
                None if full => return Taken::TooMany,
                None => self.0.push(Artifact::new(chunk, true)),
            }
        }
        Taken::Well
    }

    /// Tells every artifact that has news.
    pub(crate) fn tell(&mut self, about: &Map<String, Value>, effects: &mut Effects) {
        for artifact in &mut self.0 {
            artifact.tell(about, effects);
        }
    }

    /// Tells those that have news and have not changed since the last time. Not all agents say which chunk is the last.
    pub(crate) fn tell_quiet(&mut self, about: &Map<String, Value>, effects: &mut Effects) {
        for artifact in &mut self.0 {
            if artifact.looked_at == artifact.revision {
                artifact.tell(about, effects);
            }
            artifact.looked_at = artifact.revision;
        }
    }

    /// Gives how much room they take.
    pub(crate) fn weight(&self) -> usize {
        self.0.iter().map(|artifact| artifact.weight).sum()
    }

    /// Gives a number that is another one after every change.
    pub(crate) fn revisions(&self) -> u64 {
        self.0.iter().map(|artifact| artifact.revision).sum()
    }

    /// Gives the texts of all, one behind the other.
    pub(crate) fn text(&self) -> Option<String> {
        let texts = self.0.iter().filter_map(|artifact| {
            let is_text = artifact.parts.iter().any(|part| part.get("text").is_some_and(Value::is_string));
            is_text.then(|| text_of(&artifact.parts, ""))
        });
        let texts: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }

    /// Gives all parts, the newest artifact's first.
    pub(crate) fn newest_parts(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().rev().flat_map(|artifact| artifact.parts.iter().rev())
    }

    /// Forgets them: another task begins.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Artifact {
    fn new(chunk: Chunk, from_snapshot: bool) -> Self {
        let mut artifact = Self {
            id: chunk.id.clone(),
            name: None,
            description: None,
            parts: Vec::new(),
            metadata: None,
            extra: None,
            from_snapshot,
            revision: 0,
            told: None,
            looked_at: 0,
            weight: 0,
            complete: false,
            newest: Vec::new(),
        };
        artifact.replace(chunk, from_snapshot);
        artifact
    }

    fn replace(&mut self, chunk: Chunk, from_snapshot: bool) {
        self.weight = chunk.parts.iter().map(weight).sum();
        self.newest.clone_from(&chunk.parts);
        self.parts = chunk.parts;
        self.from_snapshot = from_snapshot;
        self.describe(chunk.name, chunk.description, chunk.metadata, chunk.extra);
    }

    fn extend(&mut self, chunk: Chunk) {
        self.weight += chunk.parts.iter().map(weight).sum::<usize>();
        self.newest.clone_from(&chunk.parts);
        let mut parts = chunk.parts.into_iter();
        if let Some(behind) = self.parts.last_mut() {
            let apart = parts.next().and_then(|first| merged(behind, first));
            self.parts.extend(apart);
        }
        self.parts.extend(parts);
        self.describe(chunk.name, chunk.description, chunk.metadata, chunk.extra);
    }

    fn describe(
        &mut self,
        name: Option<String>,
        description: Option<String>,
        metadata: Option<Value>,
        extra: Option<Value>,
    ) {
        self.name = name.or(self.name.take());
        self.description = description.or(self.description.take());
        self.metadata = metadata.or(self.metadata.take());
        self.extra = extra.or(self.extra.take());
        self.revision += 1;
    }

    fn tell(&mut self, about: &Map<String, Value>, effects: &mut Effects) {
        /// A text that is longer is in `parts` alone.
        const LONGEST: usize = 1 << 20;
        if self.told == Some(self.revision) {
            return;
        }
        let text = text_of(&self.parts, "");
        effects.emit(
            Draft::new(kind::ARTIFACT_ADDED)
                .item(self.id.as_str())
                .field("artifact_id", self.id.as_str())
                .field("name", self.name.as_deref())
                .field("description", self.description.as_deref())
                .field("parts", self.parts.clone())
                .maybe("text", (text.len() <= LONGEST).then_some(text))
                .maybe("metadata", self.metadata.clone())
                .maybe("extra", self.extra.clone())
                .maybe("from_task_snapshot", self.from_snapshot.then_some(true))
                .maybe("updated", self.told.is_some().then_some(true))
                .fields(about.clone()),
        );
        self.told = Some(self.revision);
    }
}

/// Puts a text behind another if both are plain and alike; gives it back if they are not.
fn merged(behind: &mut Value, part: Value) -> Option<Value> {
    let same = |a: &Map<String, Value>, b: &Map<String, Value>| {
        a.len() == b.len() && a.iter().all(|(key, value)| key == "text" || b.get(key) == Some(value))
    };
    if let (Value::Object(known), Value::Object(new)) = (&mut *behind, &part)
        && same(known, new)
        && let (Some(Value::String(text)), Some(Value::String(more))) =
            (known.get_mut("text"), new.get("text"))
    {
        text.push_str(more);
        return None;
    }
    Some(part)
}

/// Joins texts that stand side by side: where one chunk ended and the next began is of no meaning.
fn joined(parts: &[Value]) -> Vec<Value> {
    let mut whole: Vec<Value> = Vec::new();
    for part in parts {
        let apart = match whole.last_mut() {
            Some(behind) => merged(behind, part.clone()),
            None => Some(part.clone()),
        };
        whole.extend(apart);
    }
    whole
}

/// Leaves out what is the same as the part before it.
fn without_doubles(parts: &[Value]) -> Vec<Value> {
    let mut single: Vec<Value> = parts.to_vec();
    single.dedup();
    single
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chunk(id: &str, text: &str, append: bool, last: bool) -> Chunk {
        Chunk {
            task: None,
            context: None,
            id: id.to_owned(),
            name: None,
            description: None,
            parts: vec![json!({ "text": text })],
            metadata: None,
            append,
            last,
            extra: None,
        }
    }

    fn told(effects: Effects) -> Vec<Value> {
        effects
            .into_vec()
            .into_iter()
            .filter_map(|effect| match effect {
                pointsman_sdk::backend::Effect::Emit(event) => serde_json::from_str(&event.data).ok(),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn chunks_become_one_artifact_that_is_told_once() {
        let (mut artifacts, mut effects) = (Artifacts::default(), Effects::new());
        for (text, append, last) in [("a", false, false), ("b", true, false), ("c", true, true)] {
            assert_eq!(
                artifacts.take(chunk("x", text, append, last), &Map::new(), &mut effects),
                Taken::Well
            );
        }
        artifacts.tell(&Map::new(), &mut effects);
        let told = told(effects);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0]["parts"], json!([{ "text": "abc" }]));
    }

    #[test]
    fn a_chunk_behind_nothing_is_kept_whole() {
        let (mut artifacts, mut effects) = (Artifacts::default(), Effects::new());
        let empty = Chunk { parts: Vec::new(), ..chunk("x", "", false, false) };
        artifacts.take(empty, &Map::new(), &mut effects);
        artifacts.take(chunk("x", "a", true, true), &Map::new(), &mut effects);
        assert_eq!(artifacts.text().unwrap(), "a");
    }

    #[test]
    fn a_chunk_that_has_nothing_to_go_behind_is_a_gap() {
        let (mut artifacts, mut effects) = (Artifacts::default(), Effects::new());
        assert_eq!(artifacts.take(chunk("x", "b", true, false), &Map::new(), &mut effects), Taken::Doubtful);
        artifacts.replace(vec![chunk("x", "ab", false, false)], false);
        assert_eq!(artifacts.text().unwrap(), "ab");
    }

    #[test]
    fn doubled_chunks_of_a_snapshot_are_not_believed() {
        let (mut artifacts, mut effects) = (Artifacts::default(), Effects::new());
        for (text, append) in [("a", false), ("b", true), ("c", true)] {
            artifacts.take(chunk("x", text, append, false), &Map::new(), &mut effects);
        }
        let mut doubled = chunk("x", "a", false, false);
        doubled.parts = ["a", "b", "b", "c", "c"].map(|text| json!({ "text": text })).to_vec();
        artifacts.replace(vec![doubled.clone()], true);
        assert_eq!(artifacts.text().unwrap(), "abc");
        doubled.parts.push(json!({ "text": "d" }));
        artifacts.replace(vec![doubled], true);
        assert_eq!(artifacts.text().unwrap(), "abbccd", "it knows more, so it is believed");
    }

    #[test]
    fn an_artifact_without_a_last_chunk_is_told_when_it_is_quiet_and_again_when_it_grows() {
        let (mut artifacts, mut effects) = (Artifacts::default(), Effects::new());
        artifacts.take(chunk("x", "a", false, false), &Map::new(), &mut effects);
        artifacts.tell_quiet(&Map::new(), &mut effects);
        assert!(artifacts.0[0].told.is_none(), "it has just changed");
        artifacts.tell_quiet(&Map::new(), &mut effects);
        artifacts.take(chunk("x", "b", true, false), &Map::new(), &mut effects);
        artifacts.tell(&Map::new(), &mut effects);
        let told = told(effects);
        assert_eq!((told.len(), told[1]["updated"] == true, &told[1]["text"]), (2, true, &json!("ab")));
    }
}
