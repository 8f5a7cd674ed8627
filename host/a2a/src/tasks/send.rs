//! Taking messages: those that begin a task, and those that a task waits for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pointsman_model::calls::{ContinueRun, SpawnRun};
use pointsman_model::plugin::Feature;
use pointsman_model::{Message as ModelMessage, MessageId, RunRecord, SessionMode, Speaker, Status};
use serde_json::{Map, Value, json};

use super::{Follow, Tasks, Viewer, published, reference};
use crate::calls::Calls;
use crate::settings::AgentSettings;
use crate::story::{KEPT, Story};
use crate::view::{Content, Message, Task};
use crate::wire::{Fault, Send};

/// Characters in an id that a client made up.
const ID_CHARS: usize = 256;

impl<C: Calls> Tasks<C> {
    /// Takes a message and waits, unless its sender does not, until the task has ended or waits for somebody.
    pub(crate) async fn send(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        send: Send,
    ) -> Result<Task, Fault> {
        let (immediately, history) = (send.immediately, send.history);
        let record = self.take(agent, viewer, send).await?.0;
        let mut story = self.story(&record).await?;
        if !immediately {
            story = self.settled(record.run_id, story).await?;
        }
        Ok(story.task(viewer.answers, history, true))
    }

    /// Takes a message and follows its task.
    pub(crate) async fn stream(
        self: &Arc<Self>,
        agent: &AgentSettings,
        viewer: &Viewer,
        send: Send,
    ) -> Result<Follow<C>, Fault> {
        let (record, new) = self.take(agent, viewer, send).await?;
        let story = if new {
            // From its beginning, so that nothing of it is only seen in the snapshot.
            let context = published(&record, "context_id").unwrap_or_default().to_owned();
            let first = self.host.first_message(record.run_id).await?;
            Story::begin(record.run_id, context, &first, record.started_at)
        } else {
            self.story(&record).await?
        };
        Ok(Follow::from_here(Arc::clone(self), viewer.clone(), story))
    }

    /// Takes a message; gives the run that has it, and whether that is a new one.
    async fn take(
        &self,
        agent: &AgentSettings,
        viewer: &Viewer,
        send: Send,
    ) -> Result<(RunRecord, bool), Fault> {
        if send.push {
            return Err(Fault::PushNotSupported);
        }
        for (field, id) in
            [("message.messageId", Some(&send.message.id)), ("message.contextId", send.context_id.as_ref())]
        {
            if id.is_some_and(|id| id.chars().count() > ID_CHARS || id.chars().any(char::is_control)) {
                return Err(Fault::invalid(
                    field,
                    format!("{field} must have at most {ID_CHARS} characters"),
                ));
            }
        }
        self.check_types(agent, &send.message).await?;
        match &send.task_id {
            Some(id) => {
                let record = self.record(agent, viewer, id).await?;
                let record = self.go_on(viewer, record, &send).await?;
                Ok((record, false))
            }
            None => Ok((self.begin(agent, viewer, send).await?, true)),
        }
    }

    /// Hands a message to a task that waits for one, or whose agent can be steered.
    async fn go_on(&self, viewer: &Viewer, record: RunRecord, send: &Send) -> Result<RunRecord, Fault> {
        let context = published(&record, "context_id").unwrap_or_default();
        if send.context_id.as_deref().is_some_and(|given| given != context) {
            return Err(Fault::invalid("message.contextId", "the task belongs to another context"));
        }
        if record.status.is_terminal() {
            return Err(Fault::Unsupported {
                message: format!(
                    "task {} has ended ({}) and takes no message: send one to its context instead",
                    record.run_id, record.status
                ),
            });
        }
        let asked = self.story(&record).await?.standing.asked;
        if record.status == Status::ApprovalRequired || !asked.is_empty() {
            self.answer(viewer, &record, &asked, &send.message).await?;
        } else {
            let call = ContinueRun {
                run_id: Some(record.run_id.to_string()),
                agent_name: None,
                cwd: None,
                input_message: to_model(&send.message),
            };
            self.host.continue_run(&viewer.client(), call).await?;
        }
        Ok(self.host.get_run(&reference(&record)).await?)
    }

