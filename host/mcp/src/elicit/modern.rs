//! Asking a client of the modern era: a call that waits ends with the question, and comes again with the answer.
//!
//! The call that launches a run never asks: its answer is the run's id, and a client that got lost between question and
//! answer would have launched something that it cannot name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pointsman_model::{Approval, ApprovalId, Digest, digest_of};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequest, ErrorData, InputRequest, InputRequiredResult,
    RequestStateCodec, RequestStateError, SealOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Elicitation, News, form, puttable, take};
use crate::answer::{self, Refusal};
use crate::calls::Calls;

/// The name of the one question in a result.
const QUESTION: &str = "approval";
/// So often a call asks before it gives its answer: the official clients give up after ten rounds.
const ROUNDS: u8 = 8;

/// The questions that one connection's client was asked.
pub(crate) struct Rounds {
    settings: Elicitation,
    codec: RequestStateCodec,
    desk: Mutex<Desk>,
    /// Told when another question may be put.
    freed: Notify,
}

#[derive(Default)]
struct Desk {
    /// What was put to the client and may still be answered.
    open: BTreeMap<ApprovalId, Open>,
    /// What was put to the client and waits for an answer, here or elsewhere. Nothing is put twice.
    put: BTreeSet<ApprovalId>,
}

struct Open {
    shown: Approval,
    /// By which call, of which client.
    by: Vec<u8>,
    /// So long nothing else is put.
    until: Instant,
}

/// What a client brings back: by this its answer is known to be about what it was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    approval_id: ApprovalId,
    digest: Digest,
    round: u8,
}

/// A call of a client, as far as asking goes.
pub(crate) struct Call<'a> {
    /// The client, by its name, if it may be asked.
    pub(crate) client: Option<&'a str>,
    /// What it calls, and with what.
    pub(crate) request: &'a CallToolRequestParams,
    /// Whether the call waits.
    pub(crate) waits: bool,
}

impl Call<'_> {
    /// What a state is bound to: an answer counts for the same call of the same client.
    fn context(&self) -> Vec<u8> {
        let arguments = digest_of(&self.request.arguments).map(|digest| digest.to_string());
        let parts = [self.client.unwrap_or_default(), &self.request.name, &arguments.unwrap_or_default()];
        serde_json::to_vec(&parts).unwrap_or_default()
    }
}

impl Rounds {
    /// `key` is random, and this connection's own.
    pub(crate) fn new(settings: Elicitation, key: [u8; 32]) -> Result<Self, RequestStateError> {
        let codec = RequestStateCodec::try_new(key)?;
        Ok(Self { settings, codec, desk: Mutex::default(), freed: Notify::new() })
    }

    /// Takes the answer that comes with a call, if one does; says how many rounds the call has had.
    pub(crate) async fn hear<C: Calls>(&self, host: &C, call: &Call<'_>) -> Result<u8, ErrorData> {
        let (state, responses) = (&call.request.request_state, &call.request.input_responses);
        let Some(sealed) = state else {
            return match responses {
                None => {
                    self.lock().give_up(&call.context());
                    Ok(0)
                }
                Some(_) => Err(refused("inputResponses came without the requestState that they answer")),
            };
        };
        let Some(client) = call.client else {
            return Err(refused(
                "this client is not asked for answers, so it has no requestState to bring back",
            ));
        };
        let state: State = match self.codec.open_json_with(sealed, &call.context()) {
            Ok(state) => state,
            Err(RequestStateError::Expired) => {
                tracing::info!(
                    client,
                    "an answer came after its time; its question waits for another channel"
                );
                return Ok(ROUNDS);
            }
            Err(error) => {
                tracing::warn!(client, %error, "an answer to a question came with a state that is none of ours");
                return Err(refused(
                    "requestState is none that this connection was given for this call; the question stays open. \
                     Call again without requestState and inputResponses",
                ));
            }
        };
        let round = state.round.saturating_add(1);
        // Whoever takes it from the desk answers it: a state counts once.
        let taken = self.lock().take(&state);
        self.freed.notify_waiters();
        let Some(shown) = taken else {
            tracing::info!(client, approval = %state.approval_id, "an answer came twice, or after its question was settled");
            return Ok(round);
        };
        match responses.as_ref().and_then(|responses| responses.get(QUESTION)) {
            Some(result) => take(host, &self.settings, client, &shown, result).await,
            None => {
                tracing::warn!(client, approval = %state.approval_id, "a client came back without an answer; the question stays open");
            }
        }
        Ok(round)
    }

