//! `pointsman state`: how the state lies on the disk.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use pointsman_state_key::KeyError;
use pointsman_store::{
    ExportError, ExportScope, Migrated, Progress as Step, Stands, StateKey, Store, StoreError, decrypt,
    encrypt, rekey, run_folder,
};
use serde_json::json;

use super::reveal::admit_export;
use crate::args::{ExportArgs, RunTarget, StateCommand};
use crate::config::{KeyPlaces, Loaded, key_places};
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::state::State;
use crate::terminal::{Out, Progress};

pub(super) fn run(out: Out, loaded: &Loaded, command: StateCommand) -> Outcome {
    let dir = loaded.state_dir()?;
    match command {
        StateCommand::Info => info(out, loaded, &dir),
        StateCommand::NewKey => new_key(out, loaded),
        StateCommand::Encrypt => {
            let key = same_twice(&places(loaded)?)?;
            let done = show("encrypting", |step| encrypt(&dir, &key, step))?;
            let folders = folders_in_clear(&dir, &key)?;
            told(out, &done, "encrypted", &folders)?;
            if !out.is_json() && !folders.is_empty() {
                out.line("\nRun folders that were written before still hold runs in clear; remove them if nobody needs them:")?;
                for folder in &folders {
                    out.line(format!("  {folder}"))?;
                }
            }
            Ok(Exit::Ok)
        }
        StateCommand::Decrypt => {
            let key = places(loaded)?.key.read()?;
            let done = show("decrypting", |step| decrypt(&dir, &key, step))?;
            told(out, &done, "in clear", &[])?;
            if !out.is_json() {
                out.line("Take [state.encryption] out of pointsman.toml now.")?;
            }
            Ok(Exit::Ok)
        }
        StateCommand::Rekey { data_key } => {
            let places = places(loaded)?;
            let key = same_twice(&places)?;
            let previous = places.previous.map(|place| place.read()).transpose()?;
            let known: Vec<&StateKey> = previous.iter().collect();
            let done = show("changing keys", |step| rekey(&dir, &known, &key, data_key, step))?;
            told(out, &done, "encrypted with the new key", &[])?;
            if !out.is_json() && previous.is_some() {
                out.line("Take previous_key out of pointsman.toml now.")?;
            }
            Ok(Exit::Ok)
        }
        StateCommand::Export(args) => export(loaded, args),
    }
}

/// Gives where keys are read, or the lines that say so.
fn places(loaded: &Loaded) -> Result<KeyPlaces, Failure> {
    key_places(loaded)?.ok_or_else(|| {
        Failure::new(Exit::Configuration, "no key is configured").help(
            "add [state.encryption] with a line such as key = { file = \"~/.config/pointsman/state.key\" } to \
             pointsman.toml, and make the key with `pointsman state new-key`",
        )
    })
}

/// Reads the key as often as it takes to know that it will be the same the next time, too: what is encrypted with a key
/// that nobody gives again is lost.
fn same_twice(places: &KeyPlaces) -> Result<StateKey, Failure> {
    let (first, second) = (places.key.read()?, places.key.read()?);
    if first == second {
        return Ok(first);
    }
    Err(Failure::error(format!("{} gives another key each time; nothing was changed", places.key)))
}

fn new_key(out: Out, loaded: &Loaded) -> Outcome {
    let places = places(loaded)?;
    let key = places.key.create()?;
    let (place, fingerprint) = (places.key.to_string(), key.fingerprint());
    if out.is_json() {
        out.json(&json!({ "key": place, "fingerprint": fingerprint }))?;
    } else {
        out.line(format!("A new key lies in {place}; its fingerprint is {fingerprint}."))?;
        out.line("Keep a copy elsewhere: without it nobody can read the state again.")?;
    }
    Ok(Exit::Ok)
}

fn show(
    what: &str,
    work: impl FnOnce(&mut dyn FnMut(Step)) -> Result<Migrated, StoreError>,
) -> Result<Migrated, Failure> {
    let progress = Progress::start(what);
    Ok(work(&mut |step| progress.now(format!("{what}: {} rows, {}", step.rows, step.table)))?)
}

fn told(out: Out, done: &Migrated, now: &str, folders: &[String]) -> Result<(), Failure> {
    let Migrated { rows, resumed, unchanged, .. } = *done;
    if out.is_json() {
        let mut told = json!({ "changed": !unchanged, "resumed": resumed, "rows": rows });
        if !folders.is_empty() {
            told["run_folders_in_clear"] = json!(folders);
        }
        return out.json(&told);
    }
    let went_on = if resumed { " It went on where it had been interrupted." } else { "" };
    out.line(if unchanged {
        format!("Nothing to do: the state is {now}.")
    } else {
        format!("{} The state is {now}; {rows} rows were written anew.{went_on}", out.paint().good("done:"))
    })
}

/// Gives run folders that were written while the state was not encrypted.
fn folders_in_clear(dir: &Path, key: &StateKey) -> Result<Vec<String>, Failure> {
    let cwds = Store::open_with(dir, Some(key))?.directories()?;
    let folders = cwds.into_iter().map(|cwd| Path::new(&cwd).join(run_folder::FOLDER));
    let there = folders.filter(|folder| folder.join("runs").is_dir());
    Ok(there.map(|folder| folder.display().to_string()).collect())
}

/// How the state lies, and how the configured key goes with it.
pub(in crate::commands) struct Standing {
    /// How it lies.
    pub(in crate::commands) stands: Stands,
    /// Where the key is read, and the key itself or why there is none.
    pub(in crate::commands) key: Option<(String, Result<StateKey, String>)>,
}

