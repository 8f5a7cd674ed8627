//! Questions about a live run that its agent did not ask: what its plugin would set in motion, and what is said to it.

use crate::common::{created, ruling};
use pointsman_kernel::{Command, Entry, Next, Question, Run};
use pointsman_model::{Answer, ApprovalId, ApprovalState, Digest, Scope, Status, Timestamp, Verdict};
use serde_json::json;

fn now() -> Timestamp {
    Timestamp::from_millis(1_000)
}

fn question(action: &str) -> Question {
    Question {
        approval_id: ApprovalId::from_random([7; 16]),
        action: action.to_owned(),
        chain: vec![],
        detail: json!({"program": "codex"}),
        digest: Digest::of(b"asked"),
        expires_at: Timestamp::from_millis(60_000),
        judged: None,
    }
}

fn step(run: &mut Run, command: Command) -> Vec<Entry> {
    let entries = run.decide(now(), command).unwrap();
    entries.iter().for_each(|entry| run.apply(entry));
    entries
}

fn live() -> Run {
    let mut run = Run::begin(&created()).unwrap();
    step(&mut run, Command::Rule { ruling: ruling(Verdict::Allow), question: question("spawn") });
    step(&mut run, Command::Launch { digest: Digest::of(b"asked"), supervision: None });
    run
}

/// What is asked parks what it is about; the run goes on, and what comes of the answer is used once.
#[test]
fn a_live_run_stays_live_while_a_person_is_asked_about_it() {
    let mut run = live();
    let asked = question("process");
    let id = asked.approval_id;
    step(&mut run, Command::AskAbout { ruling: ruling(Verdict::Ask), question: asked });
    assert_eq!((run.next(), run.record().status), (Next::Live, Status::ApprovalRequired));
    assert_eq!(run.permission_of(id), None);
    let answer = Answer::Allow { scope: Scope::Once, until: None };
    let (digest, by) = (Digest::of(b"asked"), "cli:ada".to_owned());
    let latest = Timestamp::from_millis(60_000);
    step(&mut run, Command::Settle { approval_id: id, digest, answer, by, latest });
    step(&mut run, Command::Claim { approval_id: id });
    assert!(run.decide(now(), Command::Claim { approval_id: id }).is_err(), "used twice");
    assert_eq!((run.next(), run.record().status), (Next::Live, Status::Running));
}

#[test]
fn what_is_not_wanted_any_more_is_asked_no_more() {
    let mut run = live();
    let asked = question("request");
    let id = asked.approval_id;
    step(&mut run, Command::AskAbout { ruling: ruling(Verdict::Ask), question: asked });
    step(&mut run, Command::Retract { approval_id: id });
    let state = run.approvals().find(|approval| approval.approval_id == id).map(|approval| approval.state);
    assert_eq!(state, Some(ApprovalState::Superseded));
    assert!(step(&mut run, Command::Retract { approval_id: id }).is_empty(), "once is enough");
}

/// Hosts did not always keep what policies were asked.
#[test]
fn journals_of_older_hosts_are_read() {
    let ruled = r#"{"entry":"ruled","at":"1970-01-01T00:00:00.000Z","ruling":{"verdict":"allow","module":"m","rule":null,
        "reason":"r","ttl_seconds":null,"ceiling":null}}"#;
    let entry: Entry = serde_json::from_str(ruled).unwrap();
    assert!(matches!(entry, Entry::Ruled { question: None, .. }));
}
