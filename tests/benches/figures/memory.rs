//! What an idle host holds of the machine's memory.

use std::fs;

use pointsman_tests::{Host, Place};
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::Samples;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let place = Place::new();
    let rounds: Vec<(f64, f64)> = (0..effort.of(5, 2)).map(|_| round(&place)).collect();
    let figure = |what: &str, samples: Samples, goal| Figure {
        what: format!("resident memory, {what}"),
        reached: samples.median(),
        unit: "MiB",
        goal,
        how: samples.spread("hosts"),
    };
    vec![
        figure("idle after tools/list", Samples::new(rounds.iter().map(|it| it.0)), Goal::AtMost(20.0)),
        figure("idle after one run", Samples::new(rounds.iter().map(|it| it.1)), Goal::None),
    ]
}

fn round(place: &Place) -> (f64, f64) {
    let mut host = place.host();
    host.request("tools/list", json!({}));
    let fresh = resident(&host);
    let run = host.spawn(place, "script", "say hello", json!({}));
    host.finish(&run);
    let used = resident(&host);
    host.hang_up();
    (fresh, used)
}

fn resident(host: &Host) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).expect("the host lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel counts");
    line.trim().trim_end_matches(" kB").parse::<f64>().expect("in kilobytes") / 1024.0
}
