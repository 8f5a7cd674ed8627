//! Redaction measured against a corpus: how much of what is secret is found, and how much of what is not is hit.
//!
//! Every secret is made up when the test runs, by a generator with a fixed seed, so that no file of this repository
//! holds anything that a scanner could take for a key. Half of the corpus, by a hash of each case, is held out: what is
//! tuned is tuned on the other half. The figures stand in the README, and this test fails if they are no longer true.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dice;
mod figures;
mod innocent;
mod secret;
mod setting;

use pointsman_redact::Redact;
use pointsman_sdk::sanitizer::{Event, Guest as _, Outcome};
use serde_json::Value;

use crate::dice::Dice;
use crate::figures::Figures;

/// The text that stays of an event; nothing if it is kept as it is.
fn redacted(data: &Value) -> Option<String> {
    let event = Event { kind: "agent_message".to_owned(), item: None, data: data.to_string() };
    match Redact::sanitize("{}".to_owned(), vec![event]).unwrap().remove(0) {
        Outcome::Keep => None,
        Outcome::Rewrite(rewritten) => {
            let left: Value = serde_json::from_str(&rewritten.data).expect("what stays is JSON");
            assert_eq!(shape(&left), shape(data), "more than texts changed");
            Some(rewritten.data)
        }
        Outcome::Drop(why) => panic!("dropped: {why}"),
    }
}

/// A value with its texts and keys taken out.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from(""),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(fields) => fields.values().map(shape).collect(),
        other => other.clone(),
    }
}

/// Says whether enough of a secret is left to be of use.
fn leaks(secret: &str, left: &str) -> bool {
    let secret = Value::from(secret).to_string();
    let secret = &secret[1..secret.len() - 1];
    let tail = &secret[secret.len() - secret.len().min(10)..];
    left.contains(secret) || left.contains(tail)
}

#[test]
fn misses_and_false_hits_are_what_the_readme_says() {
    let mut figures = Figures::default();
    for case in secret::cases(&mut Dice::new(1)) {
        let left = redacted(&case.data).unwrap_or_else(|| case.data.to_string());
        figures.secret(&case, !leaks(&case.secret, &left));
    }
    for case in innocent::cases(&mut Dice::new(2)) {
        let left = redacted(&case.data);
        figures.innocent(&case, left.as_deref());
    }
    figures.say_what_failed();
    figures.hold();
    figures.are_in_the_readme();
}

/// What agents and people really write: the recordings and the sources of this repository.
#[test]
fn hardly_anything_of_this_repository_is_taken_for_a_secret() {
    let (all, hits) = look_at(innocent::files_of_this_repository());
    assert!(all >= 1_000, "{all} pieces");
    assert!(hits.len() * 100 <= all, "{} of {all} pieces are hit:\n{}", hits.len(), hits.join("\n"));
}

/// For whoever tunes: says what is hit in a folder of their own.
#[test]
#[ignore = "it looks at the folder that REDACT_CORPUS names"]
fn hits_of_a_folder() {
    let folder = std::env::var_os("REDACT_CORPUS").expect("REDACT_CORPUS names a folder");
    let (all, hits) = look_at(innocent::files_of(&[folder.into()]));
    println!("{} of {all} pieces are hit:\n{}", hits.len(), hits.join("\n"));
}

/// Counts pieces, and shows the beginning of what is hit in each.
fn look_at(pieces: Vec<(String, String)>) -> (usize, Vec<String>) {
    let all = pieces.len();
    let hits = pieces.into_iter().filter_map(|(name, text)| {
        let left = redacted(&serde_json::json!({ "text": text }))?;
        let at = left.find("[redacted:").unwrap_or_default();
        let from = left.floor_char_boundary(at.saturating_sub(60));
        let to = left.floor_char_boundary(left.len().min(at + 60));
        Some(format!("{name}: {}", &left[from..to]))
    });
    (all, hits.collect())
}
