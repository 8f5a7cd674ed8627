//! Launching runs: everything that can be said against a request is said before the run exists.

use std::path::{Path, PathBuf};

use pointsman_kernel::{Entry, Run};
use pointsman_model::calls::{SpawnRun, SpawnedRun};
use pointsman_model::plugin::Feature;
use pointsman_model::{
    Access, Limits, Principal, Role, RunId, RunRecord, RunSpec, SessionId, SessionMode, Status, Wish,
};
use pointsman_store::{Creation, NewRun, SessionChoice, StoreError};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::plugins::check_config;
use crate::request::message;
use crate::{BackendSettings, Client, Error, Host, Origin, Profile, clock};

/// A run that goes on from another: that one's id, what was asked of it, and its configuration.
pub(crate) type Before = (RunId, RunSpec, Value);

impl Host {
    /// Launches a run. It is on disk, and the policies have spoken, before this returns.
    ///
    /// # Errors
    ///
    /// If the request is wrong, or its backend cannot be loaded. Nothing has been started then.
    pub async fn spawn_run(&self, client: &Client, call: SpawnRun) -> Result<SpawnedRun, Error> {
        let done = self.spawn_after(client, call, None).await;
        self.heard("spawn", client, done).await
    }

    pub(crate) async fn spawn_after(
        &self,
        client: &Client,
        call: SpawnRun,
        before: Option<Before>,
    ) -> Result<SpawnedRun, Error> {
        if self.parts.ending.is_cancelled() {
            return Err(Error::ShuttingDown);
        }
        self.parent_must_live().await?;
        let (host, client) = (self.clone(), client.clone());
        let asked = call.clone();
        // Looking at folders, profiles and plugins blocks.
        let (mut spec, config) = tokio::task::spawn_blocking(move || host.check(asked, &client, before))
            .await
            .map_err(|error| Error::Invalid(format!("checking the request failed: {error}")))??;
        let session = self.session_for(&call, &spec).await?;

        let run_id = RunId::from_random(clock::random());
        let started_at = self.parts.now();
        let placeholder = SessionId::from_random([0; 16]);
        let created = |spec: RunSpec, session_id: SessionId, agent_name: String| Entry::Created {
            at: started_at,
            run_id,
            session_id,
            agent_name,
            spec: Box::new(spec),
        };
        // The session's id and name are the store's to give; everything else is known.
        let first = begin(&created(spec.clone(), placeholder, String::new()))?;
        let new = NewRun {
            host: self.parts.id,
            session,
            spec: spec.clone(),
            backend_config: config.clone(),
            record: first.record().clone(),
            entries: Vec::new(),
            events: Vec::new(),
            approvals: Vec::new(),
        };
        let record = match self.parts.create_run(new).await? {
            (Creation::Created(record), granted) => {
                spec.budget = granted;
                record
            }
            (Creation::Existing(record), _) => return Ok(answer(record, true)),
        };
        let run = begin(&created(spec, record.session_id, record.agent_name.clone()))?;
        let (ruled, word) = oneshot::channel();
        self.drive(run, config, Some(ruled));
        if self.parent_must_live().await.is_err() {
            // It ended while this was on its way, and may not have seen it.
            self.end_child(run_id).await;
        }
        let record = match word.await {
            Ok(record) => record,
            // The task ended before the policies spoke: the store has what became of the run.
            Err(_) => self.by_id(run_id).await?,
        };
        Ok(answer(record, false))
    }

