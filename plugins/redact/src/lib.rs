//! Sanitizer `redact`: takes secrets out of events before they are stored, and leaves a marker that says of which kind
//! each was: `[redacted:github-token:3f9a1c]`. Equal secrets leave equal markers.
//!
//! Four ways to know a secret, each over every text of an event at any depth, keys included:
//!
//! 1. By its value (`handed_out`): what the host itself gave to an agent. The host gives digests only.
//! 2. By the operator's patterns (`config`).
//! 3. By its shape (`shapes`): tokens that begin or look as their issuer says, private keys, credentials in URLs.
//! 4. By its name (`assigned`): a value that looks drawn at random, next to a name such as `api_key`.
//!
//! It stands first in the chain: what a later sanitizer moves into an artifact has passed it by then.
//!
//! The host makes a fresh instance for each batch, so nothing is compiled here but an operator's patterns, and those
//! only once one of their keywords is seen. All passes take time linear in the text. Everything that is not within a
//! string of the JSON, numbers and the order of keys among it, is handed back byte for byte.

mod assigned;
mod classes;
mod config;
mod handed_out;
mod json;
mod kubernetes;
mod marker;
mod names;
mod plausible;
mod scan;
mod shapes;
mod text;
mod url;

use pointsman_sdk::sanitizer::{Description, Event, Guest, Outcome, Rewritten};

use crate::scan::Scanner;

/// The sanitizer.
#[derive(Debug)]
pub struct Redact;

impl Guest for Redact {
    fn describe() -> Description {
        Description {
            name: "redact".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Takes secrets out of events before they are stored.".to_owned(),
            config_schema: config::SCHEMA.to_owned(),
            requests: Vec::new(),
        }
    }

    fn sanitize(config: String, events: Vec<Event>) -> Result<Vec<Outcome>, String> {
        let scanner = Scanner::new(&config)?;
        // The host asks about no events when it reads the configuration.
        if events.is_empty() {
            scanner.check()?;
        }
        events.iter().map(|event| self::event(event, &scanner)).collect()
    }
}

/// Judges one event.
fn event(event: &Event, scanner: &Scanner) -> Result<Outcome, String> {
    let redacted = json::redact(&event.data, scanner)
        .map_err(|error| format!("data of an event {}: {error}", event.kind))?;
    Ok(match redacted {
        None => Outcome::Keep,
        Some(data) => Outcome::Rewrite(Rewritten { data, artifacts: Vec::new() }),
    })
}

pointsman_sdk::export_sanitizer!(Redact);