    /// Begins a task: in a new context, or in one that is known.
    async fn begin(&self, agent: &AgentSettings, viewer: &Viewer, send: Send) -> Result<RunRecord, Fault> {
        let named = send.context_id.clone();
        let lock = named
            .as_ref()
            .map(|context| self.context_lock(&format!("{}\n{}\n{context}", agent.name, viewer.name)));
        let _turn = match &lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let before = match &named {
            Some(context) => self.host.newest_published_in(&agent.name, &viewer.name, context).await?,
            None => None,
        };
        let wished = if agent.follow_cwd { wished(&send)? } else { None };
        let cwd = place(agent, wished, before.as_ref().map(|run| PathBuf::from(&run.cwd))).await?;
        let session = match &before {
            Some(run) if self.resumes(agent).await? && self.host.may_resume(run.session_id).await? => {
                Some(run.session_id.to_string())
            }
            _ => None,
        };
        let context = named.unwrap_or_else(|| MessageId::from_random(random()).to_string());
        let mut about = Map::new();
        about.insert("agent".to_owned(), json!(agent.name));
        about.insert("client".to_owned(), json!(viewer.name));
        about.insert("context_id".to_owned(), json!(context));
        if !send.metadata.is_empty() {
            about.insert("metadata".to_owned(), Value::Object(send.metadata.clone()));
        }
        let call = SpawnRun {
            backend: Some(agent.backend.clone()),
            role: Some(agent.role),
            cwd: cwd.to_string_lossy().into_owned(),
            session_mode: if session.is_some() { SessionMode::Resume } else { SessionMode::New },
            prompt: None,
            input_message: Some(to_model(&send.message)),
            session_id: session,
            nickname: None,
            profile: agent.profile.clone(),
            output_schema: None,
            metadata: Some(Map::from_iter([(KEPT.to_owned(), Value::Object(about))])),
            backend_config: None,
            access: Some(agent.access),
            idempotency_key: None,
        };
        let spawned = self.host.spawn_run(&viewer.client(), call).await?;
        let run = pointsman_model::calls::RunRef {
            run_id: Some(spawned.run_id.to_string()),
            ..pointsman_model::calls::RunRef::default()
        };
        Ok(self.host.get_run(&run).await?)
    }

    async fn resumes(&self, agent: &AgentSettings) -> Result<bool, Fault> {
        Ok(self.host.backend_features(&agent.backend).await?.contains(&Feature::Resume))
    }

    /// Refuses what the backend cannot hand to its agent.
    async fn check_types(&self, agent: &AgentSettings, message: &Message) -> Result<(), Fault> {
        for part in &message.parts {
            let named = part.media_type.as_deref().unwrap_or_default();
            let kind = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let plain = kind.is_empty() || kind.starts_with("text/") || kind == "application/json";
            let image =
                kind.starts_with("image/") && matches!(part.content, Content::Raw(_) | Content::Url(_));
            if plain
                || (image && self.host.backend_features(&agent.backend).await?.contains(&Feature::Images))
            {
                continue;
            }
            return Err(Fault::ContentType {
                message: format!(
                    "this agent takes no {}: its card says what it takes",
                    named.chars().take(80).collect::<String>()
                ),
            });
        }
        Ok(())
    }
}

/// Gives a message as the host has it. What the protocol says of it lies in its metadata, so that the task's history
/// can be told again.
fn to_model(message: &Message) -> ModelMessage {
    let mut metadata = message.metadata.clone().unwrap_or_default();
    let mut kept = Map::new();
    kept.insert("message_id".to_owned(), json!(message.id));
    if !message.extensions.is_empty() {
        kept.insert("extensions".to_owned(), json!(message.extensions));
    }
    if !message.reference_task_ids.is_empty() {
        kept.insert("reference_task_ids".to_owned(), json!(message.reference_task_ids));
    }
    metadata.insert(KEPT.to_owned(), Value::Object(kept));
    ModelMessage {
        speaker: Speaker::User,
        parts: message.parts.iter().map(crate::view::Part::to_model).collect(),
        metadata: Some(metadata),
    }
}

/// Gives the directory that a message names, if it does: its own metadata wins over the request's.
fn wished(send: &Send) -> Result<Option<PathBuf>, Fault> {
    let own = send.message.metadata.iter();
    for metadata in own.chain([&send.metadata]) {
        for key in ["pointsman", "nanobot_orchestrator"] {
            match metadata.get(key).and_then(|about| about.get("cwd")) {
                None | Some(Value::Null) => {}
                Some(Value::String(cwd)) if Path::new(cwd).is_absolute() => return Ok(Some(cwd.into())),
                Some(_) => {
                    return Err(Fault::invalid(
                        "message.metadata",
                        format!("{key}.cwd must be an absolute path"),
                    ));
                }
            }
        }
    }
    Ok(None)
}

/// Says where a task works. A context stays where its first task worked.
async fn place(
    agent: &AgentSettings,
    wished: Option<PathBuf>,
    bound: Option<PathBuf>,
) -> Result<PathBuf, Fault> {
    let Some(wished) = wished else { return Ok(bound.unwrap_or_else(|| agent.cwd.clone())) };
    // One answer for all that cannot be used: who asks does not learn what else is there.
    let outside = || Fault::invalid("message.metadata", "cwd is no directory that this agent may work in");
    let real = tokio::task::spawn_blocking(move || {
        let real = wished.canonicalize()?;
        Ok::<_, std::io::Error>((real.is_dir(), real))
    });
    let Ok(Ok((true, real))) = real.await else { return Err(outside()) };
    let inside = |root: &PathBuf| real.starts_with(root);
    if !inside(&agent.cwd) && !agent.roots.iter().any(inside) {
        return Err(outside());
    }
    match bound {
        Some(bound) if bound != real => Err(Fault::invalid(
            "message.metadata",
            "cwd is not the one that this context works in: begin a new context to work elsewhere",
        )),
        _ => Ok(real),
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Without randomness nothing of this host works; an id that is taken is refused by the store.
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random bytes");
    }
    bytes
}
