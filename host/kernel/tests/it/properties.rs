//! Whatever is tried on a run, in whatever order: the invariants hold.

use crate::common::{created, digest, id, latest, launch, live, question, ruling, step, wish};
use pointsman_kernel::{Command, Entry, Next, Question, Refused, Run};
use pointsman_model::plugin::{Interruption, InterruptionKind, Permission};
use pointsman_model::{
    Answer, ApprovalState, Draft, Ending, EventKind, Outcome, Scope, Status, Timestamp, Verdict,
};
use proptest::prelude::*;
use serde_json::json;

fn draft() -> impl Strategy<Value = Draft> {
    let kind = prop_oneof![
        Just(EventKind::AGENT_MESSAGE),
        Just(EventKind::RUN_STARTED),
        Just(EventKind::COMMAND_STARTED),
        Just(EventKind::COMMAND_FINISHED),
        Just(EventKind::TOOL_STARTED),
        Just(EventKind::TOOL_FINISHED),
        Just(EventKind::STATUS_CHANGED),
        Just(EventKind::INPUT_REQUIRED),
    ];
    let status =
        prop_oneof![Just("running"), Just("completed"), Just("cancelled"), Just("nonsense"), Just("queued")];
    (kind, status, 0..3u8).prop_map(|(kind, status, item)| {
        let item = format!("item{item}");
        let data = json!({"text": "x", "status": status, "thread_id": "t", "item_id": item});
        let data = data.as_object().unwrap().clone();
        Draft { ts: Timestamp::from_millis(2_000), kind, data }
    })
}

fn permission() -> impl Strategy<Value = Permission> {
    let item = prop_oneof![Just(None), (0..3u8).prop_map(|n| Some(format!("item{n}")))];
    (item, any::<bool>()).prop_map(|(item, editable)| Permission {
        id: "p".to_owned(),
        item,
        kind: "command".to_owned(),
        title: "t".to_owned(),
        detail: json!({"command": "ls"}),
        editable,
    })
}