    /// Checks a request and puts together what is asked of the run. Blocks.
    pub(crate) fn check(
        &self,
        call: SpawnRun,
        client: &Client,
        before: Option<Before>,
    ) -> Result<(RunSpec, Value), Error> {
        let cwd = directory(&call.cwd)?;
        let message = message(call.prompt, call.input_message)?;
        let profile = match call.profile.as_deref().filter(|named| !named.trim().is_empty()) {
            Some(named) => Some(self.parts.settings.profiles.find(named, Some(&cwd))?),
            None => None,
        };
        let explicit = call.access.is_some();
        let mut access = access(call.access, profile.as_ref());
        let given = profile.as_ref();
        let backend = call
            .backend
            .filter(|name| !name.trim().is_empty())
            .or_else(|| given?.backend.clone())
            .ok_or_else(|| {
                Error::Invalid("backend is required: give it, or a profile that does".to_owned())
            })?;
        let role = call.role.or_else(|| given?.role).unwrap_or(Role::Worker);
        let giver = self.giver()?;
        if let Some(most) = giver.most_access(self, role).filter(|_| !explicit) {
            // Whoever asked for nothing in particular gets what there is.
            access = access.min(most);
        }
        let keys: Vec<String> = call.backend_config.iter().flat_map(Map::keys).cloned().collect();
        let cwd = cwd.to_string_lossy().into_owned();
        let wish = Wish { backend: &backend, role: role.as_str(), access, cwd: &cwd, keys: &keys };
        let delegable = giver.grant(self, &wish)?;
        let output_schema = call.output_schema.or_else(|| given?.output_schema.clone()).map(Value::Object);
        let (plugin, settings) = self.parts.backend(&backend)?;
        let about = plugin.about();
        let has = |feature| about.features.contains(&feature);
        if call.session_mode == SessionMode::Resume && !has(Feature::Resume) {
            return Err(Error::Invalid(format!("backend {backend} cannot resume a session")));
        }
        if output_schema.is_some() && !has(Feature::StructuredOutput) {
            return Err(Error::Invalid(format!("backend {backend} honours no output_schema")));
        }
        if let Some(schema) = &output_schema {
            jsonschema::validator_for(schema)
                .map_err(|error| Error::Invalid(format!("output_schema is no JSON Schema: {error}")))?;
        }
        let (resumed_from, kept) = match before {
            Some((id, spec, config)) => (Some(id), Some((spec.profile, config))),
            None => (None, None),
        };
        let (profile, config) = match kept {
            // What was settled for the run before holds for the next: nothing of it is asked again.
            Some((profile, config)) => (profile, config),
            None => (
                profile.map(|profile| (profile.source, profile.text)),
                merged(&backend, settings, call.backend_config.unwrap_or_default())?,
            ),
        };
        check_config(&backend, &about.common.config_schema, &config)?;
        let chain = self.chain(client);
        let spec = RunSpec {
            backend,
            role,
            cwd,
            session_mode: call.session_mode,
            message,
            profile,
            output_schema,
            metadata: call.metadata.unwrap_or_default(),
            access,
            resumed_from,
            chain,
            plugin: Some(plugin.digest()),
            idempotency_key: call.idempotency_key,
            client_version: client.version.clone(),
            delegable,
            budget: Limits::default(),
        };
        Ok((spec, config))
    }

    /// Gives who asks when a client calls, from the root.
    pub(crate) fn chain(&self, client: &Client) -> Vec<Principal> {
        let mut chain = self.above.to_vec();
        if chain.is_empty() {
            chain.push(root(client));
        }
        chain
    }

    async fn session_for(&self, call: &SpawnRun, spec: &RunSpec) -> Result<SessionChoice, Error> {
        let nickname = call.nickname.clone().filter(|name| !name.trim().is_empty());
        if let Some(name) = &nickname
            && (name.chars().count() > 128 || name.chars().any(char::is_control))
        {
            let message = "nickname must be at most 128 characters, none of them control";
            return Err(Error::Invalid(message.to_owned()));
        }
        if spec.session_mode == SessionMode::New {
            return Ok(SessionChoice::New { session_id: SessionId::from_random(clock::random()), nickname });
        }
        let Some(text) = call.session_id.as_deref().filter(|text| !text.is_empty()) else {
            return Err(Error::Invalid("session_id is required when session_mode is resume".to_owned()));
        };
        let unknown =
            || Error::Invalid(format!("Unknown session_id: {}", text.chars().take(80).collect::<String>()));
        let session_id: SessionId = text.parse().map_err(|_| unknown())?;
        let host = self.clone();
        let (session, busy, seen, own) = self
            .parts
            .read(move |store| {
                let own = host.own_session(store)?.is_some_and(|own| own.session_id == session_id);
                let session = store.session(session_id)?;
                let seen = match &session {
                    Some(session) => host.sees_session(store, session)?,
                    None => true,
                };
                Ok((session, store.unfinished_runs_in(session_id)?, seen, own))
            })
            .await?;
        let session = session.ok_or_else(unknown)?;
        if !seen {
            return Err(Error::OtherSession { session_id });
        }
        if own {
            // It would wait for the end of the very run that waits for it.
            return Err(Error::Invalid(format!(
                "session {session_id} is your own: it goes on with what you are told next, and you cannot launch it"
            )));
        }
        if session.remembered.is_none() && busy.is_empty() {
            return Err(Error::Invalid(format!("Session {session_id} has no backend session id yet")));
        }
        if let Some(elsewhere) = busy.iter().find(|record| self.parts.driven(record.run_id).is_none()) {
            return Err(Error::NotActiveHere {
                run_id: elsewhere.run_id.to_string(),
                hint: "the session is busy with it, in another host".to_owned(),
            });
        }
        Ok(SessionChoice::Resume { session_id, nickname })
    }
}

