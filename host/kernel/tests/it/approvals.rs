//! Approvals: where each answer leads from each state, and that none is ever used twice or beyond its reach.

use crate::common::{created, digest, id, latest, launch, live, question, ruling, step, wish};
use pointsman_kernel::{Command, Entry, Next, Question, Refused, Run};
use pointsman_model::plugin::Permission;
use pointsman_model::{
    Answer, Approval, ApprovalId, ApprovalState, Digest, Outcome, Ruling, RunId, Scope, Standing, Timestamp,
    Verdict, reason,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use ApprovalState::{Approved, Consumed, Denied, Expired, Pending, Revoked, Superseded, Withdrawn};

/// When the standing answers of the table end.
const UNTIL: u64 = 5_000;

fn ask(n: u8, permission: &str, about: u8) -> Command {
    Command::AskPermission {
        permission: Permission { id: permission.to_owned(), ..wish(true) },
        ruling: ruling(Verdict::Ask),
        question: Question { action: "permission".to_owned(), digest: digest(about), ..question(n) },
    }
}

fn settle(n: u8, about: u8, answer: Answer) -> Command {
    let by = "cli:ada".to_owned();
    Command::Settle { approval_id: id(n), digest: digest(about), answer, by, latest: latest() }
}

fn revoke(n: u8) -> Command {
    Command::Revoke { approval_id: id(n), by: "cli:bob".to_owned() }
}

fn allow(scope: Scope, until: Option<u64>) -> Answer {
    Answer::Allow { scope, until: until.map(Timestamp::from_millis) }
}

fn use_standing(standing: &Approval, ruling: Ruling, about: u8) -> Command {
    let permission = Some(Permission { id: "again".to_owned(), ..wish(true) });
    Command::UseStanding { permission, ruling, digest: digest(about), standing: Box::new(standing.clone()) }
}

fn approval(run: &Run, n: u8) -> Approval {
    run.approvals().find(|approval| approval.approval_id == id(n)).unwrap().clone()
}

fn claims(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| matches!(entry, Entry::Claimed { .. })).count()
}

/// A live run whose question 1 stands somewhere; `standing` if it was allowed for more than once.
fn at(state: ApprovalState, standing: bool) -> Run {
    let mut run = live();
    step(&mut run, 1_000, ask(1, "p", 1)).unwrap();
    let answer = if standing { allow(Scope::Run, Some(UNTIL)) } else { Answer::allow_once() };
    let way = match state {
        Pending => vec![],
        Approved if standing => vec![settle(1, 1, answer), Command::Claim { approval_id: id(1) }],
        Approved => vec![settle(1, 1, answer)],
        Consumed => vec![settle(1, 1, answer), Command::Claim { approval_id: id(1) }],
        Denied => vec![settle(1, 1, Answer::Deny { feedback: Some("no".to_owned()) })],
        Superseded => vec![Command::Withdraw { permission: "p".to_owned() }],
        Withdrawn => vec![Command::cancel("enough")],
        Revoked => vec![settle(1, 1, answer), revoke(1)],
        Expired => {
            step(&mut run, 6_000, Command::Lapse).unwrap();
            vec![]
        }
    };
    for command in way {
        step(&mut run, 2_000, command).unwrap();
    }
    assert_eq!(approval(&run, 1).state, state);
    run
}

/// What is tried on a question.
#[derive(Debug, Clone, Copy)]
enum Try {
    Allow,
    Stale,
    Deny,
    Claim,
    Withdraw,
    AskSame,
    AskOther,
    Lapse,
    Cancel,
    End,
    Revoke,
}

impl Try {
    const ALL: [Self; 11] = [
        Self::Allow,
        Self::Stale,
        Self::Deny,
        Self::Claim,
        Self::Withdraw,
        Self::AskSame,
        Self::AskOther,
        Self::Lapse,
        Self::Cancel,
        Self::End,
        Self::Revoke,
    ];

    fn command(self) -> Command {
        match self {
            Self::Allow => settle(1, 1, Answer::allow_once()),
            Self::Stale => settle(1, 9, Answer::allow_once()),
            Self::Deny => settle(1, 1, Answer::Deny { feedback: None }),
            Self::Claim => Command::Claim { approval_id: id(1) },
            Self::Withdraw => Command::Withdraw { permission: "p".to_owned() },
            Self::AskSame => ask(2, "p", 1),
            Self::AskOther => ask(2, "p", 2),
            Self::Lapse => Command::Lapse,
            Self::Cancel => Command::cancel("enough"),
            Self::End => Command::Finish(Outcome::failed(reason::NO_OUTCOME, "over")),
            Self::Revoke => revoke(1),
        }
    }
}

