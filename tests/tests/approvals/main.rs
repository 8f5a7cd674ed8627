//! Answers to a live agent, in a whole host whose clock stands still until a test moves it.

mod revoked;
mod scene;

use std::time::Duration;

use pointsman_engine::{Clock as _, Error, QuestionNews, Questions, Refused};
use pointsman_model::calls::RunRef;
use pointsman_model::{Answer, Approval, ApprovalId, ApprovalState, Scope, Status};
use pointsman_tests::PATIENCE;
use serde_json::json;

use crate::scene::{Scene, client};

pub(crate) fn words(heard: &[(&str, &str)]) -> Vec<(String, String)> {
    heard.iter().map(|(id, answer)| ((*id).to_owned(), (*answer).to_owned())).collect()
}

pub(crate) fn in_session(scene: &Scene, minutes: u64) -> Answer {
    Answer::Allow { scope: Scope::Session, until: Some(scene.hand.now().plus_seconds(minutes * 60)) }
}

pub(crate) const FOR_THE_RUN: Answer = Answer::Allow { scope: Scope::Run, until: None };

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_after_ten_minutes_reaches_the_agent() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    scene.hand.advance(10);
    let settled = scene.answer(&asked, Answer::allow_once()).await.expect("it is in time");
    assert_eq!((settled.state, settled.uses), (ApprovalState::Consumed, 1));
    assert_eq!(settled.settled_at, Some(asked.asked_at.plus_seconds(600)));
    assert_eq!(settled.settled_by.as_deref(), Some("cli:ada"));
    assert_eq!(scene.over(run).await.status, Status::Completed);
    assert_eq!(scene.heard(), words(&[("1", "allow")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_a_no_and_the_agent_goes_on() {
    let scene = Scene::new(&["make", "test"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    scene.hand.advance(15);
    let next = scene.question(run, "test").await;
    assert_eq!(scene.heard(), words(&[("1", "deny")]));
    let late = scene.answer(&asked, Answer::allow_once()).await;
    assert!(
        matches!(late, Err(Error::Answer(Refused::AlreadySettled { state: ApprovalState::Expired, .. }))),
        "{late:?}"
    );
    scene.answer(&next, Answer::allow_once()).await.expect("it is in time");
    assert_eq!(scene.over(run).await.status, Status::Completed);
    let late = scene.answer(&next, Answer::Deny { feedback: None }).await.expect_err("it is over");
    assert!(late.to_string().contains("is already consumed (cli:ada answered at "), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_the_run_covers_exactly_the_same_and_ends_with_it() {
    let scene = Scene::new(&["make", "make", "make clean", "make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let settled = scene.answer(&asked, FOR_THE_RUN).await.expect("no policy says otherwise");
    assert_eq!(settled.state, ApprovalState::Approved);
    let other = scene.question(run, "make clean").await;
    scene.answer(&other, Answer::Deny { feedback: None }).await.expect("it is open");
    scene.over(run).await;
    assert_eq!(scene.heard(), words(&[("1", "allow"), ("2", "allow"), ("3", "deny"), ("4", "allow")]));
    let ended = scene.state(&asked).await;
    assert_eq!((ended.state, ended.uses), (ApprovalState::Consumed, 3));
    let told = scene.resolutions(run).await;
    let standing: Vec<_> = told.iter().filter(|it| it["standing"] == true).collect();
    assert_eq!(standing.len(), 2, "{told:?}");
    assert!(standing.iter().all(|it| it["approval_id"] == json!(asked.approval_id) && it["by"] == "cli:ada"));

    let next = scene.go_on(run).await;
    scene.question(next, "make").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_for_the_session_holds_in_its_runs_over_a_restart_until_its_time_is_over() {
    let mut scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let too_long = scene.answer(&asked, in_session(&scene, 61)).await.expect_err("an hour is the most");
    assert!(too_long.to_string().contains("too late"), "{too_long}");
    scene.answer(&asked, in_session(&scene, 30)).await.expect("no policy says otherwise");
    scene.over(run).await;
    scene.restart().await;
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Approved);

    let next = scene.go_on(run).await;
    assert_eq!(scene.over(next).await.status, Status::Completed);
    assert_eq!(scene.heard(), words(&[("1", "allow"), ("1", "allow")]));
    let told = scene.resolutions(next).await;
    assert!(told.iter().any(|it| it["approval_id"] == json!(asked.approval_id) && it["scope"] == "session"));

    // Another session is another matter.
    let stranger = scene.launch().await;
    let asked_again = scene.question(stranger, "make").await;
    assert_eq!(asked_again.digest, asked.digest);
    scene.answer(&asked_again, Answer::Deny { feedback: None }).await.expect("it is open");
    scene.over(stranger).await;

    scene.hand.advance(30);
    let last = scene.go_on(next).await;
    scene.question(last, "make").await;
    scene.restart().await;
    let lapsed = scene.state(&asked).await;
    assert_eq!((lapsed.state, lapsed.settled_by.as_deref()), (ApprovalState::Expired, Some("cli:ada")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_answer_covers_what_waits_already() {
    let scene = Scene::new(&["make", "test", "make"]).await;
    scene.put("at-once", "");
    let run = scene.launch().await;
    let other = scene.question(run, "test").await;
    let alike = scene
        .until("two that are alike", async || {
            let mut open = scene.host().list_approvals(false).await.expect("questions are listed");
            open.retain(|it| it.detail["title"] == "make");
            (open.len() == 2).then_some(open)
        })
        .await;
    assert_eq!(alike[0].digest, alike[1].digest);
    scene.answer(&alike[0], FOR_THE_RUN).await.expect("it is open");
    let covered = scene.state(&alike[1]).await;
    assert_eq!(covered.state, ApprovalState::Superseded);
    assert_eq!(covered.superseded_by, Some(alike[0].approval_id));
    scene.answer(&other, Answer::allow_once()).await.expect("it is open");
    scene.over(run).await;
    let mut heard = scene.heard();
    heard.sort();
    assert_eq!(heard, words(&[("1", "allow"), ("2", "allow"), ("3", "allow")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_answers_at_once_one_counts() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let deny = Answer::Deny { feedback: None };
    let (first, second) =
        tokio::join!(scene.answer(&asked, Answer::allow_once()), scene.answer(&asked, deny));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let late = if first.is_ok() { second } else { first };
    assert!(matches!(late, Err(Error::Answer(Refused::AlreadySettled { .. }))), "{late:?}");
    scene.over(run).await;
    assert_eq!(scene.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_takes_its_questions_back() {
    let scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
    scene.host().cancel_run(&client(), &by, "enough").await.expect("it is cancelled");
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Withdrawn);
    let late = scene.answer(&asked, Answer::allow_once()).await;
    assert!(
        matches!(late, Err(Error::Answer(Refused::AlreadySettled { state: ApprovalState::Withdrawn, .. }))),
        "{late:?}"
    );
    assert!(scene.heard().iter().all(|(_, answer)| answer != "allow"), "{:?}", scene.heard());
}

/// Waits until a channel hears of a question; gives what it heard before, and the question.
async fn heard_of(channel: &mut Questions, what: ApprovalId) -> (Vec<QuestionNews>, Approval) {
    let listening = async {
        let mut before = Vec::new();
        loop {
            match channel.next().await {
                Some(QuestionNews::Asked(asked)) if asked.approval_id == what => return (before, *asked),
                Some(news) => before.push(news),
                None => panic!("the host has ended; before: {before:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, listening).await.expect("the channel hears of it")
}

/// A channel hears of a question once, of those that were open before it came too, and of their end; and nothing is
/// lost if it stops listening in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_hears_of_each_question_and_of_its_end() {
    let scene = Scene::new(&["make", "test"]).await;
    let mut early = scene.host().questions();
    let run = scene.launch().await;
    let make = scene.question(run, "make").await;
    let mut late = scene.host().questions();
    // What was settled meanwhile may have gone unheard; nobody needs to be asked about it.
    heard_of(&mut early, make.approval_id).await;
    assert_eq!(heard_of(&mut late, make.approval_id).await, (Vec::new(), make.clone()));
    // Nothing new: whoever listens waits, and may stop at any moment.
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(20), late.next()).await.is_err());
    }
    scene.answer(&make, Answer::allow_once()).await.expect("it is open");
    let test = scene.question(run, "test").await;
    for channel in [&mut early, &mut late] {
        let (before, asked) = heard_of(channel, test.approval_id).await;
        assert_eq!(asked, test);
        let [QuestionNews::Settled { approval_id, state }] = before.as_slice() else { panic!("{before:?}") };
        assert_eq!(*approval_id, make.approval_id);
        // It may be seen between its answer and its use.
        assert!(matches!(state, ApprovalState::Approved | ApprovalState::Consumed), "{state:?}");
    }
    let by = RunRef { run_id: Some(run.to_string()), ..RunRef::default() };
    scene.host().cancel_run(&client(), &by, "enough").await.expect("it lives");
    let withdrawn = QuestionNews::Settled { approval_id: test.approval_id, state: ApprovalState::Withdrawn };
    assert_eq!(late.next().await, Some(withdrawn));
    scene.host().shutdown().await;
    assert_eq!(late.next().await, None);
}

/// A new host takes up the question of one that is gone, and its channels hear of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_of_the_next_host_hears_of_what_was_open() {
    let mut scene = Scene::new(&["make"]).await;
    let run = scene.ask_for_launch().await;
    let asked = scene.question(run, "launch").await;
    scene.restart().await;
    assert_eq!(heard_of(&mut scene.host().questions(), asked.approval_id).await, (Vec::new(), asked));
    scene.host().shutdown().await;
}
