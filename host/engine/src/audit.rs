//! What goes into the audit log: made of what is about to be written to a run's journal, of every decision, and of a
//! host's start and end.
//!
//! A record is on disk before what it tells of happens. What cannot be recorded does not happen, unless the operator
//! has it otherwise; an end, a cancellation and a denial always happen.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointsman_audit::{Audit, AuditError, Draft, Fact, Member};
use pointsman_kernel::{Entry, Run};
use pointsman_model::plugin::Input;
use pointsman_model::{
    Approval, ApprovalState, Digest, HostId, Question, Ruling, RunId, Scope, Status, Verdict, digest_of,
};

use crate::policies::Loaded;
use crate::{AuditFailure, Settings};

/// How long the last record may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// Writes a host's records.
pub(crate) struct Recorder {
    audit: Audit,
    host: HostId,
    settings: Arc<Settings>,
    rules: Mutex<Rules>,
}

/// What the policies judge by, as it was recorded last.
#[derive(Default)]
struct Rules {
    seen: Option<Arc<[Arc<Loaded>]>>,
    /// Digests of component and rules by module.
    recorded: BTreeMap<String, (Digest, Digest)>,
}

impl Recorder {
    pub(crate) fn open(settings: &Arc<Settings>, host: HostId) -> Result<Self, AuditError> {
        Ok(Self {
            audit: Audit::open(&settings.state, settings.audit.options)?,
            host,
            settings: Arc::clone(settings),
            rules: Mutex::default(),
        })
    }

    fn drafts(&self, facts: Vec<Fact>) -> Vec<Draft> {
        let at = self.settings.clock.now();
        facts.into_iter().map(|fact| Draft { at, host: self.host, fact }).collect()
    }

    /// Records what must not happen unrecorded.
    async fn write(&self, facts: Vec<Fact>) -> Result<(), AuditError> {
        match self.settings.audit.on_failure {
            AuditFailure::Refuse => self.audit.write(self.drafts(facts)).await,
            AuditFailure::Warn => {
                self.tell(facts).await;
                Ok(())
            }
        }
    }

    /// Records what happens anyway.
    pub(crate) async fn tell(&self, facts: Vec<Fact>) {
        if let Err(error) = self.audit.tell(self.drafts(facts)).await {
            tracing::error!(%error, "something happens that could not be recorded");
        }
    }

