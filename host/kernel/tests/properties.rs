//! Whatever is tried on a run, in whatever order: the invariants hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use pointsman_kernel::{Command, Entry, Next, Question, Refused, Run};
use pointsman_model::plugin::{Interruption, InterruptionKind, Permission};
use pointsman_model::{
    Access, Answer, ApprovalId, ApprovalState, Digest, Draft, Ending, EventKind, Message, Outcome, Role,
    Ruling, RunId, RunSpec, SessionId, SessionMode, Speaker, Status, Timestamp, Verdict,
};
use proptest::prelude::*;
use serde_json::{Map, json};

fn created() -> Entry {
    Entry::Created {
        at: Timestamp::from_millis(1_000),
        run_id: RunId::from_random([1; 16]),
        session_id: SessionId::from_random([2; 16]),
        agent_name: "agent1".to_owned(),
        spec: Box::new(RunSpec {
            backend: "codex".to_owned(),
            role: Role::Worker,
            cwd: "/repo".to_owned(),
            session_mode: SessionMode::New,
            message: Message::text(Speaker::User, "do it"),
            profile: None,
            output_schema: None,
            metadata: Map::new(),
            access: Access::WorkspaceWrite,
            resumed_from: None,
            chain: vec![],
            plugin: None,
            idempotency_key: None,
            client_version: None,
        }),
    }
}

fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

fn id(n: u8) -> ApprovalId {
    ApprovalId::from_random([n; 16])
}

fn ruling(verdict: Verdict) -> Ruling {
    Ruling {
        verdict,
        module: "rules".to_owned(),
        rule: Some("r".to_owned()),
        reason: "because".to_owned(),
        ttl_seconds: None,
        ceiling: None,
    }
}

fn question(n: u8) -> Question {
    Question {
        approval_id: id(n),
        action: "spawn".to_owned(),
        chain: vec![],
        detail: json!({"prompt": "do it"}),
        digest: digest(0),
        expires_at: Timestamp::from_millis(6_000),
    }
}

fn draft() -> impl Strategy<Value = Draft> {
    let kind = prop_oneof![
        Just(EventKind::AGENT_MESSAGE),
        Just(EventKind::RUN_STARTED),
        Just(EventKind::COMMAND_STARTED),
        Just(EventKind::STATUS_CHANGED),
        Just(EventKind::INPUT_REQUIRED),
    ];
    let status =
        prop_oneof![Just("running"), Just("completed"), Just("cancelled"), Just("nonsense"), Just("queued")];
    (kind, status).prop_map(|(kind, status)| {
        let data = json!({"text": "x", "status": status, "thread_id": "t"}).as_object().unwrap().clone();
        Draft { ts: Timestamp::from_millis(2_000), kind, data }
    })
}

