//! The run's outcome, out of what is known of the task.

use pointsman_sdk::backend::{Ending, Outcome};
use pointsman_sdk::types::Part;
use serde_json::Value;

use crate::book::Book;
use crate::reply::{data_of, text_of};
use crate::state::State;

/// Characters of an error; all of what the agent said is the final response.
const LONGEST_ERROR: usize = 4_000;

/// Says what a task must answer with, in words: no version of the protocol has a field for it.
///
/// It stands in the user's own text, behind a blank: some agents read one part alone, some take its first word for a
/// command.
pub(crate) fn demand(schema: &str, parts: &mut Vec<Part>) {
    let demand = format!(
        "Answer with JSON that satisfies this JSON Schema: as a data part, or as text that is nothing but that JSON.\n\n\
         {schema}"
    );
    match parts.last_mut() {
        Some(Part::Text(text)) => {
            text.push_str(" \n\n");
            text.push_str(&demand);
        }
        _ => parts.push(Part::Text(demand)),
    }
}

/// Makes the outcome of a task that is over, or of a message that was answered with a message.
///
/// `trouble` is what went wrong on the way, for an agent that does not say why it failed.
pub(crate) fn outcome(book: &Book, schema: Option<&str>, trouble: Option<&str>) -> Outcome {
    let last = book.direct.as_ref().or(book.last_word.as_ref());
    let word = last.map(|said| text_of(&said.parts, "\n")).filter(|text| !text.is_empty());
    let why = |otherwise: &str| {
        let said = word.as_deref().or(trouble).unwrap_or(otherwise);
        said.chars().take(LONGEST_ERROR).collect::<String>()
    };
    let mut outcome = match book.state {
        Some(State::Failed) => {
            Outcome::failed("agent_failed", why("the agent says that its task failed, and not why"))
        }
        Some(State::Rejected) => {
            let mut outcome =
                Outcome::failed("agent_rejected", why("the agent rejects the task, and does not say why"));
            outcome.ending = Ending::Rejected;
            outcome
        }
        Some(State::Canceled) => Outcome::cancelled(why("the task was cancelled at the agent")),
        _ => {
            let mut outcome = Outcome::completed(None);
            outcome.structured_output = structured(book, schema).map(|value| value.to_string());
            outcome
        }
    };
    outcome.final_response = word.or_else(|| book.artifacts.text()).or_else(|| book.last_text.clone());
    outcome
}

/// Finds the answer that a schema asked for; without one, the last data that the agent made.
///
/// The host holds it against the schema. Here is only chosen which of several it most likely is.
fn structured(book: &Book, schema: Option<&str>) -> Option<Value> {
    let said = book.direct.as_ref().or(book.last_word.as_ref());
    let said_parts = said.map(|said| said.parts.as_slice()).unwrap_or_default();
    let parts: Vec<&Value> = book.artifacts.newest_parts().chain(said_parts.iter().rev()).collect();
    let data = parts.iter().filter_map(|part| data_of(part)).cloned();
    let Some(schema) = schema else { return data.into_iter().next() };
    let artifacts = book.artifacts.text();
    let texts =
        parts.iter().filter_map(|part| part.get("text")?.as_str().map(str::to_owned)).chain(artifacts);
    let mut candidates: Vec<Value> = data.chain(texts.filter_map(|text| json_in(&text))).collect();
    if candidates.is_empty() {
        candidates.extend(book.last_text.as_deref().and_then(json_in));
    }
    let required: Vec<String> = serde_json::from_str::<Value>(schema)
        .ok()
        .and_then(|schema| {
            Some(
                schema
                    .get("required")?
                    .as_array()?
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        })
        .unwrap_or_default();
    let fits = |value: &Value| required.iter().all(|key| value.get(key).is_some());
    let likeliest = candidates.iter().position(fits).unwrap_or_default();
    (likeliest < candidates.len()).then(|| candidates.swap_remove(likeliest))
}

/// Reads a text that is JSON, or that has it between fences, as many agents write it.
fn json_in(text: &str) -> Option<Value> {
    let text = text.trim();
    let inside = text.strip_prefix("```").and_then(|text| text.strip_suffix("```"));
    let text =
        inside.map_or(text, |text| text.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).trim());
    crate::json::read(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_found_in_what_agents_write() {
        assert_eq!(json_in(" {\"a\":1}\n").unwrap()["a"], 1);
        assert_eq!(json_in("```json\n{\"a\":1}\n```").unwrap()["a"], 1);
        assert_eq!(json_in("here it is: {}"), None);
    }
}
