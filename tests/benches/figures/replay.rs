//! Reading a long run again, page by page.

use pointsman_model::RunId;
use pointsman_store::Store;
use pointsman_tests::{Host, Place};
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

const EVENTS: u64 = 10_000;
const PAGE: u32 = 100;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let place = Place::new();
    let run = crate::seed::runs(&place, 1, EVENTS)[0];
    let store = Store::open(&place.state()).expect("the state opens");
    let inside = samples(effort, || from_store(&store, run));
    let mut host = place.host();
    let outside = samples(effort, || over_stdio(&mut host, run));
    host.hang_up();
    let figure = |what: &str, samples: &Samples, goal| Figure {
        what: format!("events replayed in pages of {PAGE}, {what}"),
        reached: samples.median(),
        unit: "/s",
        goal,
        how: format!("{}; {EVENTS} events each", samples.spread("replays")),
    };
    vec![
        figure("from the store", &inside, Goal::AtLeast(200_000.0)),
        figure("over stdio", &outside, Goal::None),
    ]
}

fn samples(effort: Effort, mut replay: impl FnMut()) -> Samples {
    replay();
    Samples::new((0..effort.of(11, 3)).map(|_| EVENTS as f64 / timed(&mut replay).0.as_secs_f64()))
}

fn from_store(store: &Store, run: RunId) {
    let mut after = 0;
    while after < EVENTS {
        let page = store.events(run, after, PAGE, usize::MAX).expect("events are read");
        after = page.events.last().expect("there are more").seq;
    }
}

fn over_stdio(host: &mut Host, run: RunId) {
    let mut after = 0;
    while after < EVENTS {
        let arguments =
            json!({"run_id": run, "after_seq": after, "limit": PAGE, "wait_ms": 0, "max_bytes": 262_144});
        let page = host.request("tools/call", json!({"name": "poll_events", "arguments": arguments}));
        after = page["result"]["structuredContent"]["next_after_seq"]
            .as_u64()
            .expect("a page says where to go on");
    }
}
