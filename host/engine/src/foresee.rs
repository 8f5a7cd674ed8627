//! What the policies would say of a launch: nothing is launched, nothing is kept.

use pointsman_model::calls::{ExplainPolicy, ExplainedPolicy, SpawnRun};
use pointsman_model::{Question, RunId, SessionMode, Verdict};

use crate::facts::{self, Surroundings};
use crate::judge::{Moment, judge};
use crate::{Client, Error, Host, clock, request};

/// Stands for a task that the caller does not tell.
const UNTOLD: &str = "(not said)";

impl Host {
    /// Says what a launch would get: allowed, put to a person, or denied; and with which access.
    ///
    /// # Errors
    ///
    /// If the request is wrong, as for `spawn_run`.
    pub async fn explain_policy(
        &self,
        client: &Client,
        call: ExplainPolicy,
    ) -> Result<ExplainedPolicy, Error> {
        let spawn = SpawnRun {
            backend: call.backend,
            role: call.role,
            cwd: call.cwd,
            session_mode: SessionMode::New,
            prompt: Some(call.prompt.unwrap_or_else(|| UNTOLD.to_owned())),
            input_message: None,
            session_id: None,
            nickname: None,
            profile: call.profile,
            output_schema: None,
            metadata: None,
            backend_config: call.backend_config,
            access: call.access,
            idempotency_key: None,
        };
        let (host, asking) = (self.clone(), client.clone());
        // Looking at folders, profiles and plugins blocks.
        let (mut spec, config) = tokio::task::spawn_blocking(move || host.check(spawn, &asking, None))
            .await
            .map_err(|error| Error::Invalid(format!("checking the request failed: {error}")))??;
        let (budget, left) = self.parts.foresee(RunId::from_random(clock::random()), &spec).await?;
        spec.budget = budget;
        let around = Surroundings {
            client: client.clone(),
            budget: left,
            ..Surroundings::of(&self.parts, spec.cwd.clone())
        };
        let question = Question {
            action: "spawn".to_owned(),
            chain: spec.chain.clone(),
            backend: Some(spec.backend.clone()),
            role: Some(spec.role.as_str().to_owned()),
            cwd: Some(spec.cwd.clone()),
            access: Some(spec.access),
            // Its name is the store's to give, when it is launched.
            detail: request::detail(&spec, "", &config),
            facts: facts::gather(around).await,
            at: self.parts.now(),
        };
        let ruling = judge(&self.parts, None, &question, Moment::Foreseen).await;
        if let Some(ceiling) = ruling.ceiling {
            spec.access = spec.access.min(ceiling);
        }
        let note = match ruling.verdict {
            Verdict::Allow => None,
            Verdict::Deny => Some("spawn_run would end as rejected, with this reason".to_owned()),
            Verdict::Ask | Verdict::Abstain => Some(
                "spawn_run would wait as approval_required until a person answers in a terminal with: pointsman \
                 approvals allow APPROVAL"
                    .to_owned(),
            ),
        };
        Ok(ExplainedPolicy {
            verdict: if ruling.verdict == Verdict::Abstain { Verdict::Ask } else { ruling.verdict },
            module: ruling.module,
            rule: ruling.rule,
            reason: ruling.reason,
            access: spec.access,
            note,
        })
    }
}
