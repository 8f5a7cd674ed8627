//! Why a ruling is what it is: what every module says of a question, and every rule of it that matches.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pointsman_kernel::Entry;
use pointsman_model::{ApprovalId, Digest, Matched, Question, Ruling, RunId, Timestamp, Verdict};
use pointsman_store::Store;
use serde::{Deserialize, Serialize};

use crate::journal::entries_of;
use crate::judge::{failed, hinted};
use crate::plugins::Plugins;
use crate::policies::Loaded;
use crate::{Error, Host, Settings};

/// The operator's policies, without a host: for the command line.
pub struct PolicyChain(Plugins);

/// Why a ruling is what it is.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// What holds: the strictest of all.
    pub ruling: Ruling,
    /// What each module says, in their order.
    pub modules: Vec<Said>,
    /// What was asked.
    pub question: Question,
}

/// What one module says.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// The module, and what it judges by.
    #[serde(flatten)]
    pub state: PolicyState,
    /// Whether its word is the one that holds.
    pub decides: bool,
    /// Its ruling; if it failed, what its failure counts as.
    pub ruling: Ruling,
    /// How it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What every rule that matches says, in the module's order.
    pub matched: Vec<RuleSaid>,
}

/// What one rule says.
#[derive(Debug, Clone, Serialize)]
pub struct RuleSaid {
    /// What it says.
    #[serde(flatten)]
    pub matched: Matched,
    /// Where it stands in the module's text, if that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// A module as it is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyState {
    /// Its name.
    pub module: String,
    /// The digest of its component.
    pub component: Digest,
    /// The digest of the text that it judges by.
    pub rules: Digest,
    /// The file that the text was read from, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Since when it is in force, in this process.
    pub loaded_at: Timestamp,
    /// Why what stands in its files now is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// Whether its files have changed since they were last looked at: they are read when the next question comes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unread: bool,
}

impl PolicyChain {
    /// Gives the policies of these settings. Loads nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Plugins::new(Arc::new(settings)))
    }

    /// Gives every module as it is in force now. Blocks.
    ///
    /// # Errors
    ///
    /// If one cannot be loaded, or does not take its rules.
    pub fn modules(&self) -> Result<Vec<PolicyState>, Error> {
        Ok(self.0.policies()?.iter().map(|module| PolicyState::of(module)).collect())
    }

    /// Explains how a question is judged now. Blocks.
    ///
    /// # Errors
    ///
    /// If a module cannot be loaded, or does not take its rules.
    pub fn explain(&self, question: Question) -> Result<Explanation, Error> {
        explain(&self.0, question)
    }
}

impl PolicyState {
    fn of(module: &Loaded) -> Self {
        let since = module.loaded_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            module: module.name.clone(),
            component: module.component,
            rules: Digest::of(module.config.as_bytes()),
            file: module.file.clone(),
            loaded_at: Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            stale: module.stale.clone(),
            unread: false,
        }
    }
}

impl Host {
    /// Gives the policies that this host judges by, as they were at its last question; `None` if it was asked none yet. Reads
    /// nothing anew: what has changed since says so. Blocks.
    #[must_use]
    pub fn held_policies(&self) -> Option<Vec<PolicyState>> {
        let held = self.parts.plugins.held_policies()?;
        let state =
            |(module, unread): (Arc<Loaded>, bool)| PolicyState { unread, ..PolicyState::of(&module) };
        Some(held.into_iter().map(state).collect())
    }
}

/// Asks every module for its word and for its reasons. Blocks.
pub(crate) fn explain(plugins: &Plugins, question: Question) -> Result<Explanation, Error> {
    let mut modules: Vec<Said> = plugins.policies()?.iter().map(|module| said(module, &question)).collect();
    let ruling = hinted(Ruling::compose(modules.iter().map(|said| said.ruling.clone())), &question);
    let deciding = modules.iter_mut().find(|said| {
        said.ruling.verdict == ruling.verdict
            && said.ruling.module == ruling.module
            && ruling.verdict != Verdict::Abstain
    });
    if let Some(said) = deciding {
        said.decides = true;
    }
    Ok(Explanation { ruling, modules, question })
}

fn said(module: &Loaded, question: &Question) -> Said {
    let (ruling, failure) = match module.decide(question) {
        Ok(ruling) => (ruling, None),
        Err(error) => {
            let why = error.to_string();
            (failed(&module.name, &why, module.on_failure), Some(why))
        }
    };
    // A module that explains nothing is not worth less: its ruling is what counts.
    let matched = module.explain(question).unwrap_or_default();
    let matched = matched
        .into_iter()
        .map(|matched| RuleSaid { line: module.line_of(&matched.rule), matched })
        .collect();
    Said { state: PolicyState::of(module), decides: false, ruling, failure, matched }
}

/// A question that the policies were asked about a run, word for word.
#[derive(Debug, Clone, Serialize)]
pub struct PastQuestion {
    /// The question.
    pub question: Question,
    /// What they said then, as far as it was kept: of a question to a person it stands with that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruling: Option<Ruling>,
    /// The question to a person that came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
}

/// Gives the questions that the policies were asked about a run and that were kept: the one about its launch, and those
/// that a person was asked. Blocks.
///
/// # Errors
///
/// If the state cannot be read.
pub fn past_questions(store: &Store, run: RunId) -> Result<Vec<PastQuestion>, Error> {
    let mut past: Vec<PastQuestion> = Vec::new();
    for entry in entries_of(&store.entries(run)?)
        .map_err(|error| Error::Store(format!("journal of run {run}: {error}")))?
    {
        match entry {
            Entry::Ruled { ruling, question: Some(question), .. } => {
                past.push(PastQuestion { question: *question, ruling: Some(ruling), approval_id: None });
            }
            Entry::Asked { approval, question: Some(question), .. } => past.push(PastQuestion {
                question: *question,
                ruling: None,
                approval_id: Some(approval.approval_id),
            }),
            // A launch that a person was asked about was judged right before.
            Entry::Asked { approval, question: None, .. } => {
                if let Some(launch) = past.last_mut().filter(|it| it.question.action == approval.action) {
                    launch.approval_id = Some(approval.approval_id);
                }
            }
            _ => {}
        }
    }
    Ok(past)
}
