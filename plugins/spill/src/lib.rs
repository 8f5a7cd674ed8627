//! Sanitizer `spill`: moves what is long out of events into artifacts, so that events stay small enough to be read by
//! an agent and nothing of them is lost.
//!
//! Three passes, each over what the one before it left:
//!
//! 1. Texts at known places (`/output`, `/text`, `/command`, …) are cut to their limit.
//! 2. Structures at known places (`/arguments`, `/result`, …) are replaced by a summary.
//! 3. While the event is above its target, its largest field is cut or summarised; and if no field is worth it, the
//!    event as a whole.
//!
//! All lengths are bytes of UTF-8, and all cuts lie between characters. A value is moved out under the JSON Pointer
//! that it has in the data as it came in, and the artifact is that value, whole: so each pointer resolves, each
//! artifact can be compared, and what has been cleaned once stays as it is the second time.
//!
//! The host adds `artifact_refs` behind the last sanitizer. Data that brings a key of that name has it moved out.

mod cut;
mod limits;
mod spill;
mod weight;

use pointsman_sdk::sanitizer::{Artifact, Description, Event, Guest, Outcome, Rewritten};

pub use limits::Limits;

/// The sanitizer.
#[derive(Debug)]
pub struct Spill;

impl Guest for Spill {
    fn describe() -> Description {
        Description {
            name: "spill".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "Moves what is long out of events into artifacts.".to_owned(),
            config_schema: limits::SCHEMA.to_owned(),
            requests: Vec::new(),
        }
    }

    fn sanitize(config: String, events: Vec<Event>) -> Result<Vec<Outcome>, String> {
        let limits = Limits::read(&config)?;
        events.iter().map(|event| spill::event(event, &limits)).collect()
    }
}

pointsman_sdk::export_sanitizer!(Spill);
