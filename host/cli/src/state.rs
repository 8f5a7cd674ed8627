//! The state as the command line reads it: the journal itself, whether or not a host is alive.

use std::path::PathBuf;

use pointsman_model::{Approval, ApprovalId, HostId, RunId, RunRecord};
use pointsman_store::{Resolution, RunFilter, Store, StoreError};

use crate::args::RunTarget;
use crate::config::{Loaded, state_key};
use crate::failure::Failure;

/// How many of the newest runs or questions are looked through for the beginning of an id.
const LOOKED_THROUGH: u32 = 1000;

/// The journal of one state folder.
#[derive(Debug)]
pub(crate) struct State {
    /// The folder.
    pub(crate) dir: PathBuf,
    /// The journal.
    pub(crate) store: Store,
}

impl State {
    /// Opens the state that the configuration names.
    pub(crate) fn open(loaded: &Loaded) -> Result<Self, Failure> {
        let dir = loaded.state_dir()?;
        let store = Store::open_with(&dir, state_key(loaded)?.as_ref())?;
        Ok(Self { dir, store })
    }

    /// Finds a run by its id, the beginning of it, or the name of an agent.
    pub(crate) fn run(&self, target: &RunTarget) -> Result<RunRecord, Failure> {
        let text = target.run.as_str();
        if let Ok(id) = text.parse::<RunId>() {
            return self.run_by_id(id);
        }
        let cwd = target.cwd.as_deref().map(real_path).transpose()?;
        match self.store.resolve(text, cwd.as_deref())? {
            Resolution::One(record) => return Ok(*record),
            Resolution::NoRuns => return Err(Failure::not_found(format!("agent {text:?} has no runs"))),
            Resolution::Ambiguous { cwds } => {
                return Err(Failure::error(format!("agents of several directories are called {text:?}"))
                    .help(format!("add --cwd with one of {}", cwds.join(", "))));
            }
            Resolution::None => {}
        }
        let newest = self.store.list_runs(&RunFilter::default(), None, LOOKED_THROUGH)?.runs;
        let found = newest.into_iter().filter(|run| begins(&run.run_id, text)).collect();
        one(found, "run", text, "pointsman runs list")
    }

    /// Finds a run by its id.
    pub(crate) fn run_by_id(&self, id: RunId) -> Result<RunRecord, Failure> {
        self.store.run(id)?.ok_or_else(|| unknown("run", &id.to_string(), "pointsman runs list"))
    }

    /// Finds a question by its id or the beginning of it.
    pub(crate) fn approval(&self, text: &str) -> Result<Approval, Failure> {
        const LISTING: &str = "pointsman approvals list --all";
        if let Ok(id) = text.parse::<ApprovalId>() {
            return self.store.approval(id)?.ok_or_else(|| unknown("approval", text, LISTING));
        }
        let newest = self.store.approvals(None, LOOKED_THROUGH)?;
        let found = newest.into_iter().filter(|approval| begins(&approval.approval_id, text)).collect();
        one(found, "approval", text, LISTING)
    }

    /// Gives the host that drives a run, if that host is alive.
    pub(crate) fn living_owner(&self, run: RunId) -> Result<Option<HostId>, Failure> {
        let owner = self.store.owner(run)?;
        Ok(self.store.is_alive(owner)?.then_some(owner))
    }
}

/// Gives a directory as runs know it: absolute and without symbolic links.
pub(crate) fn real_path(path: &std::path::Path) -> Result<String, Failure> {
    let real = path.canonicalize().map_err(|error| Failure::error(format!("{}: {error}", path.display())))?;
    real.into_os_string()
        .into_string()
        .map_err(|path| Failure::error(format!("{}: not a path in UTF-8", path.display())))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::NoKey { .. } | StoreError::WrongKey { .. } => {
                "`pointsman state info` shows which key the state takes, and which one is configured"
            }
            _ => "`pointsman doctor` looks at the state folder",
        };
        Self::error(error).help(help)
    }
}

/// Says whether an id begins with a text of at least four characters: fewer would be a guess.
fn begins(id: &impl ToString, text: &str) -> bool {
    text.len() >= 4 && id.to_string().starts_with(&text.to_ascii_lowercase())
}

fn one<T>(mut found: Vec<T>, what: &str, text: &str, listing: &str) -> Result<T, Failure> {
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(Failure::error(format!("{} {what}s begin with {text:?}", more + 1))
            .help("write more characters of the id")),
        (None, _) => Err(unknown(what, text, listing)),
    }
}

fn unknown(what: &str, text: &str, listing: &str) -> Failure {
    Failure::not_found(format!("no {what} {text:?}")).help(format!("`{listing}` shows what there is"))
}
