//! From the start of the process to the answer of `tools/list`.

use pointsman_tests::Place;
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, millis, timed};

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let rounds = effort.of(20, 5);
    let known = Place::new();
    // A run loads every component, so their machine code is in the cache from here on.
    let mut host = known.host();
    let run = host.spawn(&known, "script", "say hello", json!({}));
    host.finish(&run);
    host.hang_up();
    start(&known);
    let cached = Samples::new((0..rounds).map(|_| start(&known)));
    let new = Samples::new((0..rounds).map(|_| start(&Place::new())));
    let figure = |what: &str, samples: &Samples, goal| Figure {
        what: format!("cold start to tools/list, {what}"),
        reached: samples.median(),
        unit: "ms",
        goal: Goal::AtMost(goal),
        how: samples.spread("starts"),
    };
    vec![figure("components cached", &cached, 15.0), figure("new state, empty cache", &new, 50.0)]
}

fn start(place: &Place) -> f64 {
    let (took, host) = timed(|| {
        let mut host = place.silent_host();
        host.initialize("bench");
        let tools = host.request("tools/list", json!({}));
        assert!(tools["result"]["tools"].is_array(), "{tools}");
        host
    });
    host.hang_up();
    millis(took)
}