/// Every state against everything that can be tried: where the question stands afterwards, in the order of `Try::ALL`.
/// `!` says that it was refused.
#[rstest]
#[case(
    Pending,
    false,
    "approved pending! denied pending! superseded pending superseded expired withdrawn withdrawn pending!"
)]
#[case(
    Approved,
    false,
    "approved! approved! approved! consumed approved approved approved approved approved withdrawn revoked"
)]
#[case(
    Approved,
    true,
    "approved! approved! approved! approved approved approved approved expired approved consumed revoked"
)]
#[case(
    Consumed,
    false,
    "consumed! consumed! consumed! consumed! consumed consumed consumed consumed consumed consumed consumed!"
)]
#[case(Denied, false, "denied! denied! denied! denied! denied denied denied denied denied denied denied!")]
#[case(
    Expired,
    false,
    "expired! expired! expired! expired! expired expired expired expired expired expired expired!"
)]
#[case(
    Superseded,
    false,
    "superseded! superseded! superseded! superseded! superseded superseded superseded superseded superseded superseded superseded!"
)]
#[case(
    Withdrawn,
    false,
    "withdrawn! withdrawn! withdrawn! withdrawn! withdrawn withdrawn withdrawn withdrawn withdrawn withdrawn withdrawn!"
)]
#[case(
    Revoked,
    true,
    "revoked! revoked! revoked! revoked! revoked revoked revoked revoked revoked revoked revoked!"
)]
fn every_transition(#[case] state: ApprovalState, #[case] standing: bool, #[case] expected: &str) {
    let outcomes: Vec<String> = Try::ALL
        .iter()
        .map(|what| {
            let mut run = at(state, standing);
            // Nothing but a lapse depends on the time; the question's own is over then, and the answer's.
            let time = if matches!(what, Try::Lapse) || state == Expired { 7_000 } else { 3_000 };
            let refused = step(&mut run, time, what.command()).is_err();
            format!("{}{}", approval(&run, 1).state.as_str(), if refused { "!" } else { "" })
        })
        .collect();
    assert_eq!(outcomes.join(" "), expected);
}

#[test]
fn whoever_answers_too_late_is_told_who_did_and_when() {
    let mut run = at(Denied, false);
    let refused = step(&mut run, 3_000, settle(1, 1, Answer::allow_once())).unwrap_err();
    let settled = Timestamp::from_millis(2_000);
    assert_eq!(
        refused,
        Refused::AlreadySettled {
            approval_id: id(1),
            state: Denied,
            by: Some("cli:ada".to_owned()),
            at: Some(settled)
        }
    );
    let said = refused.to_string();
    assert!(said.ends_with(&format!("is already denied (cli:ada answered at {settled})")), "{said}");

    // Nor is it forgotten when the run is over, or the answer used up.
    let mut run = at(Consumed, false);
    step(&mut run, 3_000, Command::Finish(Outcome::failed(reason::NO_OUTCOME, "over"))).unwrap();
    let refused = step(&mut run, 4_000, settle(1, 1, Answer::allow_once())).unwrap_err();
    assert!(
        matches!(&refused, Refused::AlreadySettled { state: Consumed, by: Some(by), .. } if by == "cli:ada"),
        "{refused}"
    );

    let refused = step(&mut at(Pending, false), 3_000, settle(1, 9, Answer::allow_once())).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains(&digest(1).to_string()) && said.contains(&digest(9).to_string()), "{said}");
}

#[test]
fn what_is_asked_anew_takes_the_place_of_what_was_asked() {
    let mut run = at(Pending, false);
    step(&mut run, 2_000, ask(2, "p", 2)).unwrap();
    assert_eq!(approval(&run, 1).superseded_by, Some(id(2)));
    assert_eq!(approval(&run, 2).state, Pending);
    // The same thing under the same id is asked once.
    assert_eq!(step(&mut run, 2_000, ask(3, "p", 2)).unwrap(), []);
    assert_eq!(run.waiting().unwrap().approval_id, id(2));
}

