//! A host is killed at every step from a question to what was allowed: no launch is lost, and none happens twice.

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pointsman_model::{Approval, ApprovalId, ApprovalState, RunId, Status};
use pointsman_store::Store;
use pointsman_tests::{Host, PATIENCE, Place};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// The agent notes each launch with the name of its run.
const PROMPT: &str = "note launches\nsay done";

/// What is seen of a run when its host dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A person is asked.
    Asked,
    /// The answer is on disk.
    Answered,
    /// It is claimed: nothing else may come of it.
    Claimed,
    /// The agent has begun.
    Launched,
    /// The run is over.
    Ended,
}

struct Scene {
    place: Place,
    store: Store,
}

impl Scene {
    fn new(more: &str) -> Self {
        let place = Place::with(more);
        let store = Store::open(&place.state()).expect("the state opens");
        Self { place, store }
    }

    /// Launches a run that a person must confirm.
    fn ask(&self, host: &mut Host) -> (RunId, ApprovalId) {
        let run = host.spawn(&self.place, "script", PROMPT, json!({"access": "full"}));
        assert_eq!(run["status"], "approval_required", "{run}");
        let waiting = host.record(&run)["waiting_for"].take();
        let id = |value: &Value| value.as_str().expect("an id is a text").to_owned();
        let (run, asked) = (id(&run["run_id"]), id(&waiting["approval_id"]));
        (run.parse().expect("a run's id"), asked.parse().expect("a question's id"))
    }

    /// Answers from another terminal, and does not wait for what becomes of it.
    fn allow(&self, asked: ApprovalId) -> Child {
        let mut command = self.place.pointsman();
        command.args(["approvals", "allow", &asked.to_string()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    }

    fn approval(&self, asked: ApprovalId) -> Approval {
        self.store.approval(asked).expect("it is read").expect("a question that was told is on disk")
    }

    fn launches(&self, run: RunId) -> usize {
        let noted = std::fs::read_to_string(self.place.project().join("launches")).unwrap_or_default();
        noted.lines().filter(|line| *line == run.to_string()).count()
    }

    fn has_come(&self, step: Step, run: RunId, asked: ApprovalId) -> bool {
        match step {
            Step::Asked => true,
            Step::Answered => self.approval(asked).state != ApprovalState::Pending,
            Step::Claimed => self.approval(asked).state == ApprovalState::Consumed,
            Step::Launched => self.launches(run) > 0,
            Step::Ended => {
                let record = self.store.run(run).expect("it is read").expect("it is known");
                record.status.is_terminal()
            }
        }
    }

    /// Looks for a step without a pause, and kills the host when it has come and a moment has passed.
    fn kill_at(&self, host: Host, step: Step, run: RunId, asked: ApprovalId, moment: u64) {
        let began = Instant::now();
        while !self.has_come(step, run, asked) {
            assert!(began.elapsed() < PATIENCE, "{step:?} has not come: {:?}", self.approval(asked));
        }
        sleep(Duration::from_micros(moment));
        let pid = i32::try_from(host.pid()).ok().and_then(Pid::from_raw).expect("a process has a number");
        kill_process(pid, Signal::KILL).expect("the host is ours");
        drop(host);
        self.place.mark().wait_until_gone();
    }

    /// Lets another host take up what the dead one left, and checks what becomes of it.
    fn take_up(&self, step: Step, run: RunId, asked: ApprovalId) {
        let (left, launched) = (self.approval(asked), self.launches(run));
        let before = self.store.run(run).expect("it is read").expect("it is known");
        assert!(launched <= 1, "{step:?}: launched {launched} times");
        if launched == 1 {
            assert_eq!(left.state, ApprovalState::Consumed, "{step:?}: launched before it was claimed");
        }
        let mut host = self.place.host();
        if left.state == ApprovalState::Pending {
            assert!(
                self.allow(asked).wait().expect("it is our child").success(),
                "{step:?}: it is still open"
            );
        }
        let record = host.finish(&json!({"run_id": run}));
        match left.state {
            // Nothing was used yet: so it is used now.
            ApprovalState::Pending | ApprovalState::Approved => {
                assert_eq!(
                    (&record["status"], self.launches(run)),
                    (&json!("completed"), 1),
                    "{step:?}: {record}"
                );
            }
            ApprovalState::Consumed if before.status == Status::Completed => {
                assert_eq!(record["status"], "completed", "{step:?}: {record}");
            }
            // Nobody can know how far it came, so it is said, and nothing is done again.
            ApprovalState::Consumed => {
                assert_eq!(record["error"]["reason"], "host_restarted", "{step:?}: {record}");
                assert_eq!(self.launches(run), launched, "{step:?}: launched again");
            }
            other => panic!("{step:?}: the question is {}", other.as_str()),
        }
        let spent = self.approval(asked);
        assert_eq!((spent.state, spent.uses), (ApprovalState::Consumed, 1), "{step:?}");
        host.hang_up().well();
        assert!(self.launches(run) <= 1, "{step:?}: launched twice");
    }
}

#[test]
fn killed_at_every_step_from_the_question_to_the_end() {
    let scene = Scene::new("");
    for step in [Step::Asked, Step::Answered, Step::Claimed, Step::Launched, Step::Ended] {
        for moment in [0, 500, 4_000] {
            let mut host = scene.place.host();
            let (run, asked) = scene.ask(&mut host);
            let answer = (step != Step::Asked).then(|| scene.allow(asked));
            scene.kill_at(host, step, run, asked, moment);
            if let Some(mut answer) = answer {
                // Whoever was told that it is allowed was told the truth; a host that died may have told nothing.
                let told = answer.wait().expect("it is our child").success();
                assert!(!told || scene.approval(asked).state != ApprovalState::Pending, "{step:?}");
            }
            scene.take_up(step, run, asked);
        }
    }
}

/// What is allowed and waits for its turn is launched by whichever host has room first, however many died before.
#[test]
fn what_was_allowed_and_waits_for_its_turn_outlives_many_hosts() {
    let scene = Scene::new("[runs]\nlive = 1\n");
    let mut host = scene.place.host();
    let busy = host.spawn(&scene.place, "script", "stay", json!({}));
    host.event(&busy, "agent_message");
    let (run, asked) = scene.ask(&mut host);
    assert!(scene.allow(asked).wait().expect("it is our child").success());
    assert_eq!(scene.approval(asked).state, ApprovalState::Approved, "there is no room for it");
    scene.kill_at(host, Step::Answered, run, asked, 0);
    for _ in 0..3 {
        if scene.approval(asked).state != ApprovalState::Approved {
            break;
        }
        // Each of them may come as far as the claim, or not.
        let host = scene.place.host();
        scene.kill_at(host, Step::Answered, run, asked, 0);
    }
    scene.take_up(Step::Answered, run, asked);
}
