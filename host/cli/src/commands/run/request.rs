//! From the command line to the request that every face makes.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use pointsman_model::calls::SpawnRun;
use pointsman_model::{Message, Part, SessionId, SessionMode, Speaker};
use serde_json::{Map, Value};

use crate::args::{RunArgs, RunTarget};
use crate::config::Loaded;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::state::{State, real_path};
use crate::terminal::say;

/// What is added to a prompt may be so large.
const LARGEST_INPUT: u64 = 8 * 1024 * 1024;
/// When a person is told what is waited for.
const PUZZLED: Duration = Duration::from_secs(2);

/// Puts the request together; reads standard input where it is part of it.
pub(super) fn request(loaded: &Loaded, args: &RunArgs) -> Result<SpawnRun, Failure> {
    let task = &args.task;
    let cwd = real_path(&task.cwd).map_err(|failure| usage(failure.message))?;
    let session_id = task.resume.as_deref().map(|text| session(loaded, text, &cwd)).transpose()?;
    let schema = task.schema.as_deref().map(schema).transpose()?;
    let metadata = pairs("--metadata", &task.metadata, |text| Value::from(text))?;
    let backend_config = pairs("--backend-config", &task.backend_config, |text| {
        serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
    })?;
    Ok(SpawnRun {
        // A profile may name the backend and the role.
        backend: Some(args.backend.clone()).filter(|name| name != "-"),
        role: task.role,
        cwd,
        session_mode: if session_id.is_some() { SessionMode::Resume } else { SessionMode::New },
        prompt: None,
        input_message: Some(message(args.prompt.as_deref(), args.input_file.as_deref())?),
        session_id,
        nickname: task.name.clone(),
        profile: task.profile.as_deref().map(profile).transpose()?,
        output_schema: schema,
        metadata: Some(metadata),
        backend_config: Some(backend_config),
        access: task.access,
        idempotency_key: None,
    })
}

/// The prompt is the first part; what a file or a pipe brings is another.
fn message(prompt: Option<&str>, file: Option<&Path>) -> Result<Message, Failure> {
    let added = match file {
        Some(file) if file == Path::new("-") => Some(standard_input()?),
        Some(file) => {
            let shown = file.display();
            let opened = File::open(file).map_err(|error| usage(format!("{shown}: {error}")))?;
            Some(text(opened).map_err(|error| usage(format!("{shown}: {error}")))?)
        }
        None if io::stdin().is_terminal() => None,
        None => Some(standard_input()?),
    };
    let parts: Vec<Part> = [prompt.map(str::to_owned), added]
        .into_iter()
        .flatten()
        .filter(|text| !text.trim().is_empty())
        .map(|text| Part::Text { text })
        .collect();
    if parts.is_empty() {
        return Err(usage("there is nothing to do".to_owned())
            .help("say it: pointsman run BACKEND \"PROMPT\", or write it to standard input"));
    }
    Ok(Message { speaker: Speaker::User, parts, metadata: None })
}

/// Reads standard input to its end. One that is not there says nothing.
fn standard_input() -> Result<String, Failure> {
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more if this process ends.
        let _ = said.send(text(io::stdin().lock()));
    });
    let read = match heard.recv_timeout(PUZZLED) {
        Err(RecvTimeoutError::Timeout) => {
            say("reading standard input until it ends; add `</dev/null` if nothing is to come");
            heard.recv()
        }
        read => read.map_err(|_| mpsc::RecvError),
    };
    match read {
        Ok(Ok(text)) => Ok(text),
        Ok(Err(error)) if error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => {
            Ok(String::new())
        }
        Ok(Err(error)) => Err(usage(format!("standard input: {error}"))),
        Err(_) => Err(Failure::internal("standard input was not read")),
    }
}

fn text(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source.take(LARGEST_INPUT + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_INPUT {
        return Err(io::Error::other(format!("larger than {LARGEST_INPUT} bytes")));
    }
    Ok(text)
}

/// Finds the session of its own id, of a run's, or of an agent's name.
fn session(loaded: &Loaded, text: &str, cwd: &str) -> Result<String, Failure> {
    let state = State::open(loaded)?;
    if let Ok(id) = text.parse::<SessionId>()
        && state.store.session(id)?.is_some()
    {
        return Ok(id.to_string());
    }
    let target = RunTarget { run: text.to_owned(), cwd: Some(PathBuf::from(cwd)) };
    Ok(state.run(&target)?.session_id.to_string())
}

fn schema(file: &Path) -> Result<Map<String, Value>, Failure> {
    let wrong = |why: String| usage(format!("--schema {}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(schema)) => Ok(schema),
        Ok(_) => Err(wrong("a schema is a JSON object".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// A bare name is looked up by the host; a path is the person's, so it means what it means in the shell.
fn profile(text: &str) -> Result<String, Failure> {
    if !text.contains('/') {
        return Ok(text.to_owned());
    }
    let path = std::path::absolute(text).map_err(|error| usage(format!("--profile {text}: {error}")))?;
    path.into_os_string().into_string().map_err(|_| usage(format!("--profile {text}: not a path in UTF-8")))
}

fn pairs(
    option: &str,
    given: &[String],
    value: impl Fn(&str) -> Value,
) -> Result<Map<String, Value>, Failure> {
    let mut pairs = Map::new();
    for text in given {
        if text.trim_start().starts_with('{') {
            let object: Map<String, Value> =
                serde_json::from_str(text).map_err(|error| usage(format!("{option} {text}: {error}")))?;
            pairs.extend(object);
            continue;
        }
        match text.split_once('=') {
            Some((key, text)) if !key.trim().is_empty() => {
                pairs.insert(key.trim().to_owned(), value(text));
            }
            _ => return Err(usage(format!("{option} {text:?}: KEY=VALUE or a JSON object is wanted"))),
        }
    }
    Ok(pairs)
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_json_where_the_backend_wants_them() {
        let given = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let texts = given(&["ticket=12", "{\"a\": [1]}", "note=a=b"]);
        let read = pairs("--metadata", &texts, |text| Value::from(text)).unwrap();
        assert_eq!(Value::Object(read), json!({"ticket": "12", "a": [1], "note": "a=b"}));
        let texts = given(&["model=gpt-5.5", "fast=true", "limit=3", "list=[1]"]);
        let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let read = pairs("--backend-config", &texts, json).unwrap();
        assert_eq!(Value::Object(read), json!({"model": "gpt-5.5", "fast": true, "limit": 3, "list": [1]}));
        for wrong in ["alone", "=value", "{\"a\": "] {
            let failure = pairs("--metadata", &given(&[wrong]), |text| Value::from(text)).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{wrong}");
        }
    }
}
