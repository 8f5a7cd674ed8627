//! What a plugin would set in motion, and what is said to its agent: to the policies first, to a person where they say
//! so, and only then done.

use std::collections::VecDeque;

use pointsman_kernel::{Command, Question as Asked};
use pointsman_model::plugin::{Effect, HandleId, Input, PermissionAnswer};
use pointsman_model::{ApprovalId, ApprovalState, Digest, Leaf, Question, Ruling, Verdict, digest_of};
use pointsman_store::Durability;
use serde_json::Value;

use super::Driver;
use super::hands::refused;
use super::held::{Meets, Waiting};
use super::live::Stage;
use super::permission::OPEN_QUESTIONS;
use crate::journal::JournalError;
use crate::judge::{Moment, judge, told_of};
use crate::{clock, request};

/// What the policies said of something, where a person is not asked.
pub(super) enum Word {
    Allowed,
    /// Denied, with the reason for whoever wanted it.
    Denied(String),
    /// A person is asked; it waits.
    Asked {
        question: ApprovalId,
        reason: String,
    },
}

impl Driver {
    /// Does what a plugin wants done, as far as nothing of it needs somebody's word first.
    pub(super) async fn set_in_motion(
        &mut self,
        stage: &mut Stage,
        effect: Effect,
    ) -> Result<(), JournalError> {
        let mut effects = VecDeque::from([effect]);
        while let Some(effect) = effects.pop_front() {
            let aborts = matches!(effect, Effect::AbortRequest(_));
            match stage.held.meet(effect) {
                Meets::None(effect @ (Effect::StartProcess(_) | Effect::SendRequest(_))) => {
                    self.judge_effect(stage, effect).await?;
                }
                Meets::None(effect) => stage.own.extend(stage.hands.perform(effect).await),
                Meets::Waits => {}
                Meets::Refused(effect, why) => stage.own.push_back(no(&effect, why.to_owned())),
                Meets::TakesBack(question) => {
                    self.write(Command::Retract { approval_id: question }, Durability::Flushed).await?;
                    let why = "it was taken back before a person had answered";
                    let before = stage.own.len();
                    effects.extend(drop_held(stage, question, why.to_owned()));
                    // Of a request that was aborted nothing more is said.
                    if aborts {
                        stage.own.truncate(before);
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts a process or a request to the policies.
    async fn judge_effect(&mut self, stage: &mut Stage, effect: Effect) -> Result<(), JournalError> {
        let wanted = match stage.hands.authorize(&effect) {
            Ok(wanted) => wanted,
            Err(refusal) => {
                stage.own.push_back(refusal);
                return Ok(());
            }
        };
        let (action, told) = (wanted.action(), stage.hands.told(&wanted));
        let question = self.question(action, self.journal.run().spec(), told).await;
        let held = Waiting::Effect {
            effect: effect.clone(),
            told: digest(&question.detail),
            behind: VecDeque::new(),
        };
        match self.put(stage, question, held).await? {
            Word::Allowed => stage.own.extend(stage.hands.act(wanted).await),
            Word::Denied(why) => stage.own.push_back(no(&effect, why)),
            Word::Asked { .. } => {}
        }
        Ok(())
    }

    /// Puts a question about a live run to the policies. If a person is asked, `waiting` is held until the answer.
    pub(super) async fn put(
        &mut self,
        stage: &mut Stage,
        question: Question,
        waiting: Waiting,
    ) -> Result<Word, JournalError> {
        let ruling =
            judge(&self.parts, Some(self.journal.run().record().run_id), &question, Moment::Live).await;
        self.take_word(stage, question, ruling, waiting).await
    }

    /// Does what a ruling asks for.
    pub(super) async fn take_word(
        &mut self,
        stage: &mut Stage,
        question: Question,
        ruling: Ruling,
        waiting: Waiting,
    ) -> Result<Word, JournalError> {
        match ruling.verdict {
            Verdict::Allow => Ok(Word::Allowed),
            Verdict::Deny => {
                let why = format!("policy denies it: {}", told_of(&ruling));
                let Question { action, detail, .. } = question;
                self.write(Command::Deny { action, detail, ruling }, Durability::Flushed).await?;
                Ok(Word::Denied(why))
            }
            Verdict::Ask | Verdict::Abstain => {
                if self.journal.run().cancel_requested().is_some() {
                    return Ok(Word::Denied("the run is to end".to_owned()));
                }
                let digest = request::digest_of_question(&question);
                if self.covered(&ruling, digest).await? {
                    return Ok(Word::Allowed);
                }
                let open = self.journal.run().approvals().filter(|a| a.state == ApprovalState::Pending);
                if open.count() >= OPEN_QUESTIONS {
                    let why = format!("{OPEN_QUESTIONS} questions of this run wait for a person already");
                    return Ok(Word::Denied(why));
                }
                let question = self.asked_live(question, ruling.ttl_seconds);
                let (id, reason) = (question.approval_id, ruling.reason.clone());
                self.write(Command::AskAbout { ruling, question }, Durability::Flushed).await?;
                stage.held.hold(id, waiting);
                Ok(Word::Asked { question: id, reason })
            }
        }
    }

    /// Uses an approval that covers a request, if one stands.
    async fn covered(&mut self, ruling: &Ruling, digest: Digest) -> Result<bool, JournalError> {
        let Some(standing) = self.standing(ruling, digest).await? else { return Ok(false) };
        let (ruling, standing) = (ruling.clone(), Box::new(standing));
        let using = Command::UseStanding { permission: None, ruling, digest, standing };
        match self.write(using, Durability::Flushed).await {
            Ok(()) => Ok(true),
            // It ended between the look and the use.
            Err(JournalError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes what a person is asked about a live run.
    fn asked_live(&self, question: Question, ttl_seconds: Option<u32>) -> Asked {
        let ttl = ttl_seconds.map_or(self.parts.settings.approval_ttl.as_secs(), u64::from);
        Asked {
            approval_id: ApprovalId::from_random(clock::random()),
            action: question.action.clone(),
            digest: request::digest_of_question(&question),
            chain: question.chain.clone(),
            detail: question.detail.clone(),
            expires_at: self.parts.now().plus_seconds(ttl),
            judged: Some(Box::new(question)),
        }
    }

    /// Does what waited for this answer, or tells the plugin that it will not be done.
    pub(super) async fn answered(
        &mut self,
        stage: &mut Stage,
        question: ApprovalId,
        answer: &PermissionAnswer,
    ) -> Result<(), JournalError> {
        match answer {
            PermissionAnswer::Allow | PermissionAnswer::AllowEdited(_) => {}
            PermissionAnswer::Deny(why) => {
                return self.not_allowed(stage, question, format!("denied: {why}")).await;
            }
            PermissionAnswer::Cancelled => {
                return self.not_allowed(stage, question, "the run is to end".to_owned()).await;
            }
        }
        match stage.held.release(question) {
            Some(Waiting::Effect { effect, told, behind }) => {
                let wanted = match stage.hands.authorize(&effect) {
                    // The operator's table was read once, but a file among the arguments may be another by now.
                    Ok(wanted) if digest(&stage.hands.told(&wanted)) != told => {
                        let why = "it is not what the person was shown any more";
                        stage.own.push_back(no(&effect, why.to_owned()));
                        None
                    }
                    Ok(wanted) => Some(wanted),
                    Err(refusal) => {
                        stage.own.push_back(refusal);
                        None
                    }
                };
                if let Some(wanted) = wanted {
                    stage.own.extend(stage.hands.act(wanted).await);
                }
                for effect in behind {
                    Box::pin(self.set_in_motion(stage, effect)).await?;
                }
                Ok(())
            }
            Some(Waiting::Message { message, kept }) => self.hand_over(stage, message, kept).await.map(drop),
            Some(Waiting::Mail(mail)) => {
                let to = mail.to_session_id;
                if let Err(error) = self.parts.store.send_mail(mail).await {
                    tracing::error!(%error, session = %to, "mail that a person allowed cannot be delivered");
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Tells the plugin that what waited for this answer will not be done.
    pub(super) async fn not_allowed(
        &mut self,
        stage: &mut Stage,
        question: ApprovalId,
        why: String,
    ) -> Result<(), JournalError> {
        for effect in drop_held(stage, question, why) {
            Box::pin(self.set_in_motion(stage, effect)).await?;
        }
        Ok(())
    }

    /// Takes back every question that something waits for: the run ends, or its plugin has told how it ended.
    pub(super) async fn drop_all_held(&mut self, stage: &mut Stage) -> Result<(), JournalError> {
        for question in stage.held.questions() {
            self.write(Command::Retract { approval_id: question }, Durability::Flushed).await?;
            let _timers = drop_held(stage, question, "the run is to end".to_owned());
        }
        Ok(())
    }
}

/// Forgets what waited; gives what is to be done all the same: timers that the plugin set behind it.
fn drop_held(stage: &mut Stage, question: ApprovalId, why: String) -> Vec<Effect> {
    // Of a message that is not delivered the events tell.
    let Some(Waiting::Effect { effect, behind, .. }) = stage.held.release(question) else {
        return Vec::new();
    };
    stage.own.push_back(no(&effect, why));
    behind.into_iter().filter(|effect| matches!(effect, Effect::SetTimer(..))).collect()
}

fn digest(told: &Value) -> Digest {
    digest_of(told).unwrap_or_else(|_| Digest::of(told.to_string().as_bytes()))
}

/// Makes the input that says no to a process or a request.
fn no(effect: &Effect, why: String) -> Input {
    let (id, leaf): (Option<HandleId>, Leaf) = match effect {
        Effect::SendRequest(request) => (Some(request.id), Leaf::RequestSend),
        Effect::StartProcess(process) => (Some(process.id), Leaf::ProcessSpawn),
        Effect::AbortRequest(id) => (Some(*id), Leaf::RequestSend),
        Effect::WriteProcess(id, _) | Effect::CloseInput(id) | Effect::StopProcess(id, _) => {
            (Some(*id), Leaf::ProcessSpawn)
        }
        _ => (None, Leaf::TimerSet),
    };
    refused(effect.name(), id, leaf.as_str(), why)
}
