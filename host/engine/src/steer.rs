//! Calls that change a run that exists.

use pointsman_model::calls::{CancelledRun, ContinueMode, ContinueRun, ContinuedRun, RunRef, SpawnRun};
use pointsman_model::{
    Answer, Approval, ApprovalId, Digest, RunId, RunRecord, SessionMode, SessionRecord, Status,
};
use serde_json::json;
use tokio::sync::oneshot;

use crate::driven::Driven;
use crate::order::{Order, Speaking};
use crate::reads::find;
use crate::{Client, Error, Host, Refused};

impl Host {
    /// Ends a run; returns when nothing of it lives any more. Cancel wins over an outcome that comes late.
    ///
    /// # Errors
    ///
    /// If the run is over, or another process drives it.
    pub async fn cancel_run(
        &self,
        client: &Client,
        run: &RunRef,
        reason: &str,
    ) -> Result<CancelledRun, Error> {
        let done = self.cancel(client, run, reason).await;
        self.heard("cancel", client, done).await
    }

    async fn cancel(&self, client: &Client, run: &RunRef, reason: &str) -> Result<CancelledRun, Error> {
        let record = self.get_run(run).await?;
        self.must_own(&record).await?;
        if record.status.is_terminal() {
            return Err(Error::AlreadyTerminal(record.status));
        }
        let id = record.run_id;
        let live = self.driven_here(&record).await?;
        let (reply, answer) = oneshot::channel();
        let by = self.chain(client).pop().map(|last| last.name);
        self.order(&live, Order::Cancel { reason: reason.to_owned(), by, reply }).await?;
        answer.await.map_err(|_| Error::ShuttingDown)??;
        let mut over = live.over.clone();
        // The task drops its end when everything is written; it cannot change before.
        while over.changed().await.is_ok() {}
        let record = self.by_id(id).await?;
        Ok(CancelledRun {
            run_id: id,
            status: record.status,
            cancelled_at: record.completed_at.unwrap_or(record.updated_at),
        })
    }

    /// Says something to a run that waits for it, or goes on with the session of one that is over.
    ///
    /// # Errors
    ///
    /// If the run takes no message now, or its session cannot be resumed.
    pub async fn continue_run(&self, client: &Client, call: ContinueRun) -> Result<ContinuedRun, Error> {
        let done = self.say(client, call).await;
        self.heard("continue", client, done).await
    }

    async fn say(&self, client: &Client, call: ContinueRun) -> Result<ContinuedRun, Error> {
        if call.input_message.parts.is_empty() {
            return Err(Error::Invalid("input_message needs at least one part".to_owned()));
        }
        let record = self.get_run(&call.run()).await?;
        self.must_own(&record).await?;
        match record.status {
            Status::Completed | Status::Failed => self.go_on(client, record, call).await,
            Status::Cancelled | Status::Rejected => Err(Error::AlreadyTerminal(record.status)),
            // One whose agent waits for a person's word may wait for its user besides.
            Status::InputRequired | Status::AuthRequired | Status::Running | Status::ApprovalRequired => {
                let asked = matches!(record.status, Status::InputRequired | Status::AuthRequired);
                let live = self.driven_here(&record).await?;
                let (reply, answer) = oneshot::channel();
                let by = Speaking { chain: self.chain(client), client: client.clone() };
                let said = Order::Say { message: call.input_message.clone(), by, reply };
                let heard = match live.orders.send(said).await {
                    Ok(()) => answer.await.ok(),
                    Err(_) => None,
                };
                let Some(heard) = heard else {
                    // It ended while the message was on its way: what was meant for it is said to its session.
                    let mut over = live.over.clone();
                    while over.changed().await.is_ok() {}
                    let record = self.by_id(record.run_id).await?;
                    return match record.status {
                        // What answers a question, perhaps with a secret, is no task of the next run.
                        status if asked && status.is_terminal() => Err(Error::AlreadyTerminal(status)),
                        Status::Completed | Status::Failed => self.go_on(client, record, call).await,
                        status if status.is_terminal() => Err(Error::AlreadyTerminal(status)),
                        _ => Err(Error::ShuttingDown),
                    };
                };
                let note = heard?.note();
                let record = self.by_id(record.run_id).await?;
                Ok(ContinuedRun {
                    run_id: record.run_id,
                    status: record.status,
                    session_id: Some(record.session_id),
                    agent_name: Some(record.agent_name),
                    mode: Some(ContinueMode::Live),
                    resumed_from_run_id: None,
                    note,
                })
            }
            Status::Queued => Err(Error::NotAwaitingInput(record.status)),
        }
    }

