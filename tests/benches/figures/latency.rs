//! From an agent's line to the return of the call that waits for it: pipe, plugin, sanitizer, journal, answer.

use pointsman_tests::Place;
use serde_json::json;

use crate::Effort;
use crate::agent;
use crate::figure::{Figure, Goal};
use crate::samples::Samples;

/// The first ones find everything cold.
const WARM_UP: usize = 20;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let ticks = effort.of(1_000, 100) + WARM_UP;
    let place = Place::with(&agent::backends(0, ticks));
    let mut host = place.host();
    let run = host.spawn(&place, "tick", "go", json!({}));
    let mut took = Vec::new();
    let mut after = json!(0);
    while took.len() < ticks {
        let arguments = json!({"run_id": run["run_id"], "after_seq": after, "wait_ms": 10_000});
        let page = host.request("tools/call", json!({"name": "poll_events", "arguments": arguments}));
        let returned = agent::now();
        let page = &page["result"]["structuredContent"];
        let events = page["events"].as_array().expect("a page has events");
        assert!(!events.is_empty(), "the agent ticks no more: {page}");
        let told = events.iter().filter_map(|event| event["data"]["at"].as_u64());
        took.extend(told.map(|at| returned.saturating_sub(at) as f64 / 1e6));
        after = page["next_after_seq"].clone();
    }
    host.finish(&run);
    host.hang_up();
    let samples = Samples::new(took.split_off(WARM_UP));
    let of = samples.spread("lines");
    let figure = |what: &str, percent, goal| Figure {
        what: format!("agent's line to poll's return, {what}"),
        reached: samples.percentile(percent),
        unit: "ms",
        goal: Goal::AtMost(goal),
        how: if percent == 50 { of.clone() } else { String::new() },
    };
    vec![figure("median", 50, 1.0), figure("99th percentile", 99, 5.0)]
}