    /// Records that the host has started. Nobody waits for that.
    pub(crate) fn started(&self) {
        let fact = Fact::HostStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            config: self.settings.audit.config,
        };
        self.audit.post(self.drafts(vec![fact]));
    }

    /// Records that the host has ended in order. A disk that hangs does not hold it up.
    pub(crate) async fn stopped(&self) {
        let told = self.tell(vec![Fact::HostStopped {}]);
        drop(tokio::time::timeout(FAREWELL, told).await);
    }

    /// Records that a standing approval, whose run may long be over, has come to its end or was taken back.
    pub(crate) async fn ended(&self, approval: &Approval) {
        let fact = Fact::Settled {
            run_id: approval.run_id,
            approval_id: approval.approval_id,
            digest: Some(approval.digest),
            state: approval.state,
            by: approval.revoked.as_ref().map(|revoked| revoked.by.clone()),
            scope: Scope::Once,
            until: None,
            feedback: None,
            superseded_by: None,
        };
        self.tell(vec![fact]).await;
    }

    /// Records a ruling, and by which rules it was made if these are new; gives the ruling that holds: a decision that
    /// cannot be recorded denies.
    pub(crate) async fn decided(
        &self,
        run: Option<RunId>,
        question: &Question,
        ruling: Ruling,
        chain: Option<&Arc<[Arc<Loaded>]>>,
    ) -> Ruling {
        let mut facts = chain.map_or_else(Vec::new, |chain| self.new_rules(chain));
        facts.push(Fact::Decision {
            run_id: run,
            action: question.action.clone(),
            chain: question.chain.iter().map(Member::from).collect(),
            backend: question.backend.clone(),
            verdict: ruling.verdict,
            module: ruling.module.clone(),
            rule: ruling.rule.clone(),
            ceiling: ruling.ceiling,
            question: digest_of(question).ok(),
        });
        if ruling.verdict == Verdict::Deny {
            self.tell(facts).await;
            return ruling;
        }
        match self.write(facts).await {
            Ok(()) => ruling,
            Err(error) => {
                tracing::error!(%error, "a decision could not be recorded, so it denies");
                Ruling {
                    verdict: Verdict::Deny,
                    module: "host".to_owned(),
                    rule: None,
                    reason: format!(
                        "{error}; [audit] on_failure = \"refuse\" lets nothing happen unrecorded"
                    ),
                    ..ruling
                }
            }
        }
    }

    fn new_rules(&self, chain: &Arc<[Arc<Loaded>]>) -> Vec<Fact> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        if rules.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, chain)) {
            return Vec::new();
        }
        rules.seen = Some(Arc::clone(chain));
        let mut facts = Vec::new();
        for module in chain.iter() {
            let now = (module.component, Digest::of(module.config.as_bytes()));
            let before = rules.recorded.insert(module.name.clone(), now);
            if before != Some(now) {
                facts.push(Fact::PolicyLoaded {
                    module: module.name.clone(),
                    component: now.0,
                    rules: now.1,
                    before: before.map(|(_, rules)| rules),
                });
            }
        }
        facts
    }

    /// Records what a run's journal is about to be told. Comes back with an error if that must not happen.
    pub(crate) async fn entries(&self, run: &Run, entries: &[Entry]) -> Result<(), AuditError> {
        let facts: Vec<Fact> = entries.iter().filter_map(|entry| self.fact(run, entry)).collect();
        let opens = |entry: &Entry| match entry {
            Entry::Asked { .. } | Entry::Claimed { .. } | Entry::Launched { .. } => true,
            Entry::Settled { state, .. } => *state == ApprovalState::Approved,
            _ => false,
        };
        let ends = |entry: &Entry| matches!(entry, Entry::Ended { .. } | Entry::CancelRequested { .. });
        if facts.is_empty() {
            return Ok(());
        }
        if entries.iter().any(opens) && !entries.iter().any(ends) {
            return self.write(facts).await;
        }
        self.tell(facts).await;
        Ok(())
    }

    fn fact(&self, run: &Run, entry: &Entry) -> Option<Fact> {
        let run_id = run.record().run_id;
        Some(match entry {
            Entry::Asked { approval, .. } => Fact::Asked {
                run_id,
                approval_id: approval.approval_id,
                action: approval.action.clone(),
                digest: approval.digest,
                rule: approval.rule.clone(),
                scope: approval.scope,
                expires_at: approval.expires_at,
            },
            Entry::Settled { approval_id, state, by, feedback, standing, superseded_by, .. } => {
                Fact::Settled {
                    run_id,
                    approval_id: *approval_id,
                    digest: run.approvals().find(|it| it.approval_id == *approval_id).map(|it| it.digest),
                    state: *state,
                    by: by.clone(),
                    scope: standing.map_or(Scope::Once, |standing| standing.scope),
                    until: standing.and_then(|standing| standing.until),
                    feedback: feedback.as_ref().map(|text| Digest::of(text.as_bytes())),
                    superseded_by: *superseded_by,
                }
            }
            Entry::Claimed { approval_id, permission, .. } => {
                Fact::Used { run_id, approval_id: *approval_id, launch: permission.is_none() }
            }
            Entry::Launched { consumed, .. } => {
                let spec = run.spec();
                let backend = self.settings.backends.get(&spec.backend);
                let grants = backend.map_or_else(Vec::new, |backend| {
                    backend.grants.iter().map(|grant| format!("{} {}", grant.leaf, grant.target)).collect()
                });
                Fact::Launched {
                    run_id,
                    backend: spec.backend.clone(),
                    component: spec.plugin,
                    access: spec.access,
                    cwd: Digest::of(spec.cwd.as_bytes()),
                    grants,
                    approval_id: *consumed,
                }
            }
            Entry::CancelRequested { reason, by, .. } => {
                Fact::CancelRequested { run_id, by: by.clone(), reason: Digest::of(reason.as_bytes()) }
            }
            Entry::Ended { outcome, .. } => Fact::Ended {
                run_id,
                status: Status::from(outcome.ending),
                reason: outcome.failure.as_ref().map(|failure| word(&failure.reason)),
            },
            // Their decisions are recorded where they are made.
            Entry::Ruled { .. } => return None,
            _ => return None,
        })
    }

    /// Records the refusals among what a plugin is about to be told.
    pub(crate) async fn refusals(&self, run_id: RunId, inputs: &[Input]) {
        let facts: Vec<Fact> = inputs
            .iter()
            .filter_map(|input| match input {
                Input::Refused { effect, leaf, reason, .. } => Some(Fact::Refused {
                    run_id,
                    effect: effect.clone(),
                    capability: leaf.clone(),
                    why: Digest::of(reason.as_bytes()),
                }),
                _ => None,
            })
            .collect();
        if !facts.is_empty() {
            self.tell(facts).await;
        }
    }
}

/// Keeps a reason that is a word; a plugin may have written anything.
fn word(reason: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !reason.is_empty() && reason.len() <= 64 && reason.bytes().all(plain) {
        reason.to_owned()
    } else {
        "other".to_owned()
    }
}
