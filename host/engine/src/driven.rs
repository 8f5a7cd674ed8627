//! The runs that this process drives, and how to reach the tasks that own them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pointsman_model::{RunId, Spent};
use tokio::sync::{mpsc, watch};

use crate::order::Order;

/// How to reach the task that owns a run.
#[derive(Clone)]
pub(crate) struct Driven {
    pub(crate) orders: mpsc::Sender<Order>,
    /// Closes when the run is over and everything of it is written.
    pub(crate) over: watch::Receiver<()>,
    /// What it has used so far.
    pub(crate) spent: Arc<Mutex<Spent>>,
}

impl Driven {
    /// Gives what it has used so far.
    pub(crate) fn spent(&self) -> Spent {
        *self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runs that this process drives. Cheap to clone, and of nothing else of the host: a clone may go to the thread that
/// writes the state.
#[derive(Clone, Default)]
pub(crate) struct Drivers {
    runs: Arc<Mutex<HashMap<RunId, Driven>>>,
}

impl Drivers {
    /// Gives the task that owns a run, if it is this process's.
    pub(crate) fn get(&self, run: RunId) -> Option<Driven> {
        self.lock().get(&run).cloned()
    }

    /// Counts them.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// A run is driven from now on.
    pub(crate) fn begin(&self, run: RunId, driven: Driven) {
        self.lock().insert(run, driven);
    }

    /// A run is driven no longer.
    pub(crate) fn end(&self, run: RunId) {
        self.lock().remove(&run);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Driven>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
