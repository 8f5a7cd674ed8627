//! From SIGTERM to the end of an idle host.

use pointsman_tests::Place;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::json;

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, millis, timed};

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let place = Place::new();
    let unused = Samples::new((0..effort.of(20, 5)).map(|_| end(&place, false)));
    let used = Samples::new((0..effort.of(10, 3)).map(|_| end(&place, true)));
    let figure = |what: &str, samples: Samples| Figure {
        what: format!("SIGTERM to the end of a host, {what}"),
        reached: samples.median(),
        unit: "ms",
        goal: Goal::AtMost(50.0),
        how: samples.spread("ends"),
    };
    vec![figure("idle", unused), figure("idle after one run", used)]
}

fn end(place: &Place, used: bool) -> f64 {
    let mut host = place.host();
    if used {
        let run = host.spawn(place, "script", "say hello", json!({}));
        host.finish(&run);
    }
    let pid = i32::try_from(host.pid()).ok().and_then(Pid::from_raw).expect("a process has a number");
    // Readable once the process has ended.
    let process = pidfd_open(pid, PidfdFlags::empty()).expect("the host lives");
    let (took, _) = timed(|| {
        pidfd_send_signal(&process, Signal::TERM).expect("the host is ours");
        poll(&mut [PollFd::new(&process, PollFlags::IN)], None).expect("its end is seen")
    });
    host.hang_up().well();
    millis(took)
}
