//! What no recording shows: agents that do what the protocol allows and nobody was seen doing, and hosts that say no.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cancelling;
mod ending;
mod login;
mod questions;
mod scene;
mod session;
mod told;

use pointsman_acp::{IDLE_TIMER, PACE_TIMER, PROCESS, STOP_TIMER};
use pointsman_sdk::backend::{Answer, Effect, Ending, Exit, Input, InterruptionKind, Refused, Stop, Task};
use pointsman_sdk::rehearsal::a_task;
use pointsman_sdk::types::{Access, Message, Speaker};
use rstest::rstest;
use scene::{Scene, config, permission, task};
use serde_json::{Value, json};

fn outcome_cancelled(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "outcome": { "outcome": "cancelled" } } })
}
