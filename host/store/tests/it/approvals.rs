//! Questions to a person: settled once, used once.

use pointsman_model::{Approval, ApprovalId, ApprovalState, Digest, RunRecord, Scope, Standing};
use pointsman_store::{Commit, StoreError};
use rstest::rstest;
use serde_json::json;

use crate::support::{Fixture, completion, further_run, now, random};

pub(crate) fn question(record: &RunRecord) -> Approval {
    Approval {
        approval_id: ApprovalId::from_random(random()),
        run_id: record.run_id,
        action: "spawn".to_owned(),
        chain: Vec::new(),
        detail: json!({"prompt": "make it so"}),
        editable: false,
        digest: Digest::of(b"make it so"),
        rule: Some("outside-repository".to_owned()),
        reason: "outside a repository".to_owned(),
        asked_at: now(),
        expires_at: now(),
        state: ApprovalState::Pending,
        settled_at: None,
        settled_by: None,
        feedback: None,
        scope: Scope::Once,
        standing: None,
        uses: 0,
        used_at: None,
        superseded_by: None,
        revoked: None,
    }
}

async fn put(fixture: &Fixture, record: &RunRecord, approval: &Approval) -> Result<(), StoreError> {
    let approvals = vec![approval.clone()];
    fixture.store.commit(Commit { approvals, ..Commit::new(fixture.host, record.clone()) }).await
}

#[rstest]
#[case(&[ApprovalState::Approved, ApprovalState::Consumed], true)]
#[case(&[ApprovalState::Approved, ApprovalState::Consumed, ApprovalState::Consumed], false)]
#[case(&[ApprovalState::Approved, ApprovalState::Denied], false)]
#[case(&[ApprovalState::Denied, ApprovalState::Approved], false)]
#[case(&[ApprovalState::Expired, ApprovalState::Approved], false)]
#[case(&[ApprovalState::Approved, ApprovalState::Withdrawn], true)]
#[case(&[ApprovalState::Approved, ApprovalState::Revoked], true)]
#[case(&[ApprovalState::Pending, ApprovalState::Revoked], false)]
#[case(&[ApprovalState::Approved, ApprovalState::Revoked, ApprovalState::Approved], false)]
#[case(&[ApprovalState::Approved, ApprovalState::Revoked, ApprovalState::Consumed], false)]
#[tokio::test]
async fn a_question_goes_one_way(#[case] states: &[ApprovalState], #[case] allowed: bool) {
    let fixture = Fixture::new();
    let record = fixture.run().await;
    let mut approval = question(&record);
    put(&fixture, &record, &approval).await.unwrap();
    let (last, before) = states.split_last().unwrap();
    for state in before {
        approval.state = *state;
        put(&fixture, &record, &approval).await.unwrap();
    }
    let stands = approval.clone();
    approval.state = *last;
    let outcome = put(&fixture, &record, &approval).await;
    assert_eq!(outcome.is_ok(), allowed, "{outcome:?}");
    let stands = if allowed { approval } else { stands };
    assert_eq!(fixture.store.approval(stands.approval_id).unwrap(), Some(stands.clone()));
    assert_eq!(fixture.store.approvals_of(record.run_id).unwrap(), [stands]);
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    let fixture = Fixture::new();
    let record = fixture.run().await;
    let mut approval = question(&record);
    put(&fixture, &record, &approval).await.unwrap();
    approval.digest = Digest::of(b"make it otherwise");
    approval.state = ApprovalState::Approved;
    assert!(matches!(put(&fixture, &record, &approval).await, Err(StoreError::ApprovalSettled { .. })));
}

#[tokio::test]
async fn questions_are_listed_newest_first() {
    let fixture = Fixture::new();
    let record = fixture.run().await;
    let mut asked = Vec::new();
    for _ in 0..3 {
        let approval = question(&record);
        put(&fixture, &record, &approval).await.unwrap();
        asked.insert(0, approval);
    }
    let mut denied = asked[1].clone();
    denied.state = ApprovalState::Denied;
    put(&fixture, &record, &denied).await.unwrap();
    let pending = fixture.store.approvals(Some(ApprovalState::Pending), 10).unwrap();
    assert_eq!(pending, [asked[0].clone(), asked[2].clone()]);
    assert_eq!(fixture.store.approvals(None, 2).unwrap(), [asked[0].clone(), denied]);
}

/// Between looking an approval up and using it, somebody may have taken it back.
#[tokio::test]
async fn what_was_taken_back_is_used_by_no_later_run() {
    let fixture = Fixture::new();
    let mut first = fixture.run().await;
    let mut approval = question(&first);
    put(&fixture, &first, &approval).await.unwrap();
    let until = now().plus_seconds(600);
    approval.state = ApprovalState::Approved;
    approval.standing = Some(Standing { scope: Scope::Session, until: Some(until) });
    put(&fixture, &first, &approval).await.unwrap();
    let id = approval.approval_id;
    let by = || "cli:bob".to_owned();
    let left = fixture.store.revoke_standing(id, by(), now()).await.unwrap().unwrap();
    assert_eq!(left, approval, "of a run that lives its host does it");
    fixture.store.commit(completion(fixture.host, &mut first)).await.unwrap();

    let next = fixture.create(further_run(fixture.host, &first)).await;
    let claim = |at| Commit { claims: vec![(id, at)], ..Commit::new(fixture.host, next.clone()) };
    fixture.store.commit(claim(now())).await.unwrap();
    assert_eq!(fixture.store.approval(id).unwrap().unwrap().uses, 1);
    let late = fixture.store.commit(claim(until)).await;
    assert!(matches!(late, Err(StoreError::ApprovalSettled { .. })), "its time is over: {late:?}");
    let revoked = fixture.store.revoke_standing(id, by(), now()).await.unwrap().unwrap();
    assert_eq!((revoked.state, revoked.uses), (ApprovalState::Revoked, 1));
    let late = fixture.store.commit(claim(now())).await;
    assert!(matches!(late, Err(StoreError::ApprovalSettled { .. })), "{late:?}");
    assert_eq!(fixture.store.approval(id).unwrap(), Some(revoked));
}
