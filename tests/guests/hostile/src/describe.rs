//! What the guest says of itself.

use std::hint::black_box;

use crate::bindings::pointsman::plugin::types::{CapabilityRequest, Description};
use crate::ruin::ruin;

/// The word of a description, padded with spaces. Tests find it in the component by its first half.
pub(crate) static WORD: [u8; 48] = *b"hostile-guest:describe: honest                  ";

pub(crate) fn describe() -> Description {
    let text = String::from_utf8_lossy(black_box(&WORD)).into_owned();
    let word = text.rsplit(": ").next().unwrap_or_default().trim();
    ruin(word);
    let requests = match word {
        "unknown_leaf" => vec![request("process/spwan@1")],
        "many_requests" => (0..100_000).map(|_| request("timer/set@1")).collect(),
        _ => vec![request("process/spawn@1"), request("request/send@1")],
    };
    let schema = match word {
        "schema_no_json" => "{".to_owned(),
        "schema_deep" => "[".repeat(100_000),
        _ => "{\"type\":\"object\"}".to_owned(),
    };
    let name = match word {
        "long_name" => "x".repeat(65),
        "path_name" => "../../etc".to_owned(),
        _ => "hostile".to_owned(),
    };
    Description {
        name,
        version: "0.1.0".to_owned(),
        summary: "Misbehaves on demand.".to_owned(),
        config_schema: schema,
        requests,
    }
}

fn request(leaf: &str) -> CapabilityRequest {
    CapabilityRequest { leaf: leaf.to_owned(), target: "*".to_owned(), why: "To do harm.".to_owned() }
}
