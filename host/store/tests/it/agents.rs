//! Agents, and the mail that they send each other.

use pointsman_model::{AgentStatus, Message, MessageId, SessionId, Speaker};
use pointsman_store::{AgentFilter, NewMail, StoreError};
use serde_json::Map;

use crate::support::{Fixture, completion, further_run, messages, new_run, now, random};

fn mail(to: SessionId) -> NewMail {
    NewMail {
        message_id: MessageId::from_random(random()),
        from_agent_name: Some("ada".to_owned()),
        from_session_id: None,
        to_session_id: to,
        created_at: now(),
        body: Message::text(Speaker::Agent, "hello"),
        metadata: Map::new(),
    }
}

#[tokio::test]
async fn agents_are_listed_by_what_happened_last() {
    let fixture = Fixture::new();
    let (host, store) = (fixture.host, &fixture.store);
    let mut first = fixture.run().await;
    let second = fixture.create(new_run(host, "/elsewhere")).await;
    store.commit(completion(host, &mut first)).await.unwrap();
    let agents = store.agents(&AgentFilter::default(), 10).unwrap();
    assert_eq!(
        agents.iter().map(|agent| agent.session_id).collect::<Vec<_>>(),
        [first.session_id, second.session_id]
    );
    assert_eq!(agents[0].status, AgentStatus::Completed);
    assert_eq!(agents[0].updated_at, first.updated_at);

    let mut again = fixture.create(further_run(host, &first)).await;
    store.commit(messages(host, &mut again, 1)).await.unwrap();
    let running = AgentFilter {
        status: Some(AgentStatus::Running),
        cwd: Some("/project/".to_owned()),
        backend: Some("codex".to_owned()),
    };
    let agents = store.agents(&running, 10).unwrap();
    assert_eq!(agents.len(), 1);
    assert_eq!((agents[0].last_run_id, agents[0].role), (Some(again.run_id), Some(again.role)));
    assert_eq!(store.agents(&AgentFilter::default(), 1).unwrap(), agents);
    assert_eq!(store.sessions_named("agent1", None).unwrap().len(), 2);
    assert_eq!(store.unfinished_runs_in(first.session_id).unwrap(), [again]);
}

#[tokio::test]
async fn an_inbox_counts_up_however_many_send_at_once() {
    let fixture = Fixture::new();
    let other = fixture.open_again();
    let to = fixture.run().await.session_id;
    let neighbour = fixture.run().await.session_id;
    fixture.store.send_mail(mail(neighbour)).await.unwrap();
    let mut sending = tokio::task::JoinSet::new();
    for n in 0..40 {
        let store = if n % 2 == 0 { fixture.store.clone() } else { other.clone() };
        sending.spawn(async move { store.send_mail(mail(to)).await.unwrap().seq });
    }
    let mut seqs = sending.join_all().await;
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=40).collect::<Vec<u64>>());
    let first = fixture.store.fetch_mail(to, 0, 15).unwrap();
    let rest = fixture.store.fetch_mail(to, first.last().unwrap().seq, 100).unwrap();
    assert_eq!(first.iter().chain(&rest).map(|mail| mail.seq).collect::<Vec<_>>(), seqs);
    let unknown = SessionId::from_random(random());
    assert!(matches!(fixture.store.send_mail(mail(unknown)).await, Err(StoreError::UnknownSession { .. })));
    assert!(matches!(fixture.store.fetch_mail(unknown, 0, 1), Err(StoreError::UnknownSession { .. })));
}