#[rstest]
#[case(Scope::Once, Scope::Run, None, "at the widest")]
#[case(Scope::Run, Scope::Session, Some(2_500), "at the widest")]
#[case(Scope::Session, Scope::Session, None, "needs an end")]
#[case(Scope::Session, Scope::Session, Some(2_000), "over already")]
#[case(Scope::Session, Scope::Session, Some(60_001), "too late")]
#[case(Scope::Session, Scope::Run, Some(60_001), "too late")]
#[case(Scope::Session, Scope::Once, Some(2_500), "goes with the scopes")]
fn no_answer_reaches_further_than_it_may(
    #[case] widest: Scope,
    #[case] scope: Scope,
    #[case] until: Option<u64>,
    #[case] why: &str,
) {
    let mut run = live();
    let Command::AskPermission { permission, ruling, question } = ask(1, "p", 1) else { unreachable!() };
    let ruling = Ruling { scope: Some(widest), ..ruling };
    step(&mut run, 1_000, Command::AskPermission { permission, ruling, question }).unwrap();
    let refused = step(&mut run, 2_000, settle(1, 1, allow(scope, until))).unwrap_err();
    assert!(refused.to_string().contains(why), "{refused}");
    assert_eq!(approval(&run, 1).state, Pending, "it can still be answered well");
}

/// A launch happens once, whatever policy says of its scope.
#[test]
fn a_launch_is_allowed_once() {
    let mut run = Run::begin(&created()).unwrap();
    let ruling = Ruling { scope: Some(Scope::Session), ..ruling(Verdict::Ask) };
    step(&mut run, 1_000, Command::Rule { ruling, question: question(1) }).unwrap();
    let refused = step(&mut run, 2_000, settle(1, 0, allow(Scope::Run, None))).unwrap_err();
    assert!(matches!(refused, Refused::TooWide { widest: Scope::Once, .. }), "{refused}");
    step(&mut run, 2_000, settle(1, 0, Answer::allow_once())).unwrap();
    let launched = step(&mut run, 2_000, launch(0)).unwrap();
    assert!(matches!(launched[..], [Entry::Claimed { .. }, Entry::Launched { .. }]), "{launched:?}");
    let mut late = Run::begin(&created()).unwrap();
    step(
        &mut late,
        1_000,
        Command::Rule { ruling: crate::common::ruling(Verdict::Ask), question: question(1) },
    )
    .unwrap();
    step(&mut late, 2_000, settle(1, 0, Answer::allow_once())).unwrap();
    let refused = step(&mut late, 6_000, launch(0)).unwrap_err();
    assert!(matches!(refused, Refused::AlreadySettled { state: Expired, .. }), "{refused}");
}

#[test]
fn an_answer_for_the_run_covers_what_else_waits_and_is_the_same() {
    let mut run = live();
    for (n, permission, about) in [(1, "p", 1), (2, "q", 1), (3, "r", 2)] {
        step(&mut run, 1_000, ask(n, permission, about)).unwrap();
    }
    let entries = step(&mut run, 2_000, settle(1, 1, allow(Scope::Run, None))).unwrap();
    assert_eq!(claims(&entries), 1, "one use for the other question; its own comes when its agent is told");
    let states = [1, 2, 3].map(|n| approval(&run, n).state);
    assert_eq!(states, [Approved, Superseded, Pending]);
    assert_eq!(approval(&run, 2).superseded_by, Some(id(1)));
    step(&mut run, 2_000, Command::Claim { approval_id: id(1) }).unwrap();
    assert_eq!(approval(&run, 1).uses, 2);
}

#[test]
fn what_stands_covers_the_same_request_alone_and_never_what_policy_denies() {
    let mut run = at(Approved, true);
    let standing = approval(&run, 1);
    assert_eq!(run.standing(digest(1), Scope::Session, Timestamp::from_millis(3_000)), Some(&standing));
    assert_eq!(run.standing(digest(2), Scope::Session, Timestamp::from_millis(3_000)), None);
    assert_eq!(run.standing(digest(1), Scope::Once, Timestamp::from_millis(3_000)), None);
    assert_eq!(run.standing(digest(1), Scope::Session, Timestamp::from_millis(UNTIL)), None);

    let asks = || ruling(Verdict::Ask);
    let other = use_standing(&standing, asks(), 2);
    assert!(matches!(step(&mut run, 3_000, other), Err(Refused::OtherRequest { .. })));
    let denied = use_standing(&standing, ruling(Verdict::Deny), 1);
    assert!(matches!(step(&mut run, 3_000, denied), Err(Refused::TooWide { .. })));
    let narrower = use_standing(&standing, Ruling { scope: Some(Scope::Once), ..asks() }, 1);
    assert!(matches!(step(&mut run, 3_000, narrower), Err(Refused::TooWide { .. })));
    let entries = step(&mut run, 3_000, use_standing(&standing, asks(), 1)).unwrap();
    assert_eq!(claims(&entries), 1);
    let Some(Entry::Event(told)) = entries.last() else { panic!("it is told: {entries:?}") };
    assert_eq!(told.kind.as_str(), "approval_resolved");
    assert_eq!(told.data["approval_id"], json!(id(1)));
    assert_eq!((&told.data["by"], &told.data["standing"]), (&json!("cli:ada"), &json!(true)));
    let late = step(&mut run, UNTIL, use_standing(&standing, asks(), 1));
    assert!(matches!(late, Err(Refused::AlreadySettled { state: Expired, .. })));
}

