//! What a person takes back.

use pointsman_engine::{Error, Refused};
use pointsman_model::{Answer, ApprovalState, Status};
use serde_json::json;

use crate::scene::Scene;
use crate::{FOR_THE_RUN, in_session, words};

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_for_a_run_is_asked_about_anew() {
    let scene = Scene::new(&["make", "make", "test", "make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    let pending =
        scene.host().revoke_approval(asked.approval_id, "cli:bob").await.expect_err("nobody allowed it");
    assert!(pending.to_string().contains("deny it instead"), "{pending}");
    scene.answer(&asked, FOR_THE_RUN).await.expect("no policy says otherwise");
    let other = scene.question(run, "test").await;
    let revoked = scene.host().revoke_approval(asked.approval_id, "cli:bob").await.expect("it stands");
    assert_eq!((revoked.state, revoked.uses), (ApprovalState::Revoked, 2));
    assert_eq!(revoked.settled_by.as_deref(), Some("cli:ada"));
    assert_eq!(revoked.revoked.map(|it| it.by).as_deref(), Some("cli:bob"));
    let twice = scene.host().revoke_approval(asked.approval_id, "cli:bob").await.expect_err("it was");
    assert!(twice.to_string().contains("revoked before"), "{twice}");
    scene.answer(&other, Answer::allow_once()).await.expect("it is open");

    let anew = scene.question(run, "make").await;
    assert_eq!(anew.digest, asked.digest);
    scene.answer(&anew, Answer::Deny { feedback: None }).await.expect("it is open");
    scene.over(run).await;
    let heard = [("1", "allow"), ("2", "allow"), ("3", "allow"), ("4", "deny")];
    assert_eq!(scene.heard(), words(&heard));
    let told = scene.resolutions(run).await;
    let is_it = |it: &&serde_json::Value| it["approval_id"] == json!(asked.approval_id);
    let last = told.iter().rfind(is_it).expect("it is told");
    assert_eq!((&last["resolution"], &last["by"]), (&json!("revoked"), &json!("cli:bob")));
    let over = scene.host().revoke_approval(other.approval_id, "cli:bob").await.expect_err("it was used");
    assert!(
        matches!(over, Error::Answer(Refused::NotRevocable { state: ApprovalState::Consumed, .. })),
        "{over}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_for_a_session_is_taken_back_when_its_run_is_long_over() {
    let mut scene = Scene::new(&["make"]).await;
    let run = scene.launch().await;
    let asked = scene.question(run, "make").await;
    scene.answer(&asked, in_session(&scene, 30)).await.expect("no policy says otherwise");
    scene.over(run).await;
    let next = scene.go_on(run).await;
    scene.over(next).await;
    assert_eq!(scene.state(&asked).await.uses, 2, "uses by later runs count");
    scene.restart().await;
    let revoked = scene.host().revoke_approval(asked.approval_id, "cli:bob").await.expect("it stands");
    assert_eq!((revoked.state, revoked.uses), (ApprovalState::Revoked, 2));
    let last = scene.go_on(next).await;
    let anew = scene.question(last, "make").await;
    assert_eq!(anew.digest, asked.digest);
    scene.hand.advance(40);
    scene.restart().await;
    assert_eq!(
        scene.state(&asked).await.state,
        ApprovalState::Revoked,
        "its time passes and changes nothing"
    );
}

/// A launch that was allowed and waits for its turn: over a restart, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_has_not_begun_is_asked_about_anew() {
    let mut scene = Scene::with_room(&[], 0).await;
    let run = scene.ask_for_launch().await;
    let asked = scene.question(run, "launch").await;
    scene.answer(&asked, Answer::allow_once()).await.expect("it is open");
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Approved, "there is no room for it");
    scene.host().revoke_approval(asked.approval_id, "cli:bob").await.expect("nothing has used it");
    let anew = scene.question(run, "launch").await;
    assert!(anew.approval_id != asked.approval_id && anew.digest == asked.digest);
    let late = scene.answer(&asked, Answer::allow_once()).await.expect_err("it was taken back");
    assert!(late.to_string().contains("already revoked"), "{late}");

    scene.restart_with_room(4).await;
    assert_eq!(scene.state(&asked).await.state, ApprovalState::Revoked);
    scene.allow_launch(run).await;
    assert_eq!(scene.over(run).await.status, Status::Completed);
    assert_eq!(scene.state(&anew).await.uses, 1);
}
