//! A page of runs, where there are many.

use pointsman_tests::Place;
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, millis, timed};

const RUNS: usize = 1_000;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let place = Place::new();
    crate::seed::runs(&place, RUNS, 5);
    let mut host = place.host();
    let mut figures = Vec::new();
    for (what, arguments, goal) in [
        ("a page as it comes", json!({}), Goal::AtMost(5.0)),
        ("the largest page", json!({"limit": 1_000, "max_bytes": 40_000}), Goal::None),
    ] {
        let mut page =
            || timed(|| host.request("tools/call", json!({"name": "list_runs", "arguments": arguments})));
        let (_, warm) = page();
        let content = &warm["result"]["structuredContent"];
        assert_eq!(content["total"], RUNS, "{warm}");
        let runs = content["runs"].as_array().map_or(0, Vec::len);
        let samples = Samples::new((0..effort.of(200, 20)).map(|_| millis(page().0)));
        figures.push(Figure {
            what: format!("list_runs of {RUNS} over stdio, {what}"),
            reached: samples.median(),
            unit: "ms",
            goal,
            how: format!("{}; {runs} runs each", samples.spread("pages")),
        });
    }
    host.hang_up();
    figures
}