    /// Starts the next run of a session: metadata, schema, access and configuration are those of the run before.
    async fn go_on(
        &self,
        client: &Client,
        before: RunRecord,
        call: ContinueRun,
    ) -> Result<ContinuedRun, Error> {
        let id = before.run_id;
        let session_id = before.session_id;
        let (spec, config, session) = self
            .parts
            .read(move |store| {
                Ok((store.run_spec(id)?, store.sealed_config(id)?, store.session(session_id)?))
            })
            .await?;
        if session.is_none_or(|session: SessionRecord| session.remembered.is_none()) {
            return Err(Error::Invalid(format!(
                "run failed before the backend session became resumable: {id}"
            )));
        }
        let mut metadata = spec.metadata.clone();
        metadata.insert("resumed_from_run_id".to_owned(), json!(id));
        metadata.insert("resume_reason".to_owned(), json!("continue_run_after_terminal"));
        let spawn = SpawnRun {
            backend: Some(spec.backend.clone()),
            role: Some(spec.role),
            cwd: spec.cwd.clone(),
            session_mode: SessionMode::Resume,
            prompt: None,
            input_message: Some(call.input_message),
            session_id: Some(session_id.to_string()),
            nickname: None,
            profile: None,
            output_schema: match spec.output_schema.clone() {
                Some(serde_json::Value::Object(schema)) => Some(schema),
                _ => None,
            },
            metadata: Some(metadata),
            backend_config: None,
            access: Some(spec.access),
            idempotency_key: None,
        };
        let spawned = self.spawn_after(client, spawn, Some((id, spec, config))).await?;
        Ok(ContinuedRun {
            run_id: spawned.run_id,
            status: spawned.status,
            session_id: Some(spawned.session_id),
            agent_name: Some(spawned.agent_name),
            mode: Some(ContinueMode::Resume),
            resumed_from_run_id: Some(id),
            note: spawned.note,
        })
    }

    /// Answers a question. `shown` is the digest of the request that the person saw: an answer to any other is refused.
    /// `by` says who and how, such as `cli:ada`. Never offered to a client of MCP.
    ///
    /// # Errors
    ///
    /// If the question is unknown or settled, what was shown is not what is asked, or another process drives its run.
    pub async fn answer_approval(
        &self,
        id: ApprovalId,
        shown: Digest,
        answer: Answer,
        by: &str,
    ) -> Result<Approval, Error> {
        let unknown = || Error::Invalid(format!("Unknown approval_id: {id}"));
        let approval = self.parts.read(move |store| store.approval(id)).await?.ok_or_else(unknown)?;
        loop {
            let record = self.by_id(approval.run_id).await?;
            if record.status.is_terminal() {
                // As it stands now: somebody else's answer may have ended the run meanwhile.
                let approval = self.parts.read(move |store| store.approval(id)).await?.ok_or_else(unknown)?;
                return Err(Error::Answer(Refused::already(&approval)));
            }
            let live = match self.driven_here(&record).await {
                Ok(live) => live,
                // It may have ended since its record was read.
                Err(_) if self.by_id(record.run_id).await?.status.is_terminal() => continue,
                Err(error) => return Err(error),
            };
            let (reply, settled) = oneshot::channel();
            let (answer, by) = (answer.clone(), by.to_owned());
            let order = Order::Settle { approval_id: id, digest: shown, answer, by, reply };
            if live.orders.send(order).await.is_ok()
                && let Ok(settled) = settled.await
            {
                settled?;
                return self.parts.read(move |store| store.approval(id)).await?.ok_or_else(unknown);
            }
            self.end_of(&live).await?;
        }
    }

