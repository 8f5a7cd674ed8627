//! What tests of the kernel begin with.

use pointsman_kernel::{Command, Entry, Question, Refused, Run};
use pointsman_model::plugin::Permission;
use pointsman_model::{
    Access, ApprovalId, Digest, Limits, Message, Rights, Role, Ruling, RunId, RunSpec, SessionId,
    SessionMode, Speaker, Timestamp, Verdict,
};
use serde_json::{Map, json};

pub(crate) fn created() -> Entry {
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
            delegable: Rights::default(),
            budget: Limits::default(),
        }),
    }
}

pub(crate) fn digest(n: u8) -> Digest {
    Digest::of(&[n])
}

pub(crate) fn id(n: u8) -> ApprovalId {
    ApprovalId::from_random([n; 16])
}

pub(crate) fn ruling(verdict: Verdict) -> Ruling {
    Ruling {
        verdict,
        module: "rules".to_owned(),
        rule: Some("r".to_owned()),
        reason: "because".to_owned(),
        ttl_seconds: None,
        ceiling: None,
        scope: None,
    }
}

pub(crate) fn question(n: u8) -> Question {
    Question {
        approval_id: id(n),
        action: "spawn".to_owned(),
        chain: vec![],
        detail: json!({"prompt": "do it"}),
        digest: digest(0),
        expires_at: Timestamp::from_millis(6_000),
        judged: None,
    }
}

/// As far as an answer may reach.
pub(crate) fn latest() -> Timestamp {
    Timestamp::from_millis(60_000)
}

pub(crate) fn step(run: &mut Run, at: u64, command: Command) -> Result<Vec<Entry>, Refused> {
    let entries = run.decide(Timestamp::from_millis(at), command)?;
    entries.iter().for_each(|entry| run.apply(entry));
    Ok(entries)
}

pub(crate) fn launch(n: u8) -> Command {
    Command::Launch { digest: digest(n), supervision: None }
}

pub(crate) fn live() -> Run {
    let mut run = Run::begin(&created()).unwrap();
    step(&mut run, 1_000, Command::Rule { ruling: ruling(Verdict::Allow), question: question(0) }).unwrap();
    step(&mut run, 1_000, launch(0)).unwrap();
    run
}

pub(crate) fn wish(editable: bool) -> Permission {
    Permission {
        id: "p".to_owned(),
        item: Some("call-1".to_owned()),
        kind: "command".to_owned(),
        title: "rm".to_owned(),
        detail: json!({"command": "rm x"}),
        editable,
    }
}