/// What was allowed once and not begun, and what stands, in the run's own words.
#[test]
fn what_is_taken_back_is_asked_about_anew() {
    let mut run = at(Approved, true);
    let stood = approval(&run, 1);
    let entries = step(&mut run, 3_000, revoke(1)).unwrap();
    let Some(Entry::Event(told)) = entries.last() else { panic!("it is told: {entries:?}") };
    assert_eq!((&told.data["resolution"], &told.data["by"]), (&json!("revoked"), &json!("cli:bob")));
    let now = approval(&run, 1);
    assert_eq!(now.settled_by.as_deref(), Some("cli:ada"), "who allowed it stays on record");
    assert_eq!(now.revoked.map(|it| (it.at.as_millis(), it.by)), Some((3_000, "cli:bob".to_owned())));
    assert_eq!(run.standing(digest(1), Scope::Session, Timestamp::from_millis(3_000)), None);
    let used = step(&mut run, 3_000, use_standing(&stood, ruling(Verdict::Ask), 1));
    assert!(matches!(used, Err(Refused::AlreadySettled { state: Revoked, .. })), "an older copy: {used:?}");
    step(&mut run, 3_000, ask(2, "again", 1)).unwrap();
    assert_eq!(run.waiting().unwrap().approval_id, id(2));

    let mut run = Run::begin(&created()).unwrap();
    let asks = |n| Command::Rule { ruling: ruling(Verdict::Ask), question: question(n) };
    step(&mut run, 1_000, asks(1)).unwrap();
    step(&mut run, 2_000, settle(1, 0, Answer::allow_once())).unwrap();
    step(&mut run, 3_000, revoke(1)).unwrap();
    assert_eq!(run.next(), Next::AskPolicies);
    assert!(step(&mut run, 3_000, launch(0)).is_err());
    step(&mut run, 3_000, asks(2)).unwrap();
    assert_eq!(run.next(), Next::AwaitPerson(id(2)));
    step(&mut run, 3_000, settle(2, 0, Answer::allow_once())).unwrap();
    let launched = step(&mut run, 3_000, launch(0)).unwrap();
    assert!(matches!(&launched[..], [Entry::Claimed { approval_id, .. }, _] if *approval_id == id(2)));
}

#[rstest]
#[case(Pending, "deny it instead")]
#[case(Consumed, "it was used")]
#[case(Denied, "it was denied")]
#[case(Expired, "time is over")]
#[case(Withdrawn, "run is over")]
#[case(Revoked, "revoked before")]
fn whoever_has_nothing_to_take_back_is_told_why(#[case] state: ApprovalState, #[case] why: &str) {
    let refused = step(&mut at(state, false), 7_000, revoke(1));
    // A question whose time is over meanwhile is not one to deny.
    let why = if state == Pending { "time is over" } else { why };
    assert!(refused.as_ref().unwrap_err().to_string().contains(why), "{refused:?}");
    if state == Pending {
        let refused = step(&mut at(state, false), 3_000, revoke(1)).unwrap_err();
        assert!(refused.to_string().contains("deny it instead"), "{refused}");
    }
}

#[test]
fn a_run_that_is_to_end_is_allowed_nothing_more() {
    let mut run = at(Approved, true);
    let standing = approval(&run, 1);
    step(&mut run, 3_000, ask(2, "q", 2)).unwrap();
    step(&mut run, 3_000, Command::cancel("enough")).unwrap();
    assert_eq!(approval(&run, 2).state, Withdrawn);
    let used = step(&mut run, 3_000, use_standing(&standing, ruling(Verdict::Ask), 1));
    assert!(matches!(used, Err(Refused::Ending(_))));
    let claimed = step(&mut run, 3_000, Command::Claim { approval_id: id(1) });
    assert!(matches!(claimed, Err(Refused::Ending(_))));
}

