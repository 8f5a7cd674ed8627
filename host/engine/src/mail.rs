//! Mail between agents.

use pointsman_model::calls::{SendAgentMessage, SentMessage};
use pointsman_model::{MessageId, Question, Ruling, RunRecord, SessionId, SessionRecord, Status, Verdict};
use pointsman_store::{NewMail, Store, StoreError};
use serde_json::json;
use tokio::sync::oneshot;

use crate::facts::Surroundings;
use crate::judge::{Moment, judge, told_of};
use crate::order::{Heard, Order};
use crate::reads::named;
use crate::{Client, Error, Host, clock, facts};

/// To whom a message goes, and from whom.
type Addresses = (SessionRecord, Option<SessionRecord>);

impl Host {
    /// Puts a message into an agent's inbox.
    ///
    /// # Errors
    ///
    /// If the name means no agent, or several, the sender is none of the same working directory, or the policies deny it.
    pub async fn send_agent_message(
        &self,
        client: &Client,
        call: SendAgentMessage,
    ) -> Result<SentMessage, Error> {
        if call.message.parts.is_empty() {
            return Err(Error::Invalid("message needs at least one part".to_owned()));
        }
        let (to, from) = {
            let (call, host) = (call.clone(), self.clone());
            self.parts
                .read(move |store| {
                    let to = match named(store, &call.to_agent_name, call.cwd.as_deref())? {
                        Ok(session) => session,
                        Err(error) => return Ok(Err(error)),
                    };
                    if let Some(own) = host.own_session(store)? {
                        return host.own_mail(store, own, to, call.from_agent_name.as_deref());
                    }
                    let Some(from) = &call.from_agent_name else { return Ok(Ok((to, None))) };
                    Ok(match named(store, from, Some(&to.cwd))? {
                        Ok(from) => Ok((to, Some(from))),
                        Err(_) => Err(Error::Invalid(format!(
                            "cross-cwd messaging is not supported: {from} is no agent in {}, where {} works",
                            to.cwd, to.agent_name
                        ))),
                    })
                })
                .await??
        };
        let question = self.about_mail(client, &call, from.as_ref(), &to).await;
        let ruling = judge(&self.parts, None, &question, Moment::Live).await;
        if ruling.verdict == Verdict::Deny {
            return Err(Error::Denied(format!("policy denies it: {}", told_of(&ruling))));
        }
        let sessions = [from.as_ref().map(|session| session.session_id), Some(to.session_id)];
        let mail = NewMail {
            message_id: MessageId::from_random(clock::random()),
            from_agent_name: from.as_ref().map(|session| session.agent_name.clone()),
            from_session_id: from.map(|session| session.session_id),
            to_session_id: to.session_id,
            created_at: self.parts.now(),
            body: call.message,
            metadata: call.metadata.unwrap_or_default(),
        };
        let mut sent = SentMessage {
            message_id: mail.message_id,
            to_agent_name: to.agent_name,
            to_session_id: mail.to_session_id,
            seq: None,
            created_at: mail.created_at,
            note: None,
        };
        if ruling.verdict == Verdict::Allow {
            sent.seq = Some(self.parts.store.send_mail(mail).await?.seq);
        } else {
            sent.note = self.ask_about_mail(sessions, mail, question, ruling).await?.note();
        }
        Ok(sent)
    }

    async fn about_mail(
        &self,
        client: &Client,
        call: &SendAgentMessage,
        from: Option<&SessionRecord>,
        to: &SessionRecord,
    ) -> Question {
        let around = Surroundings {
            client: client.clone(),
            changes: false,
            ..Surroundings::of(&self.parts, to.cwd.clone())
        };
        let detail = json!({
            "from": from.map(|session| &session.agent_name),
            "to": to.agent_name,
            "text": call.message.plain_text(),
            "size": json!(call.message).to_string().len(),
            "message": call.message,
            "metadata": call.metadata,
        });
        Question {
            action: "peer_message".to_owned(),
            chain: self.chain(client),
            backend: None,
            role: None,
            cwd: Some(to.cwd.clone()),
            access: None,
            detail,
            facts: facts::gather(around).await,
            at: self.parts.now(),
        }
    }

    /// Has a person asked by a live run of the sender's or the recipient's: questions belong to runs, and end with them.
    async fn ask_about_mail(
        &self,
        sessions: [Option<SessionId>; 2],
        mail: NewMail,
        question: Question,
        ruling: Ruling,
    ) -> Result<Heard, Error> {
        for session in sessions.into_iter().flatten() {
            let runs = self.parts.read(move |store| store.unfinished_runs_in(session)).await?;
            let live = |record: &RunRecord| {
                matches!(
                    record.status,
                    Status::Running | Status::InputRequired | Status::AuthRequired | Status::ApprovalRequired
                )
            };
            let Some(driven) =
                runs.iter().filter(|run| live(run)).find_map(|run| self.parts.driven(run.run_id))
            else {
                continue;
            };
            let (reply, heard) = oneshot::channel();
            let (mail, question) = (Box::new(mail.clone()), Box::new(question.clone()));
            let post = Order::Post { mail, question, ruling: ruling.clone(), reply };
            if driven.orders.send(post).await.is_ok()
                && let Ok(heard) = heard.await
            {
                match heard {
                    // One that was not launched yet asks for itself alone.
                    Err(Error::NotAwaitingInput(_)) => {}
                    heard => return heard,
                }
            }
        }
        Err(Error::Denied(format!(
            "a person must confirm this message ({}), and cannot be asked: neither agent has a live run in this host",
            told_of(&ruling)
        )))
    }

    /// Checks a message of a run's agent: it writes in its own name, to agents in its working directory and its own.
    fn own_mail(
        &self,
        store: &Store,
        own: SessionRecord,
        to: SessionRecord,
        from: Option<&str>,
    ) -> Result<Result<Addresses, Error>, StoreError> {
        if let Some(from) = from.filter(|from| *from != own.agent_name) {
            let message = format!("from_agent_name is {from}, but you are {}: leave it out", own.agent_name);
            return Ok(Err(Error::Invalid(message)));
        }
        if to.cwd == own.cwd || self.sees_session(store, &to)? {
            return Ok(Ok((to, Some(own))));
        }
        Ok(Err(Error::Invalid(format!(
            "cross-cwd messaging is not supported: you work in {}, {} works in {}",
            own.cwd, to.agent_name, to.cwd
        ))))
    }
}
