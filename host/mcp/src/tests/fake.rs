//! A host that answers from a script.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pointsman_engine::{Client, Error, WaitLimits};
use pointsman_model::calls::{self, RunRef};
use pointsman_model::{
    AgentRecord, AgentStatus, Event, EventKind, Mail, Message, MessageId, Role, RunId, RunRecord, SessionId,
    Speaker, Status, Timestamp, Verdict,
};
use serde_json::{Map, json};
use tokio::sync::Notify;

use super::people::People;
use crate::calls::Calls;

pub(crate) fn run_id(n: u8) -> RunId {
    RunId::from_random([n; 16])
}

fn session_id() -> SessionId {
    SessionId::from_random([9; 16])
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

/// A run that ended well and said little.
pub(crate) fn record() -> RunRecord {
    numbered_record(1)
}

pub(crate) fn numbered_record(n: u8) -> RunRecord {
    RunRecord {
        run_id: run_id(n),
        backend: "codex".to_owned(),
        role: Role::Worker,
        session_id: session_id(),
        agent_name: format!("agent{n}"),
        status: Status::Completed,
        started_at: at(),
        updated_at: at(),
        completed_at: Some(at()),
        summary: "Done".to_owned(),
        last_seq: 7,
        cwd: "/home/ada/project".to_owned(),
        metadata: Map::new(),
        remote_ref: None,
        access: None,
        final_response: Some("All tests pass.".to_owned()),
        structured_output: None,
        usage: None,
        error: None,
        waiting_for: None,
        resumed_from_run_id: None,
        supervision: None,
        truncated: Vec::new(),
    }
}

pub(crate) fn event(seq: u64, text: &str) -> Event {
    Event {
        seq,
        ts: at(),
        run_id: run_id(1),
        session_id: session_id(),
        backend: "codex".to_owned(),
        kind: EventKind::AGENT_MESSAGE,
        data: Map::from_iter([("text".to_owned(), json!(text))]),
    }
}

pub(crate) fn mail(seq: u64, text: &str) -> Mail {
    Mail {
        message_id: MessageId::from_random([3; 16]),
        seq,
        from_agent_name: None,
        from_session_id: None,
        to_agent_name: "agent1".to_owned(),
        to_session_id: session_id(),
        created_at: at(),
        body: Message::text(Speaker::Agent, text),
        metadata: Map::new(),
    }
}

pub(crate) struct Fake {
    pub(crate) limits: WaitLimits,
    pub(crate) runs: Vec<RunRecord>,
    pub(crate) agents: usize,
    pub(crate) events: Vec<Event>,
    pub(crate) mail: Vec<Mail>,
    pub(crate) artifact: String,
    /// Who called what, as text.
    pub(crate) asked: Mutex<Vec<String>>,
    /// Told when a call begins to wait.
    pub(crate) waiting: Notify,
    /// Ends a wait.
    pub(crate) wake: Notify,
    /// Waits that go on.
    pub(crate) in_flight: AtomicUsize,
    /// The questions to people.
    pub(crate) people: People,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            limits: WaitLimits { default: Duration::from_secs(40), most: None },
            runs: vec![record()],
            agents: 1,
            events: vec![event(1, "one"), event(2, "two")],
            mail: vec![mail(1, "hello")],
            artifact: "an artifact".to_owned(),
            asked: Mutex::default(),
            waiting: Notify::new(),
            wake: Notify::new(),
            in_flight: AtomicUsize::new(0),
            people: People::default(),
        }
    }
}

impl Fake {
    fn note(&self, text: String) {
        self.asked.lock().unwrap().push(text);
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn find(&self, run: &RunRef) -> Result<&RunRecord, Error> {
        let id = run.run_id.clone().unwrap_or_default();
        self.runs.iter().find(|record| record.run_id.to_string() == id).ok_or(Error::UnknownRun(id))
    }

    async fn wait(&self, longest: Duration) {
        struct InFlight<'a>(&'a AtomicUsize);
        impl Drop for InFlight<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        let _in_flight = InFlight(&self.in_flight);
        self.waiting.notify_one();
        let _ = tokio::time::timeout(longest, self.wake.notified()).await;
    }
}

fn client_name(client: &Client) -> String {
    format!("{} {}", client.name, client.version.as_deref().unwrap_or("-"))
}

impl Calls for Fake {
    fn waits(&self) -> WaitLimits {
        self.limits
    }

    async fn spawn_run(&self, client: &Client, call: calls::SpawnRun) -> Result<calls::SpawnedRun, Error> {
        self.note(format!("spawn_run by {}: {}", client_name(client), call.prompt.unwrap_or_default()));
        Ok(calls::SpawnedRun {
            run_id: run_id(1),
            backend: call.backend.unwrap_or_default(),
            role: call.role.unwrap_or(Role::Worker),
            session_id: session_id(),
            agent_name: "agent1".to_owned(),
            status: Status::Queued,
            existing: false,
            note: None,
        })
    }

    async fn get_run(&self, run: &RunRef) -> Result<RunRecord, Error> {
        self.note(format!("get_run {run:?}"));
        self.find(run).cloned()
    }

