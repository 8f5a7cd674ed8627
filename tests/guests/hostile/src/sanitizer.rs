//! The guest as a sanitizer.

use crate::bindings::exports::pointsman::plugin::sanitizer::{Artifact, Guest, Outcome, Rewritten};
use crate::bindings::pointsman::plugin::types::{Description, Event};
use crate::reach::reach;
use crate::ruin::ruin;
use crate::{Hostile, describe, word};

impl Guest for Hostile {
    fn describe() -> Description {
        describe::describe()
    }

    fn sanitize(config: String, events: Vec<Event>) -> Result<Vec<Outcome>, String> {
        let word = word(&config);
        ruin(&word);
        // Without events it is asked about its configuration, which is none to refuse.
        if word == "refuse" && !events.is_empty() {
            return Err("not today".to_owned());
        }
        if word == "too_few" {
            return Ok(Vec::new());
        }
        if word == "too_many" {
            return Ok(vec![Outcome::Keep; events.len() + 1]);
        }
        Ok(events.iter().map(|event| outcome(&word, event)).collect())
    }
}

fn outcome(word: &str, event: &Event) -> Outcome {
    if let Some(found) = reach(word) {
        return rewrite(&serde_json::json!({ "found": found }).to_string(), Vec::new());
    }
    match word {
        "drop" => Outcome::Drop("noise".to_owned()),
        "spill" => {
            rewrite("{\"text\":\"cut\"}", vec![artifact("/text", "text/plain", b"the whole".to_vec())])
        }
        "wrong_pointer" => rewrite("{}", vec![artifact("/nowhere", "text/plain", Vec::new())]),
        "wrong_type" => rewrite("{}", vec![artifact("/text", "image/png", Vec::new())]),
        "no_utf8" => rewrite("{}", vec![artifact("/text", "text/plain", vec![0xff])]),
        "many_artifacts" => rewrite("{}", vec![artifact("/text", "text/plain", Vec::new()); 20_000]),
        "no_object" => rewrite("null", Vec::new()),
        "deep_json" => rewrite(&format!("{{\"a\":{}", "[".repeat(100_000)), Vec::new()),
        "huge_return" => rewrite("{}", vec![artifact("/text", "text/plain", vec![b'x'; 48 << 20])]),
        "same" => rewrite(&event.data, Vec::new()),
        _ => Outcome::Keep,
    }
}

fn rewrite(data: &str, artifacts: Vec<Artifact>) -> Outcome {
    Outcome::Rewrite(Rewritten { data: data.to_owned(), artifacts })
}

fn artifact(pointer: &str, mime: &str, content: Vec<u8>) -> Artifact {
    Artifact { pointer: pointer.to_owned(), mime_type: mime.to_owned(), content }
}
