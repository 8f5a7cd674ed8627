//! Bringing a run's plugin to life.

use std::collections::VecDeque;
use std::sync::Arc;

use pointsman_model::plugin::{Effect, Task};
use pointsman_model::{Failure, Outcome, RunSpec, SessionMode, reason};
use pointsman_sandbox::CallError;

use super::Driver;
use super::corrective::Again;
use super::discreet::Discreet;
use super::hands::{Asking, Hands};
use super::held::Held;
use super::live::Stage;
use crate::clock;

/// The variables by which a run's processes know it, and can show that they belong to it.
pub(super) const RUN_ID: &str = "POINTSMAN_RUN_ID";
pub(super) const RUN_TOKEN: &str = "POINTSMAN_RUN_TOKEN";

impl Driver {
    /// Instantiates the plugin and hands it the task.
    pub(super) async fn raise(
        &self,
        spec: &RunSpec,
        again: Option<&Again>,
    ) -> Result<(Stage, Vec<Effect>), Outcome> {
        let record = self.journal.run().record();
        let session_id = record.session_id;
        let session = self.parts.read(move |store| store.session(session_id)).await;
        let session = session.map_err(|error| Outcome::failed(reason::STORE_FAILED, error.to_string()))?;
        let resume = match (again, spec.session_mode) {
            (Some(again), _) => Some(again.resume.clone()),
            (None, SessionMode::New) => None,
            (None, SessionMode::Resume) => {
                let remembered = session.and_then(|session| session.remembered);
                if remembered.is_none() {
                    let message = format!("Session {session_id} has no backend session id yet");
                    return Err(Outcome::failed(reason::TASK_REFUSED, message));
                }
                remembered
            }
        };
        let task = Task {
            run_id: record.run_id.to_string(),
            session_id: session_id.to_string(),
            agent_name: record.agent_name.clone(),
            started_at: record.started_at,
            role: spec.role.as_str().to_owned(),
            message: again.map_or_else(|| spec.message.clone(), |again| again.message.clone()),
            instructions: spec.profile.as_ref().map(|(path, text)| format!("Profile: {path}\n\n{text}")),
            cwd: spec.cwd.clone(),
            access: spec.access,
            output_schema: spec.output_schema.clone(),
            resume,
            mcp_servers: self.handed_out(&spec.backend),
            config: self.config.clone(),
        };
        let (parts, expected) = (Arc::clone(&self.parts), spec.plugin);
        let backend = spec.backend.clone();
        let raised = tokio::task::spawn_blocking(move || {
            let failed = |reason, error: String| Failure { reason: str::to_owned(reason), message: error };
            let (plugin, settings) =
                parts.backend(&backend).map_err(|error| failed(reason::PLUGIN_FAILED, error.to_string()))?;
            if expected.is_some_and(|expected| expected != plugin.digest()) {
                let message =
                    format!("the component of backend {backend} is not the one this run was allowed with");
                return Err(failed(reason::PLUGIN_FAILED, message));
            }
            let grants = settings.grants.clone();
            match plugin.start(&task, clock::random()) {
                Ok((guest, effects)) => Ok((plugin, grants, guest, effects)),
                Err(error) => Err(failed(blame(&error), error.to_string())),
            }
        });
        let raised = raised.await.map_err(|error| panicked(&error))?;
        let (plugin, grants, guest, effects) =
            raised.map_err(|failure| Outcome::failed(&failure.reason, failure.message))?;
        let requests = plugin.about().common.requests.clone();
        let token = self.parts.tokens.issue(record.run_id);
        let environment = vec![
            ("PEER_NAME".to_owned(), record.agent_name.clone()),
            ("PEER_SESSION_ID".to_owned(), session_id.to_string()),
            ("PEER_CWD".to_owned(), spec.cwd.clone()),
            (RUN_ID.to_owned(), record.run_id.to_string()),
            (RUN_TOKEN.to_owned(), token.text().to_owned()),
        ];
        let asking = Asking {
            table: format!("backends.{}", spec.backend),
            requests,
            grants,
            cwd: spec.cwd.clone().into(),
            environment,
            _token: token,
        };
        let (hands, inputs, rings) = Hands::new(Arc::clone(&self.parts), asking);
        let stage = Stage {
            plugin,
            guest: Some(guest),
            hands,
            inputs,
            rings,
            own: VecDeque::new(),
            held: Held::default(),
            discreet: Discreet::default(),
            again: again.is_some(),
            refusals: 0,
            deadline: None,
            exhausted: None,
        };
        Ok((stage, effects))
    }
}

/// Says whether the plugin refused the task or failed.
pub(super) fn blame(error: &CallError) -> &'static str {
    match error {
        CallError::Refused(_) => reason::TASK_REFUSED,
        _ => reason::PLUGIN_FAILED,
    }
}

pub(super) fn panicked(error: &tokio::task::JoinError) -> Outcome {
    Outcome::failed(reason::PLUGIN_FAILED, format!("the host failed while it called the plugin: {error}"))
}