fn command() -> impl Strategy<Value = Command> {
    let verdict =
        prop_oneof![Just(Verdict::Allow), Just(Verdict::Ask), Just(Verdict::Ask), Just(Verdict::Deny)];
    let answer = prop_oneof![3 => Just(Answer::allow_once()), 2 => Just(Answer::Allow { scope: Scope::Run, until: None }), 1 => Just(Answer::AllowEdited { input: json!({}) }), 1 => Just(Answer::Deny { feedback: None })];
    let ending = prop_oneof![
        Just(Ending::Completed),
        Just(Ending::Failed),
        Just(Ending::Rejected),
        Just(Ending::Cancelled)
    ];
    prop_oneof![
        4 => (verdict, 0..3u8).prop_map(|(v, n)| Command::Rule { ruling: ruling(v), question: question(n) }),
        2 => (3..6u8, permission()).prop_map(|(n, permission)| Command::AskPermission {
            permission,
            ruling: ruling(Verdict::Ask),
            question: Question { action: "permission".to_owned(), ..question(n) },
        }),
        1 => permission().prop_map(|permission| Command::DenyPermission {
            permission,
            ruling: ruling(Verdict::Deny),
        }),
        2 => (6..8u8).prop_map(|n| Command::AskAbout {
            ruling: ruling(Verdict::Ask),
            question: Question { action: "process".to_owned(), ..question(n) },
        }),
        1 => Just(Command::Deny {
            action: "request".to_owned(), detail: json!({"origin": "https://a.test"}), ruling: ruling(Verdict::Deny),
        }),
        1 => (0..8u8).prop_map(|n| Command::Retract { approval_id: id(n) }),
        1 => Just(Command::Withdraw { permission: "p".to_owned() }),
        4 => (0..8u8, 0..2u8, answer).prop_map(|(n, d, answer)| Command::Settle {
            approval_id: id(n), digest: digest(d / 2 + d % 2), answer, by: "cli:ada".into(), latest: latest()
        }),
        4 => (0..8u8).prop_map(|n| Command::Claim { approval_id: id(n) }),
        2 => (0..8u8).prop_map(|n| Command::Revoke { approval_id: id(n), by: "cli:bob".into() }),
        1 => Just(Command::Lapse),
        6 => (0..4u8).prop_map(|d| Command::Launch { digest: digest(d / 3), supervision: None }),
        6 => proptest::collection::vec(draft(), 0..4).prop_map(Command::Emit),
        1 => Just(Command::Await(Interruption { kind: InterruptionKind::Input, text: "?".into(), detail: None })),
        1 => Just(Command::Resume),
        1 => Just(Command::Remember(json!({"thread_id": "t"}))),
        1 => Just(Command::cancel("enough")),
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

        check_items(&journal, run.next() == Next::Nothing)?;

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

/// Every start has its end once the run is over, and no question or denial stands without its tool call.
fn check_items(journal: &[Entry], over: bool) -> Result<(), TestCaseError> {
    let mut open = std::collections::BTreeSet::new();
    for entry in journal {
        let Entry::Event(event) = entry else { continue };
        let Some(item) = event.data.get("item_id").and_then(|item| item.as_str()) else {
            prop_assert!(event.kind != EventKind::APPROVAL_REQUIRED || event.data["action"] != "permission");
            continue;
        };
        match event.kind.as_str() {
            "command_started" | "tool_started" => drop(open.insert(item)),
            "command_finished" | "tool_finished" => drop(open.remove(item)),
            "approval_required" | "approval_resolved" => {
                prop_assert!(open.contains(item), "{} without its tool call", event.kind);
            }
            _ => {}
        }
    }
    prop_assert!(!over || open.is_empty(), "begun and never ended: {:?}", open);
    Ok(())
}

fn asked() -> Run {
    let mut run = Run::begin(&created()).unwrap();
    step(&mut run, 1_000, Command::Rule { ruling: ruling(Verdict::Ask), question: question(0) }).unwrap();
    run
}

fn allow(n: u8) -> Command {
    Command::Settle {
        approval_id: id(0),
        digest: digest(n),
        answer: Answer::allow_once(),
        by: "cli:ada".into(),
        latest: latest(),
    }
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
        matches!(answer, Err(Refused::AlreadySettled { state: ApprovalState::Expired, .. })),
        "an answer after the time is none"
    );

    let mut unused = asked();
    step(&mut unused, 2_000, allow(0)).unwrap();
    step(&mut unused, 9_000, Command::Lapse).unwrap();
    assert_eq!(unused.record().status, Status::Rejected, "an approval that nobody used lapses");
}

fn kinds(entries: &[Entry]) -> Vec<&str> {
    let kinds = entries.iter().filter_map(|entry| match entry {
        Entry::Event(event) => Some(event.kind.as_str()),
        _ => None,
    });
    kinds.collect()
}

#[test]
fn only_an_editable_question_takes_another_input() {
    for editable in [true, false] {
        let mut run = live();
        let ask = Command::AskPermission {
            permission: wish(editable),
            ruling: ruling(Verdict::Ask),
            question: Question { action: "permission".to_owned(), ..question(3) },
        };
        let asked = step(&mut run, 1_500, ask).unwrap();
        assert_eq!(kinds(&asked), ["command_started", "approval_required"]);
        let input = json!({"command": "rm -i x"});
        let answer = Answer::AllowEdited { input: input.clone() };
        let settle = Command::Settle {
            approval_id: id(3),
            digest: digest(0),
            answer,
            by: "cli:ada".to_owned(),
            latest: latest(),
        };
        match step(&mut run, 2_000, settle) {
            Ok(entries) => {
                assert!(editable);
                let Some(Entry::Event(event)) = entries.last() else { panic!("the answer is told") };
                assert_eq!(event.data["input"], input);
            }
            Err(refused) => assert!(!editable && matches!(refused, Refused::NotEditable(_)), "{refused}"),
        }
    }
}

#[test]
fn a_question_taken_back_takes_no_answer() {
    let mut run = live();
    let question = Question { action: "permission".to_owned(), ..question(3) };
    let ask = Command::AskPermission { permission: wish(false), ruling: ruling(Verdict::Ask), question };
    step(&mut run, 1_500, ask).unwrap();
    assert_eq!(run.record().status, Status::ApprovalRequired);
    step(&mut run, 1_600, Command::Withdraw { permission: "p".to_owned() }).unwrap();
    assert_eq!(run.record().status, Status::Running);
    let late = Command::Settle {
        approval_id: id(3),
        digest: digest(0),
        answer: Answer::allow_once(),
        by: "cli:ada".to_owned(),
        latest: latest(),
    };
    assert!(matches!(
        step(&mut run, 1_700, late),
        Err(Refused::AlreadySettled { state: ApprovalState::Superseded, .. })
    ));
}

#[test]
fn an_agent_that_waits_for_its_user_still_waits_when_a_person_has_answered_another_question() {
    let mut run = live();
    let question = Question { action: "permission".to_owned(), ..question(3) };
    let ask = Command::AskPermission { permission: wish(false), ruling: ruling(Verdict::Ask), question };
    let wait = Interruption { kind: InterruptionKind::Input, text: "which?".to_owned(), detail: None };
    step(&mut run, 1_100, Command::Await(wait)).unwrap();
    step(&mut run, 1_200, ask).unwrap();
    assert_eq!(run.record().status, Status::ApprovalRequired);
    let answer = Command::Settle {
        approval_id: id(3),
        digest: digest(0),
        answer: Answer::allow_once(),
        by: "cli:ada".to_owned(),
        latest: latest(),
    };
    step(&mut run, 1_300, answer).unwrap();
    assert_eq!(run.record().status, Status::InputRequired);
    assert!(run.awaits_input());
    step(&mut run, 1_400, Command::Resume).unwrap();
    assert_eq!(run.record().status, Status::Running);
    assert!(!run.awaits_input());
}