fn command() -> impl Strategy<Value = Command> {
    let verdict =
        prop_oneof![Just(Verdict::Allow), Just(Verdict::Ask), Just(Verdict::Ask), Just(Verdict::Deny)];
    let answer = prop_oneof![3 => Just(Answer::Allow), 1 => Just(Answer::Deny { feedback: None })];
    let ending = prop_oneof![
        Just(Ending::Completed),
        Just(Ending::Failed),
        Just(Ending::Rejected),
        Just(Ending::Cancelled)
    ];
    prop_oneof![
        4 => (verdict, 0..3u8).prop_map(|(v, n)| Command::Rule { ruling: ruling(v), question: question(n) }),
        2 => (3..6u8).prop_map(|n| Command::AskPermission {
            permission: Permission { id: "p".into(), item: None, kind: "command".into(), title: "t".into(), detail: json!({}), editable: false },
            ruling: ruling(Verdict::Ask),
            question: question(n),
        }),
        4 => (0..6u8, 0..2u8, answer).prop_map(|(n, d, answer)| Command::Settle {
            approval_id: id(n), digest: digest(d / 2 + d % 2), answer, by: "cli:ada".into()
        }),
        1 => Just(Command::Lapse),
        6 => (0..4u8).prop_map(|d| Command::Launch { digest: digest(d / 3), supervision: None }),
        6 => proptest::collection::vec(draft(), 0..4).prop_map(Command::Emit),
        1 => Just(Command::Await(Interruption { kind: InterruptionKind::Input, text: "?".into(), detail: None })),
        1 => Just(Command::Resume),
        1 => Just(Command::Remember(json!({"thread_id": "t"}))),
        1 => Just(Command::Cancel("enough".into())),
        1 => ending.prop_map(|ending| Command::Finish(Outcome {
            ending, final_response: Some("done".into()), structured_output: None, usage: None, failure: None
        })),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn invariants_hold(steps in proptest::collection::vec((command(), 0..400u64), 1..40)) {
        let mut journal = vec![created()];
        let mut run = Run::replay(&journal).unwrap();
        let mut at = 1_000;
        for (command, later) in steps {
            at += later;
            let before = run.clone();
            let now = Timestamp::from_millis(at);
            let launching = matches!(command, Command::Launch { .. });
            match run.decide(now, command) {
                Ok(entries) => {
                    prop_assert!(before.next() != Next::Nothing, "something happened to a run that had ended");
                    for entry in &entries {
                        run.apply(entry);
                    }
                    if launching {
                        // Never launched without an allowance: straight from policy, or by a person.
                        let allowed = journal.iter().any(|e| matches!(e, Entry::Ruled { ruling, .. } if ruling.verdict == Verdict::Allow));
                        let used = run.approvals().filter(|a| a.state == ApprovalState::Consumed).count();
                        prop_assert!(allowed || used == 1);
                    }
                    journal.extend(entries);
                }
                Err(_) => prop_assert_eq!(&run, &before),
            }
        }

        // Invariant 1: numbers rise by one; the terminal event is the last and comes right before the end.
        let seqs: Vec<u64> = journal.iter().filter_map(|e| match e { Entry::Event(e) => Some(e.seq), _ => None }).collect();
        prop_assert_eq!(&seqs, &(1..=seqs.len() as u64).collect::<Vec<_>>());
        let ends: Vec<usize> = journal.iter().enumerate().filter(|(_, e)| matches!(e, Entry::Ended { .. })).map(|(i, _)| i).collect();
        prop_assert_eq!(ends.len(), usize::from(run.next() == Next::Nothing));
        if let Some(&end) = ends.first() {
            prop_assert_eq!(end, journal.len() - 1);
            let Entry::Event(last) = &journal[end - 1] else { return Err(TestCaseError::fail("no terminal event")) };
            let expected = match run.record().status {
                Status::Completed => "run_completed",
                Status::Failed => "run_failed",
                Status::Rejected => "rejected",
                Status::Cancelled => "status_changed",
                other => return Err(TestCaseError::fail(format!("ended as {other}"))),
            };
            prop_assert_eq!(last.kind.as_str(), expected);
            prop_assert!(run.waiting().is_none(), "a question outlived its run");
            // Cancel wins over whatever came later.
            if run.cancel_requested().is_some() {
                prop_assert_eq!(run.record().status, Status::Cancelled);
            }
        } else {
            prop_assert!(!run.record().status.is_terminal(), "a terminal status without its event");
        }

        // Any prefix of the journal replays to the state that was then; and the journal survives its written form.
        let mut step = Run::begin(&journal[0]).unwrap();
        for cut in 1..journal.len() {
            step.apply(&journal[cut]);
            let replayed = Run::replay(&journal[..=cut]);
            prop_assert_eq!(replayed.as_ref(), Some(&step));
        }
        let written: Vec<String> = journal.iter().map(|e| serde_json::to_string(e).unwrap()).collect();
        let read: Vec<Entry> = written.iter().map(|t| serde_json::from_str(t).unwrap()).collect();
        prop_assert_eq!(Run::replay(&read), Some(run));
    }
}

fn asked() -> Run {
    let mut run = Run::begin(&created()).unwrap();
    step(&mut run, 1_000, Command::Rule { ruling: ruling(Verdict::Ask), question: question(0) }).unwrap();
    run
}

fn step(run: &mut Run, at: u64, command: Command) -> Result<Vec<Entry>, Refused> {
    let entries = run.decide(Timestamp::from_millis(at), command)?;
    entries.iter().for_each(|entry| run.apply(entry));
    Ok(entries)
}

fn allow(n: u8) -> Command {
    Command::Settle { approval_id: id(0), digest: digest(n), answer: Answer::Allow, by: "cli:ada".into() }
}

fn launch(n: u8) -> Command {
    Command::Launch { digest: digest(n), supervision: None }
}

/// Invariant 8: bound to the digest, used once, expires.
#[test]
fn an_approval_is_for_one_request_once_and_in_time() {
    let mut run = asked();
    assert_eq!(run.record().status, Status::ApprovalRequired);
    assert!(matches!(step(&mut run, 2_000, launch(0)), Err(Refused::Stage { .. })));
    assert!(matches!(step(&mut run, 2_000, allow(9)), Err(Refused::OtherRequest { .. })));
    step(&mut run, 2_000, allow(0)).unwrap();
    assert!(matches!(step(&mut run, 2_000, allow(0)), Err(Refused::AlreadySettled { .. })));
    assert!(matches!(step(&mut run, 2_000, launch(9)), Err(Refused::OtherRequest { .. })));
    step(&mut run, 2_000, launch(0)).unwrap();
    assert!(matches!(step(&mut run, 2_000, launch(0)), Err(Refused::Stage { .. })));
    assert_eq!(run.approvals().next().unwrap().state, ApprovalState::Consumed);
}

#[test]
fn silence_is_never_a_yes() {
    let mut run = asked();
    step(&mut run, 6_000, Command::Lapse).unwrap();
    assert_eq!(run.record().status, Status::Rejected);
    assert_eq!(run.record().error.as_ref().unwrap().reason, "approval_expired");

    let mut late = asked();
    let answer = step(&mut late, 6_000, allow(0));
    assert!(
        matches!(answer, Err(Refused::AlreadySettled { state: "expired", .. })),
        "an answer after the time is none"
    );

    let mut unused = asked();
    step(&mut unused, 2_000, allow(0)).unwrap();
    step(&mut unused, 9_000, Command::Lapse).unwrap();
    assert_eq!(unused.record().status, Status::Rejected, "an approval that nobody used lapses");
}
