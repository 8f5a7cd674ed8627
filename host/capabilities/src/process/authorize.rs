//! Whether a plugin may start a process, and what exactly would be started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use pointsman_model::plugin::{Argument, ErrorStream, Framing, HandleId, Process, SecretOr};
use pointsman_model::{Digest, Leaf};

use serde_json::{Value, json};

use super::program::{Programs, Resolution};
use super::scratch;
use crate::secret::{Recipient, SecretError, SecretValue, Secrets};
use crate::{Asker, Refusal};

/// What becomes of a process's standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandardInput {
    /// Open until [`Child::close_input`](super::Child::close_input).
    Open,
    /// At its end from the start.
    Closed,
}

/// A process that may be started. Only [`authorize`] makes one.
///
/// It shows what it is, without the values of its environment: some are secrets.
#[derive(Clone)]
pub struct AuthorizedProcess {
    pub(crate) id: HandleId,
    pub(crate) program: String,
    pub(crate) resolution: Resolution,
    pub(crate) args: Vec<Argument>,
    pub(crate) env: BTreeMap<OsString, EnvironmentValue>,
    pub(crate) framing: Framing,
    pub(crate) errors: ErrorStream,
    pub(crate) input: StandardInput,
}

/// A variable's value; a secret stays wrapped until the job is written to the supervisor.
#[derive(Debug, Clone)]
pub(crate) enum EnvironmentValue {
    Plain(OsString),
    Secret(SecretValue),
}

impl AuthorizedProcess {
    /// Gives the plugin's handle.
    #[must_use]
    pub fn id(&self) -> HandleId {
        self.id
    }

    /// Gives the program's id.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Tells exactly what would be started, as policies and people see it: the program's place, its arguments, and the
    /// names of its variables. A file among the arguments is told by its name and its digest.
    #[must_use]
    pub fn told(&self) -> Value {
        let path = match &self.resolution {
            Resolution::Found(path) => Some(path.to_string_lossy()),
            Resolution::Missing(_) => None,
        };
        let args: Vec<_> = self.args.iter().map(word).collect();
        let env: Vec<_> = self.env.keys().map(|name| name.to_string_lossy()).collect();
        json!({"program": self.program, "path": path, "args": args, "env": env})
    }

    /// Gives the process an input that is at its end from the start.
    #[must_use]
    pub fn with_input(mut self, input: StandardInput) -> Self {
        self.input = input;
        self
    }
}

fn word(argument: &Argument) -> String {
    match argument {
        Argument::Plain(text) => text.clone(),
        Argument::File { name, content } => format!("file:{name} ({})", Digest::of(content)),
    }
}

impl fmt::Debug for AuthorizedProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedProcess")
            .field("id", &self.id)
            .field("program", &self.program)
            .field("resolution", &self.resolution)
            .field("args", &self.args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Decides whether a plugin may start `process`. Nothing is started, but secrets are read.
///
/// A program that is allowed but missing passes: that is a failure to start, not a refusal, and
/// [`Processes::spawn`](super::Processes::spawn) reports it.
///
/// # Errors
/// If a grant is missing, the operator's table does not have it so, or the request is malformed.
pub fn authorize(
    process: &Process,
    asker: &Asker<'_>,
    programs: &Programs,
    secrets: &Secrets,
) -> Result<AuthorizedProcess, Refusal> {
    let refuse = |leaf, reason| Refusal { effect: "start-process", id: Some(process.id), leaf, reason };
    let spawn = |reason| refuse(Leaf::ProcessSpawn, reason);
    let id = &process.program;
    asker.check(Leaf::ProcessSpawn, id).map_err(spawn)?;
    let program = programs.get(id).ok_or_else(|| {
        spawn(format!(
            "the operator's table has no program {id:?}; to add it: [programs.{id}] command = \"{id}\""
        ))
    })?;
    if process.framing == Framing::Sse {
        return Err(spawn("framing `sse` is for requests; a process takes `lines` or `bytes`".to_owned()));
    }
    let mut args: Vec<Argument> = program.entry.args_before.iter().cloned().map(Argument::Plain).collect();
    args.extend(process.args.iter().cloned());
    for arg in &args {
        match arg {
            Argument::Plain(text) if text.contains('\0') => {
                return Err(spawn("an argument holds a NUL byte, which no program can be given".to_owned()));
            }
            Argument::Plain(_) => {}
            Argument::File { name, .. } => {
                scratch::check_name(name).map_err(|error| spawn(error.to_string()))?;
            }
        }
    }
    let mut env: BTreeMap<OsString, EnvironmentValue> = programs
        .host
        .passed_on(&program.pass_env)
        .map(|(name, value)| (name, EnvironmentValue::Plain(value)))
        .collect();
    for (name, value) in &program.entry.set_env {
        env.insert(name.into(), EnvironmentValue::Plain(value.into()));
    }
    for (name, value) in &process.env {
        if !program.plugin_env.iter().any(|pattern| pattern.covers(name)) {
            let mut names: Vec<_> = program.entry.plugin_env.iter().map(|name| format!("{name:?}")).collect();
            names.push(format!("{name:?}"));
            return Err(spawn(format!(
                "environment variable {name:?} may not be set by a plugin; to allow it: [programs.{id}] plugin_env = \
                 [{}]",
                names.join(", ")
            )));
        }
        if program.entry.set_env.iter().any(|(fixed, _)| fixed == name) {
            return Err(spawn(format!("environment variable {name:?} is fixed by [programs.{id}] set_env")));
        }
        let value = match value {
            SecretOr::Plain(text) if text.contains('\0') => {
                return Err(spawn(format!("environment variable {name:?} holds a NUL byte")));
            }
            SecretOr::Plain(text) => EnvironmentValue::Plain(text.into()),
            SecretOr::Secret(secret) => {
                let read = secrets
                    .resolve(asker, secret, Recipient::Program)
                    .map_err(|error: SecretError| refuse(Leaf::SecretUse, error.to_string()))?;
                EnvironmentValue::Secret(read)
            }
        };
        env.insert(name.into(), value);
    }
    for (name, value) in &env {
        if let (Some(name), EnvironmentValue::Plain(value)) = (name.to_str(), value)
            && let Some(value) = value.to_str()
        {
            secrets.handed_out().record_variable(name, value);
        }
    }
    Ok(AuthorizedProcess {
        id: process.id,
        program: id.clone(),
        resolution: program.resolution.clone(),
        args,
        env,
        framing: process.framing,
        errors: process.errors,
        input: StandardInput::Open,
    })
}