    async fn poll_events(&self, call: &calls::PollEvents) -> Result<calls::EventPage, Error> {
        self.note(format!("poll_events {:?} {:?} {:?}", call.limit, call.wait_ms, call.max_bytes));
        let run = self.find(&call.run())?;
        let limit = call.limit.unwrap() as usize;
        let new: Vec<Event> =
            self.events.iter().filter(|event| event.seq > call.after_seq).cloned().collect();
        if new.is_empty() {
            self.wait(Duration::from_millis(call.wait_ms.unwrap().into())).await;
        }
        let events: Vec<Event> = new.iter().take(limit).cloned().collect();
        Ok(calls::EventPage {
            run_id: run.run_id,
            status: run.status,
            next_after_seq: events.last().map_or(call.after_seq, |event| event.seq),
            last_seq: self.events.last().map_or(0, |event| event.seq),
            truncated: events.len() < new.len(),
            events,
        })
    }

    async fn wait_for_runs(
        &self,
        call: &calls::WaitForRuns,
        wait: Duration,
    ) -> Result<calls::WaitOutcome, Error> {
        self.note(format!("wait_for_runs {:?} {wait:?}", call.mode));
        self.wait(wait).await;
        let changes = self.runs.iter().map(|record| calls::RunChange {
            run_id: record.run_id,
            agent_name: record.agent_name.clone(),
            status: record.status,
            summary: record.summary.clone(),
            last_seq: record.last_seq,
            updated_at: record.updated_at,
            needs_attention: true,
            how: None,
        });
        Ok(calls::WaitOutcome {
            done: true,
            changes: changes.collect(),
            still_running: 0,
            next_cursor: "12".to_owned(),
            truncated: false,
        })
    }

    async fn cancel_run(
        &self,
        _client: &Client,
        run: &RunRef,
        reason: &str,
    ) -> Result<calls::CancelledRun, Error> {
        self.note(format!("cancel_run for {reason}"));
        Err(Error::AlreadyTerminal(self.find(run)?.status))
    }

    async fn continue_run(
        &self,
        client: &Client,
        call: calls::ContinueRun,
    ) -> Result<calls::ContinuedRun, Error> {
        self.note(format!("continue_run by {}: {}", client_name(client), call.input_message.plain_text()));
        Ok(calls::ContinuedRun {
            run_id: run_id(2),
            status: Status::Queued,
            session_id: None,
            agent_name: None,
            mode: Some(calls::ContinueMode::Resume),
            resumed_from_run_id: Some(run_id(1)),
            note: None,
        })
    }

    async fn list_runs(&self, call: &calls::ListRuns) -> Result<calls::ListedRuns, Error> {
        self.note(format!("list_runs {:?} {:?}", call.limit, call.cursor));
        let from = call.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        let to = self.runs.len().min(from + call.limit.unwrap() as usize);
        Ok(calls::ListedRuns {
            runs: self.runs[from..to].to_vec(),
            total: self.runs.len() as u64,
            truncated: to < self.runs.len(),
            next_cursor: (to < self.runs.len()).then(|| to.to_string()),
        })
    }

    async fn get_event_artifact(&self, call: &calls::GetEventArtifact) -> Result<calls::ArtifactPage, Error> {
        let (offset, limit) = (call.offset.unwrap() as usize, call.limit.unwrap() as usize);
        self.note(format!("get_event_artifact {offset} {limit}"));
        let end = self.artifact.floor_char_boundary((offset + limit).min(self.artifact.len()));
        Ok(calls::ArtifactPage {
            run_id: run_id(1),
            seq: call.seq,
            field_path: call.field_path.clone(),
            mime: "text/plain".to_owned(),
            encoding: "utf-8".to_owned(),
            relpath: "artifacts/000001-agent_message/manifest.json".to_owned(),
            total_bytes: self.artifact.len() as u64,
            offset: offset as u64,
            returned_bytes: (end - offset) as u64,
            has_more: end < self.artifact.len(),
            content: self.artifact[offset..end].to_owned(),
        })
    }

    async fn list_agents(&self, _call: &calls::ListAgents) -> Result<calls::ListedAgents, Error> {
        let agent = AgentRecord {
            agent_name: "agent1".to_owned(),
            role: None,
            session_id: session_id(),
            status: AgentStatus::Idle,
            cwd: "/home/ada/project".to_owned(),
            last_run_id: None,
            updated_at: at(),
        };
        Ok(calls::ListedAgents { agents: vec![agent; self.agents], truncated: false })
    }

    async fn send_agent_message(
        &self,
        _client: &Client,
        call: calls::SendAgentMessage,
    ) -> Result<calls::SentMessage, Error> {
        Ok(calls::SentMessage {
            message_id: MessageId::from_random([3; 16]),
            to_agent_name: call.to_agent_name,
            to_session_id: session_id(),
            seq: Some(1),
            created_at: at(),
            note: None,
        })
    }

    async fn fetch_agent_messages(
        &self,
        call: &calls::FetchAgentMessages,
    ) -> Result<calls::FetchedMessages, Error> {
        let after = call.after_seq.unwrap();
        let messages: Vec<Mail> = self.mail.iter().filter(|mail| mail.seq > after).cloned().collect();
        Ok(calls::FetchedMessages {
            agent_name: call.agent_name.clone(),
            session_id: session_id(),
            next_after_seq: messages.last().map_or(after, |mail| mail.seq),
            messages,
            truncated: false,
        })
    }

    async fn explain_policy(
        &self,
        _client: &Client,
        call: calls::ExplainPolicy,
    ) -> Result<calls::ExplainedPolicy, Error> {
        Ok(calls::ExplainedPolicy {
            verdict: Verdict::Ask,
            module: "careful".to_owned(),
            rule: Some("full-access".to_owned()),
            reason: "it reaches everything".to_owned(),
            access: call.access.unwrap_or_default(),
            note: Some("a person would be asked".to_owned()),
        })
    }
}