/// Something that happens in a session.
#[derive(Debug, Clone)]
enum Act {
    Ask {
        permission: u8,
        about: u8,
    },
    Settle {
        n: u8,
        about: u8,
        answer: Answer,
    },
    Claim {
        n: u8,
    },
    Revoke {
        n: u8,
    },
    /// Uses an approval as anybody has ever seen it, however old the copy.
    Use {
        copy: prop::sample::Index,
        about: u8,
        verdict: Verdict,
    },
    Withdraw {
        permission: u8,
    },
    Lapse,
    Cancel,
    /// The host dies: the next knows what was written.
    Crash,
    End,
}

fn act() -> impl Strategy<Value = Act> {
    let scope = prop_oneof![Just(Scope::Once), Just(Scope::Run), Just(Scope::Session)];
    let until = prop_oneof![Just(None), (1_000..30_000_u64).prop_map(Some)];
    let answer = prop_oneof![
        6 => (scope, until).prop_map(|(scope, until)| allow(scope, until)),
        1 => Just(Answer::AllowEdited { input: json!({}) }),
        1 => Just(Answer::Deny { feedback: None }),
    ];
    let verdict = prop_oneof![4 => Just(Verdict::Ask), 1 => Just(Verdict::Deny)];
    prop_oneof![
        6 => (0..4_u8, 0..3_u8).prop_map(|(permission, about)| Act::Ask { permission, about }),
        9 => (0..200_u8, 0..3_u8, answer).prop_map(|(n, about, answer)| Act::Settle { n, about, answer }),
        5 => (0..200_u8).prop_map(|n| Act::Claim { n }),
        3 => (0..200_u8).prop_map(|n| Act::Revoke { n }),
        6 => (any::<prop::sample::Index>(), 0..3_u8, verdict)
            .prop_map(|(copy, about, verdict)| Act::Use { copy, about, verdict }),
        1 => (0..4_u8).prop_map(|permission| Act::Withdraw { permission }),
        2 => Just(Act::Lapse),
        1 => Just(Act::Cancel),
        1 => Just(Act::Crash),
        1 => Just(Act::End),
    ]
}

/// The runs of one session, one after the other, and every state of an approval that anybody saw.
struct Session {
    journals: Vec<Vec<Entry>>,
    run: Run,
    seen: Vec<Approval>,
    asked: Vec<(ApprovalId, Digest)>,
}

impl Session {
    fn new() -> Self {
        let mut session = Self { journals: vec![], run: live(), seen: vec![], asked: vec![] };
        session.next_run();
        session
    }

    fn next_run(&mut self) {
        let Entry::Created { at, session_id, agent_name, spec, .. } = created() else { unreachable!() };
        let number = u8::try_from(self.journals.len()).unwrap();
        let run_id = RunId::from_random([100 + number; 16]);
        self.journals.push(vec![Entry::Created { at, run_id, session_id, agent_name, spec }]);
        self.run = Run::replay(self.journals.last().unwrap()).unwrap();
        self.tell(0, Command::Rule { ruling: ruling(Verdict::Allow), question: question(250) });
        self.tell(0, launch(0));
    }

    fn tell(&mut self, at: u64, command: Command) {
        let Ok(entries) = step(&mut self.run, at, command) else { return };
        self.journals.last_mut().unwrap().extend(entries);
        self.seen.extend(self.run.approvals().cloned());
        self.seen.dedup();
    }

