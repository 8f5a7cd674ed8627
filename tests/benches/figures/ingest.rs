//! Events of a real process, through its backend and the sanitizers into the journal.

use pointsman_tests::Place;
use serde_json::json;

use crate::Effort;
use crate::agent;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let lines = effort.of(40_000, 5_000);
    [("in a new state", 0), ("with 1,000 runs known", 1_000)]
        .map(|(what, known)| {
            let place = Place::with(&agent::backends(lines, 0));
            crate::seed::runs(&place, known, 5);
            let mut host = place.host();
            let mut round = || {
                let (took, record) = timed(|| {
                    let run = host.spawn(&place, "flood", "go", json!({}));
                    host.finish(&run)
                });
                assert_eq!(record["status"], "completed", "{record}");
                assert!(record["last_seq"].as_u64() >= Some(lines as u64), "{record}");
                lines as f64 / took.as_secs_f64()
            };
            round();
            let samples = Samples::new((0..effort.of(5, 2)).map(|_| round()));
            host.hang_up();
            Figure {
                what: format!("events ingested, {what}"),
                reached: samples.median(),
                unit: "/s",
                goal: Goal::AtLeast(20_000.0),
                how: format!("{}; {lines} events each, launch included", samples.spread("runs")),
            }
        })
        .into()
}