    /// Takes back what a person allowed and nothing has used up: a launch that waits for its turn is put to the policies
    /// anew, and what stands for a run or a session covers nothing any more. `by` says who and how, such as `cli:ada`.
    /// Never offered to a client of MCP.
    ///
    /// # Errors
    ///
    /// If there is nothing to take back, or another process drives the run.
    pub async fn revoke_approval(&self, id: ApprovalId, by: &str) -> Result<Approval, Error> {
        let unknown = || Error::Invalid(format!("Unknown approval_id: {id}"));
        let approval = self.parts.read(move |store| store.approval(id)).await?.ok_or_else(unknown)?;
        loop {
            let record = self.by_id(approval.run_id).await?;
            if record.status.is_terminal() {
                return self.revoke_of_ended(id, by).await;
            }
            let live = self.driven_here(&record).await?;
            let (reply, revoked) = oneshot::channel();
            let sent = live.orders.send(Order::Revoke { approval_id: id, by: by.to_owned(), reply }).await;
            if sent.is_ok()
                && let Ok(revoked) = revoked.await
            {
                revoked?;
                return self.parts.read(move |store| store.approval(id)).await?.ok_or_else(unknown);
            }
            self.end_of(&live).await?;
        }
    }

    /// Waits for the end of a run whose task took no more orders.
    async fn end_of(&self, live: &Driven) -> Result<(), Error> {
        let mut over = live.over.clone();
        while over.changed().await.is_ok() {}
        if self.parts.ending.is_cancelled() { Err(Error::ShuttingDown) } else { Ok(()) }
    }

    /// Takes back what stands for a session, of a run that is over.
    async fn revoke_of_ended(&self, id: ApprovalId, by: &str) -> Result<Approval, Error> {
        let before = self.parts.read(move |store| store.approval(id)).await?;
        if let Some(refused) = before.as_ref().and_then(Refused::irrevocable) {
            return Err(Error::Answer(refused));
        }
        let at = self.parts.now();
        let revoked = self.parts.store.revoke_standing(id, by.to_owned(), at).await?;
        let revoked = revoked.ok_or_else(|| Error::Invalid(format!("Unknown approval_id: {id}")))?;
        let ours = revoked.revoked.as_ref().is_some_and(|it| it.at == at && it.by == by);
        if !ours && let Some(refused) = Refused::irrevocable(&revoked) {
            return Err(Error::Answer(refused));
        }
        self.parts.recorder.ended(&revoked).await;
        Ok(revoked)
    }

    pub(crate) async fn by_id(&self, id: RunId) -> Result<RunRecord, Error> {
        self.parts
            .read(move |store| Ok(find(store, &RunRef { run_id: Some(id.to_string()), ..RunRef::default() })))
            .await?
    }

    pub(crate) async fn driven_here(&self, record: &RunRecord) -> Result<Driven, Error> {
        let id = record.run_id;
        if let Some(live) = self.parts.driven(id) {
            return Ok(live);
        }
        let owner = self.parts.read(move |store| store.owner(id)).await?;
        let hint = if owner == self.parts.id {
            "it is just ending".to_owned()
        } else {
            format!("host {owner} drives it; its own client, or the command line, can reach it")
        };
        Err(Error::NotActiveHere { run_id: id.to_string(), hint })
    }

    async fn order(&self, live: &Driven, order: Order) -> Result<(), Error> {
        live.orders.send(order).await.map_err(|_| Error::Invalid("the run has just ended".to_owned()))
    }
}
