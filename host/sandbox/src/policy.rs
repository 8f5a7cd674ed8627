//! Policies: instances that have read the configuration and are kept warm.

use std::sync::{Arc, Mutex, PoisonError};

use pointsman_model::plugin::Description;
use pointsman_model::{Digest, Matched, Question, Ruling, Timestamp};

use wasmtime::Store;

use crate::face;
use crate::guest::{Cell, Guest};
use crate::intake::Fault;
use crate::sandbox::Loaded;
use crate::{CallError, Cause, FIXED_SEED, GuestFailure, PolicyLoadError};

/// How many warm instances are kept: as many questions as are commonly asked at the same time.
const WARM: usize = 4;

/// A loaded policy module. Cheap to clone.
#[derive(Clone)]
pub struct PolicyModule(pub(crate) Arc<Loaded<face::Policy>>);

/// A policy with its configuration. Cheap to clone.
#[derive(Clone)]
pub struct Rulebook(Arc<Shelf>);

struct Shelf {
    module: Arc<Loaded<face::Policy>>,
    config: String,
    /// Instances that nobody uses now. A question takes one down or makes one, so that no question waits for another
    /// one's guest; an instance that failed is not put back.
    warm: Mutex<Vec<Reader>>,
}

/// An instance that has read the configuration.
struct Reader {
    cell: Cell,
    rulebook: face::Rulebook,
}

impl PolicyModule {
    /// Gives the name it was loaded under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.plugin.name
    }

    /// Gives what it says of itself.
    #[must_use]
    pub fn about(&self) -> &Description {
        &self.0.about
    }

    /// Gives the digest of its component.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// What the policy finds wrong with it, or how it failed.
    pub fn load(&self, config: &str) -> Result<Rulebook, PolicyLoadError> {
        let first = read(&self.0, config)?;
        Ok(Rulebook(Arc::new(Shelf {
            module: Arc::clone(&self.0),
            config: config.to_owned(),
            warm: Mutex::new(vec![first]),
        })))
    }
}

fn read(module: &Arc<Loaded<face::Policy>>, config: &str) -> Result<Reader, PolicyLoadError> {
    const EXPORT: &str = "rulebook.load";
    let at = Timestamp::from_millis(0);
    let (mut cell, instance) = module.plugin.instantiate(at, FIXED_SEED)?;
    let answer =
        cell.call(EXPORT, at, |store| module.face.load(store, &instance, config, &module.plugin.limits));
    match answer {
        Ok(Ok(rulebook)) => Ok(Reader { cell, rulebook }),
        Ok(Err(findings)) => Err(PolicyLoadError::Findings { module: module.plugin.name.clone(), findings }),
        Err(CallError::Guest(failure)) => Err(failure.into()),
        Err(error) => Err(malformed(module, EXPORT, error.to_string()).into()),
    }
}

fn malformed(module: &Loaded<face::Policy>, export: &'static str, what: String) -> GuestFailure {
    GuestFailure { plugin: module.plugin.name.clone(), export, cause: Cause::Malformed { what } }
}

impl Rulebook {
    /// Gives the name of the policy's module.
    #[must_use]
    pub fn module(&self) -> &str {
        &self.0.module.plugin.name
    }

    /// Judges a question. `module` of the ruling is the name that the policy was loaded under.
    ///
    /// # Errors
    ///
    /// If the policy returns an error or fails. The caller never takes that as an allowance; the next question gets
    /// another instance.
    pub fn decide(&self, question: &Question) -> Result<Ruling, CallError> {
        self.ask("rulebook.decide", question.at, |rulebook, store| {
            rulebook.decide(store, question, self.module())
        })
    }

    /// Says what every rule that matches a question says, in the module's order.
    ///
    /// # Errors
    ///
    /// If the policy returns an error or fails.
    pub fn explain(&self, question: &Question) -> Result<Vec<Matched>, CallError> {
        let limits = &self.0.module.plugin.limits;
        self.ask("rulebook.explain", question.at, |rulebook, store| rulebook.explain(store, question, limits))
    }

    /// Asks an instance that nobody uses now.
    fn ask<T>(
        &self,
        export: &'static str,
        at: Timestamp,
        question: impl FnOnce(&face::Rulebook, &mut Store<Guest>) -> Result<T, Fault>,
    ) -> Result<T, CallError> {
        let shelf = &*self.0;
        let taken = shelf.warm().pop();
        let mut copy = match taken {
            Some(copy) => copy,
            None => read(&shelf.module, &shelf.config).map_err(|error| match error {
                PolicyLoadError::Guest(failure) => failure,
                // It took this configuration before, and the same inputs give the same outputs.
                error @ PolicyLoadError::Findings { .. } => {
                    malformed(&shelf.module, export, error.to_string())
                }
            })?,
        };
        let rulebook = &copy.rulebook;
        let answer = copy.cell.call(export, at, |store| question(rulebook, store));
        if !matches!(answer, Err(CallError::Guest(_))) {
            let mut warm = shelf.warm();
            if warm.len() < WARM {
                warm.push(copy);
            }
        }
        answer
    }
}

impl Shelf {
    fn warm(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for PolicyModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PolicyModule").field(&self.name()).finish()
    }
}

impl std::fmt::Debug for Rulebook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Rulebook").field(&self.module()).finish()
    }
}