fn root(client: &Client) -> Principal {
    Principal { name: client.name.clone(), role: "client".to_owned(), run_id: None, depth: 0 }
}

/// Puts together what the caller and the profile say: the stricter of the two stands.
fn access(asked: Option<Access>, profile: Option<&Profile>) -> Access {
    let Some((limit, profile)) = profile.and_then(|profile| Some((profile.access?, profile))) else {
        return asked.unwrap_or_default();
    };
    match asked {
        Some(asked) => asked.min(limit),
        // Whoever wrote a file in the working directory may be the one whom it should bind.
        None if profile.origin == Origin::WorkingDirectory => limit.min(Access::default()),
        None => limit,
    }
}

fn begin(created: &Entry) -> Result<Run, Error> {
    Run::begin(created).ok_or_else(|| Error::Store("a run begins with its creation".to_owned()))
}

fn answer(record: RunRecord, existing: bool) -> SpawnedRun {
    let note = match record.status {
        Status::ApprovalRequired => record.waiting_for.as_ref().map(|waiting| {
            format!("a person must confirm: {}. They answer with: {}", waiting.reason, waiting.how)
        }),
        Status::Rejected => record.error.as_ref().map(|failure| failure.message.clone()),
        _ => None,
    };
    SpawnedRun {
        run_id: record.run_id,
        backend: record.backend,
        role: record.role,
        session_id: record.session_id,
        agent_name: record.agent_name,
        status: record.status,
        existing,
        note,
    }
}

/// Resolves a working directory once, so that no symbolic link can lead elsewhere later.
fn directory(text: &str) -> Result<PathBuf, Error> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return Err(Error::Invalid(format!("cwd must be an absolute path: {text}")));
    }
    let real = path
        .canonicalize()
        .map_err(|error| Error::Invalid(format!("cwd cannot be used: {text}: {error}")))?;
    if !real.is_dir() {
        return Err(Error::Invalid(format!("cwd is not a directory: {text}")));
    }
    if real.to_str().is_none() {
        return Err(Error::Invalid(format!("cwd is not valid UTF-8: {text}")));
    }
    Ok(real)
}

/// Puts what the caller may set over what the operator set.
fn merged(name: &str, settings: &BackendSettings, asked: Map<String, Value>) -> Result<Value, Error> {
    let mut config = match &settings.config {
        Value::Object(config) => config.clone(),
        _ => Map::new(),
    };
    for (key, value) in asked {
        if !settings.caller_may_set.contains(&key) {
            let may = match settings.caller_may_set.as_slice() {
                [] => "nothing".to_owned(),
                keys => keys.join(", "),
            };
            return Err(Error::Invalid(format!(
                "backend_config.{key} is not for callers to set: for backend {name} they may set {may} \
                 (an operator changes that with [backends.{name}] caller_may_set)"
            )));
        }
        config.insert(key, value);
    }
    Ok(Value::Object(config))
}

/// Says what the store refuses in the words of the server that this host succeeds.
pub(crate) fn in_words(error: StoreError) -> Error {
    match error {
        StoreError::NameTaken { name } => Error::Invalid(format!("Agent name is already in use: {name}")),
        StoreError::OtherName { session, name, asked } => {
            Error::Invalid(format!("Session {session} is already named {name}, not {asked}"))
        }
        StoreError::UnknownSession { session } => Error::Invalid(format!("Unknown session_id: {session}")),
        StoreError::OtherBackend { .. } | StoreError::OtherCwd { .. } | StoreError::KeyReused { .. } => {
            Error::Invalid(error.to_string())
        }
        error => error.into(),
    }
}