    fn act(&mut self, at: u64, number: usize, act: Act) {
        let known = |n: u8| self.asked.get(usize::from(n) % self.asked.len().max(1)).copied();
        match act {
            Act::Ask { permission, about } => {
                let approval_id = ApprovalId::from_random([u8::try_from(number).unwrap(); 16]);
                let Command::AskPermission { permission, ruling, mut question } =
                    ask(0, &format!("p{permission}"), about)
                else {
                    unreachable!()
                };
                (question.approval_id, question.expires_at) =
                    (approval_id, Timestamp::from_millis(at + 4_000));
                self.asked.push((approval_id, question.digest));
                self.tell(at, Command::AskPermission { permission, ruling, question });
            }
            Act::Settle { n, about, answer } => {
                let Some((approval_id, right)) = known(n) else { return };
                // Most people answer what they saw.
                let digest = if about == 0 { digest(9) } else { right };
                let by = "cli:ada".to_owned();
                self.tell(at, Command::Settle { approval_id, digest, answer, by, latest: latest() });
            }
            Act::Claim { n } => {
                let Some((approval_id, _)) = known(n) else { return };
                self.tell(at, Command::Claim { approval_id });
            }
            Act::Revoke { n } => {
                let Some((approval_id, _)) = known(n) else { return };
                self.tell(at, Command::Revoke { approval_id, by: "cli:bob".to_owned() });
            }
            Act::Use { copy, about, verdict } => {
                if self.seen.is_empty() {
                    return;
                }
                let standing = copy.get(&self.seen).clone();
                // Of approvals of other runs the store knows that they were taken back.
                let own = self.run.approvals().any(|it| it.approval_id == standing.approval_id);
                let revoked = |it: &Approval| it.approval_id == standing.approval_id && it.state == Revoked;
                if !own && self.seen.iter().any(revoked) {
                    return;
                }
                self.tell(at, use_standing(&standing, ruling(verdict), about));
            }
            Act::Withdraw { permission } => {
                self.tell(at, Command::Withdraw { permission: format!("p{permission}") });
            }
            Act::Lapse => self.tell(at, Command::Lapse),
            Act::Cancel => self.tell(at, Command::cancel("enough")),
            Act::Crash => {
                self.run = Run::replay(self.journals.last().unwrap()).unwrap();
                self.tell(at, Command::Finish(Outcome::failed(reason::HOST_RESTARTED, "the host died")));
            }
            Act::End => self.tell(at, Command::Finish(Outcome::failed(reason::NO_OUTCOME, "over"))),
        }
        if self.run.next() == Next::Nothing {
            self.next_run();
        }
    }
}

/// What a person said of a question, as the journal of its run has it.
struct Word {
    run: usize,
    digest: Digest,
    standing: Option<Standing>,
}

fn word(journals: &[Vec<Entry>], asked: ApprovalId) -> Option<Word> {
    journals.iter().enumerate().find_map(|(run, journal)| {
        let digest = journal.iter().find_map(|entry| match entry {
            Entry::Asked { approval, .. } if approval.approval_id == asked => Some(approval.digest),
            _ => None,
        })?;
        journal.iter().find_map(|entry| match entry {
            Entry::Settled { approval_id, state: Approved, standing, by: Some(_), .. }
                if *approval_id == asked =>
            {
                Some(Word { run, digest, standing: *standing })
            }
            _ => None,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Nothing is used without a person's word, twice, for something else, elsewhere, when its time is over, or after it
    /// was taken back.
    #[test]
    fn no_approval_is_used_twice_or_beyond_its_reach(acts in prop::collection::vec((act(), 0..2_000_u64), 1..60)) {
        let mut session = Session::new();
        let mut at = 1_000;
        for (number, (act, later)) in acts.into_iter().enumerate() {
            at += later;
            session.act(at, number, act);
        }
        let journals = &session.journals;
        let mut used = std::collections::BTreeMap::new();
        let mut revoked = std::collections::BTreeSet::new();
        for (run, journal) in journals.iter().enumerate() {
            let mut ending = false;
            for entry in journal {
                ending |= matches!(entry, Entry::CancelRequested { .. });
                if let Entry::Settled { approval_id, state: Revoked, .. } = entry {
                    revoked.insert(*approval_id);
                }
                let Entry::Claimed { at, approval_id, .. } = entry else { continue };
                prop_assert!(!revoked.contains(approval_id), "used after it was taken back");
                prop_assert!(!ending, "used by a run that was to end");
                let word = word(journals, *approval_id);
                let Some(word) = word else { return Err(TestCaseError::fail("used without a word")) };
                *used.entry(*approval_id).or_insert(0) += 1;
                match word.standing {
                    None => prop_assert_eq!((used[approval_id], word.run), (1, run), "used twice, or elsewhere"),
                    Some(standing) => {
                        prop_assert!(!standing.is_over(*at), "used when its time was over");
                        prop_assert!(standing.until.is_none_or(|until| until <= latest()));
                        prop_assert!(standing.scope == Scope::Session || word.run == run, "used in another run");
                    }
                }
                prop_assert!([0, 1, 2].map(digest).contains(&word.digest));
            }
            let replayed = Run::replay(journal).unwrap();
            if replayed.next() == Next::Nothing {
                for approval in replayed.approvals() {
                    let goes_on = approval.standing.is_some_and(|it| it.scope == Scope::Session);
                    prop_assert!(approval.state != Pending, "a question outlived its run");
                    prop_assert!(approval.state != Approved || goes_on, "an answer outlived its run: {:?}", approval);
                }
            }
        }
    }
}