    /// Lets a call have its answer, unless a question to its client's person comes before it.
    pub(crate) async fn attend<C: Calls>(
        &self,
        host: &C,
        call: &Call<'_>,
        round: u8,
        answer: impl Future<Output = Result<Value, Refusal>>,
    ) -> CallToolResponse {
        let mut answer = std::pin::pin!(answer);
        let asks = call.client.is_some() && call.waits && round < ROUNDS;
        if !asks {
            return answer::result(answer.await).into();
        }
        let mut questions = host.questions();
        let mut live = true;
        loop {
            let freed = self.freed.notified();
            if let Some(asked) = self.put(host, call, round).await {
                return asked.into();
            }
            let until = self.lock().busy_until();
            tokio::select! {
                biased;
                answer = &mut answer => {
                    // A run that parks ends the wait in the same moment in which it asks.
                    let asked = match &answer {
                        Ok(_) => self.put(host, call, round).await,
                        Err(_) => None,
                    };
                    return asked.map_or_else(|| answer::result(answer).into(), Into::into);
                }
                news = questions.next(), if live => live = news.is_some(),
                () = freed => {}
                () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {}
            }
        }
    }

    /// Puts the next question, if there is one and no other is open.
    async fn put<C: Calls>(&self, host: &C, call: &Call<'_>, round: u8) -> Option<InputRequiredResult> {
        let pending = match host.open_questions().await {
            Ok(pending) => pending,
            Err(error) => {
                tracing::warn!(%error, "questions to people cannot be read");
                return None;
            }
        };
        for id in pending.iter().copied() {
            if !self.lock().may_put(id, &pending) {
                continue;
            }
            let Some(approval) = puttable(host, &self.settings, id).await else { continue };
            let state = State { approval_id: id, digest: approval.digest, round };
            let asked = match self.question(host, call, &approval, &state) {
                Ok(asked) => asked,
                Err(error) => {
                    tracing::error!(approval = %id, %error, "a question cannot be written as a form");
                    continue;
                }
            };
            // Another call may have put one meanwhile.
            let mut desk = self.lock();
            if desk.may_put(id, &pending) {
                desk.put.insert(id);
                let until = Instant::now() + self.settings.time();
                desk.open.insert(id, Open { shown: approval, by: call.context(), until });
                return Some(asked);
            }
        }
        None
    }

    fn question<C: Calls>(
        &self,
        host: &C,
        call: &Call<'_>,
        approval: &Approval,
        state: &State,
    ) -> Result<InputRequiredResult, Box<dyn std::error::Error + Send + Sync>> {
        let params = form::request(approval, host.longest_session())?;
        let context = call.context();
        let options = SealOptions::new().associated_data(&context).ttl(self.settings.time());
        let sealed = self.codec.seal_json_with(state, &options)?;
        let request = InputRequest::Elicitation(ElicitRequest::new(params));
        let requests = BTreeMap::from([(QUESTION.to_owned(), request)]);
        Ok(InputRequiredResult::new(Some(requests), Some(sealed)))
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Says whether a question may be put now; forgets what waits no more.
    fn may_put(&mut self, id: ApprovalId, pending: &[ApprovalId]) -> bool {
        self.put.retain(|put| pending.contains(put));
        self.open.retain(|open, _| pending.contains(open));
        self.busy_until().is_none() && !self.put.contains(&id)
    }

    /// Gives until when the client's person is taken to look at a question.
    fn busy_until(&self) -> Option<Instant> {
        let now = Instant::now();
        self.open.values().map(|open| open.until).filter(|until| *until > now).max()
    }

    /// The same call came anew: whoever called before has given up, and the next question may be put. What is answered
    /// after all still counts.
    fn give_up(&mut self, by: &[u8]) {
        let now = Instant::now();
        self.open.values_mut().filter(|open| open.by == by).for_each(|open| open.until = now);
    }

    /// Gives what the client was shown, if that is what the state is about; nobody else gets it.
    fn take(&mut self, state: &State) -> Option<Approval> {
        let is_same = |open: &Open| open.shown.digest == state.digest;
        self.open.get(&state.approval_id).filter(|open| is_same(open))?;
        self.open.remove(&state.approval_id).map(|open| open.shown)
    }
}

fn refused(why: &'static str) -> ErrorData {
    ErrorData::invalid_params(why, None)
}