impl Standing {
    /// Looks at both. May ask a person, as the source of a key may.
    pub(in crate::commands) fn of(loaded: &Loaded, dir: &Path) -> Result<Self, Failure> {
        let stands = Stands::of(dir)?;
        let key = key_places(loaded)?
            .map(|places| (places.key.to_string(), places.key.read().map_err(|error| error.to_string())));
        Ok(Self { stands, key })
    }

    /// Says what is wrong, and what helps; nothing if a host can start.
    pub(in crate::commands) fn wrong(&self) -> Option<(String, String)> {
        let wrong = |what: String, help: &str| Some((what, help.to_owned()));
        match (&self.stands, &self.key) {
            (Stands::Half { phase, command, .. }, _) => wrong(
                format!("{phase} it was interrupted, or is at work; nothing is lost"),
                &format!("`pointsman state {command}` goes on where it stopped"),
            ),
            (_, Some((_, Err(why)))) => wrong(why.clone(), "put the key there, or configure where it is"),
            (Stands::Plain, Some(_)) => wrong(
                "a key is configured, and the state is in clear".to_owned(),
                "encrypt it with `pointsman state encrypt`, or take [state.encryption] out of pointsman.toml",
            ),
            (Stands::Encrypted { fingerprint, .. }, None) => wrong(
                format!("it is encrypted with the key {fingerprint}, and no key is configured"),
                "add [state.encryption] with its key to pointsman.toml",
            ),
            (Stands::Encrypted { fingerprint, .. }, Some((_, Ok(key))))
                if self.stands.fits(key) == Some(false) =>
            {
                wrong(
                    format!(
                        "it is encrypted with the key {fingerprint}, and the configured one is {}",
                        key.fingerprint()
                    ),
                    "configure the key that it takes; to change keys, name it as previous_key and run `pointsman state \
                     rekey`",
                )
            }
            _ => None,
        }
    }

    /// Says in a few words how it lies.
    pub(in crate::commands) fn words(&self) -> String {
        match &self.stands {
            Stands::Nothing => "not there yet; made with the first run".to_owned(),
            Stands::Plain => "in clear".to_owned(),
            Stands::Encrypted { fingerprint, data_key } => {
                format!("encrypted (key {fingerprint}, data key {data_key})")
            }
            Stands::Half { phase, fingerprint, .. } => format!("{phase}, unfinished (key {fingerprint})"),
        }
    }
}

fn info(out: Out, loaded: &Loaded, dir: &Path) -> Outcome {
    let standing = Standing::of(loaded, dir)?;
    let wrong = standing.wrong();
    let exit = if wrong.is_none() { Exit::Ok } else { Exit::Error };
    if out.is_json() {
        let (stands, takes) = match &standing.stands {
            Stands::Nothing => ("nothing", None),
            Stands::Plain => ("plain", None),
            Stands::Encrypted { fingerprint, .. } => ("encrypted", Some(fingerprint)),
            Stands::Half { phase, fingerprint, .. } => (*phase, Some(fingerprint)),
        };
        let key = standing.key.as_ref().map(|(place, key)| match key {
            Ok(key) => json!({ "from": place, "fingerprint": key.fingerprint() }),
            Err(why) => json!({ "from": place, "error": why }),
        });
        out.json(&json!({
            "state": dir, "payload": stands, "takes_key": takes, "configured_key": key, "ok": wrong.is_none(),
            "wrong": wrong.as_ref().map(|(what, _)| what), "help": wrong.as_ref().map(|(_, help)| help),
        }))?;
        return Ok(exit);
    }
    out.line(format!("state    {}", dir.display()))?;
    out.line(format!("payload  {}", standing.words()))?;
    out.line(match &standing.key {
        None => "key      none is configured".to_owned(),
        Some((place, Ok(key))) => format!("key      {} from {place}", key.fingerprint()),
        Some((place, Err(_))) => format!("key      none from {place}"),
    })?;
    if let Some((what, help)) = wrong {
        out.line(format!("{} {what}", out.paint().bad("wrong:")))?;
        out.line(format!("{} {help}", out.paint().bold("help:")))?;
    }
    Ok(exit)
}

fn export(loaded: &Loaded, args: ExportArgs) -> Outcome {
    let ExportArgs { run, cwd, sealed, output } = args;
    let state = State::open(loaded)?;
    let run = run.map(|run| state.run(&RunTarget { run, cwd })).transpose()?;
    let scope = ExportScope { run: run.map(|run| run.run_id), sealed };
    if sealed {
        admit_export(loaded, &state, scope.run)?;
    }
    let Some(path) = output else {
        let mut to = BufWriter::new(io::stdout().lock());
        let done = state.store.export(scope, &mut to).and_then(|()| Ok(to.flush()?));
        return match done {
            // Whoever reads has read enough.
            Err(ExportError::Write { source }) if source.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
            done => done.map(|()| Exit::Ok).map_err(Failure::from),
        };
    };
    let failed = |error| Failure::error(format!("{}: {error}", path.display()));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let mut to = BufWriter::new(file);
    state.store.export(scope, &mut to)?;
    to.into_inner().map_err(io::Error::from).and_then(|file| file.sync_all()).map_err(failed)?;
    Ok(Exit::Ok)
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Configuration, error)
            .help("[state.encryption] in pointsman.toml says where it is read")
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Store(error) => error.into(),
            other => Self::error(other),
        }
    }
}
