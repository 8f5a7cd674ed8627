//! The chain of policy modules: loaded when it is first asked, and read again when the operator changes a file of it.
//!
//! Files are looked at before every question, which costs a microsecond each: so what is in force for the next question is
//! what stands there. A file that cannot be read, or that its module does not take, changes nothing: the rules that were
//! in force stay, and the log, `pointsman doctor` and every explanation say so.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pointsman_model::{Digest, Matched, Question, Ruling};
use pointsman_sandbox::{CallError, PolicyLoadError, PolicyModule, Rulebook, Sandbox};

use crate::plugins::{bytes, failed};
use crate::settings::{ComponentSource, OnFailure};
use crate::{Error, PolicySettings};

/// A file that was written less than this ago may not be whole yet.
const SETTLES: Duration = Duration::from_millis(20);
/// Looks at a file that somebody keeps writing to.
const LOOKS: u32 = 10;

/// The chain as it is in force.
#[derive(Default)]
pub(crate) struct Policies(Mutex<Option<Arc<[Arc<Loaded>]>>>);

/// A module that has read its rules.
pub(crate) struct Loaded {
    pub(crate) name: String,
    pub(crate) on_failure: OnFailure,
    /// The digests of its component and of the text that it judges by.
    pub(crate) component: Digest,
    pub(crate) config: Arc<str>,
    /// The file that the text was read from, if it was.
    pub(crate) file: Option<PathBuf>,
    /// Why what stands in its files now is not in force.
    pub(crate) stale: Option<String>,
    pub(crate) loaded_at: SystemTime,
    module: PolicyModule,
    rulebook: Rulebook,
    /// What its files looked like when they were last read.
    rules_then: Option<Look>,
    component_then: Option<Look>,
}

/// What a file looks like without being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    changed: SystemTime,
    size: u64,
}

impl Look {
    fn at(path: &Path) -> Option<Self> {
        let about = path.metadata().ok()?;
        Some(Self { changed: about.modified().ok()?, size: about.len() })
    }

    /// Reads a file when nobody has written to it for a moment: half of a set of rules may well be one, and a laxer one.
    fn and_read(path: &Path) -> std::io::Result<(Option<Self>, Vec<u8>)> {
        let mut looks = 0;
        loop {
            let before = Self::at(path);
            let fresh = before.is_some_and(|look| look.changed.elapsed().is_ok_and(|age| age < SETTLES));
            if fresh && looks < LOOKS {
                looks += 1;
                std::thread::sleep(SETTLES);
                continue;
            }
            let content = std::fs::read(path)?;
            if Self::at(path) == before || looks >= LOOKS {
                return Ok((before, content));
            }
            looks += 1;
        }
    }
}

impl Loaded {
    pub(crate) fn decide(&self, question: &Question) -> Result<Ruling, CallError> {
        self.rulebook.decide(question)
    }

    pub(crate) fn explain(&self, question: &Question) -> Result<Vec<Matched>, CallError> {
        self.rulebook.explain(question)
    }

    /// Reads what the operator configured.
    fn first(settings: &PolicySettings, sandbox: &Sandbox) -> Result<Self, Error> {
        let name = &settings.name;
        let component_then = component_file(settings).and_then(Look::at);
        let bytes = bytes(name, &settings.component)?;
        let module = sandbox.load_policy(name, &bytes).map_err(|error| failed(name, &error))?;
        let rulebook = module.load(&settings.config).map_err(|error| match error {
            PolicyLoadError::Findings { findings, .. } => Error::Rules {
                name: name.clone(),
                findings: findings.iter().map(ToString::to_string).collect(),
            },
            error => failed(name, &error),
        })?;
        Ok(Self {
            name: name.clone(),
            on_failure: settings.on_failure,
            component: module.digest(),
            config: settings.config.as_str().into(),
            file: settings.file.clone(),
            stale: None,
            loaded_at: SystemTime::now(),
            module,
            rulebook,
            // The text was read with the configuration; whatever stands in the file now is compared with it.
            rules_then: None,
            component_then,
        })
    }

    /// Gives the module as its files have it now, if they have changed. `None` if nothing has.
    fn again(&self, settings: &PolicySettings, sandbox: &Sandbox) -> Option<Self> {
        let rules_now = self.file.as_deref().and_then(Look::at);
        let component_now = component_file(settings).and_then(Look::at);
        if rules_now == self.rules_then && component_now == self.component_then {
            return None;
        }
        let mut next = Self {
            name: self.name.clone(),
            config: Arc::clone(&self.config),
            file: self.file.clone(),
            stale: None,
            module: self.module.clone(),
            rulebook: self.rulebook.clone(),
            rules_then: rules_now,
            component_then: component_now,
            ..*self
        };
        match next.read_again(settings, sandbox) {
            Ok(changed) => {
                if changed {
                    next.loaded_at = SystemTime::now();
                    tracing::info!(policy = self.name, "changed rules are in force");
                }
            }
            Err(why) => {
                tracing::warn!(
                    policy = self.name,
                    why,
                    "changed rules are not taken: those that were in force stay"
                );
                next.stale = Some(why);
            }
        }
        Some(next)
    }

    /// Says whether its files look otherwise than when they were last read.
    pub(crate) fn has_changed(&self, settings: &PolicySettings) -> bool {
        self.file.as_deref().and_then(Look::at) != self.rules_then
            || component_file(settings).and_then(Look::at) != self.component_then
    }

    /// Takes up what stands in the files; says whether that is something else than before.
    fn read_again(&mut self, settings: &PolicySettings, sandbox: &Sandbox) -> Result<bool, String> {
        let text = match &self.file {
            Some(path) => {
                let unreadable = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
                let (look, content) = Look::and_read(path).map_err(unreadable)?;
                self.rules_then = look;
                let text = String::from_utf8(content);
                Arc::from(text.map_err(|error| format!("{} is no text: {error}", path.display()))?)
            }
            None => Arc::clone(&self.config),
        };
        let component = match component_file(settings) {
            Some(path) => {
                let unreadable =
                    |error: std::io::Error| format!("cannot read component {}: {error}", path.display());
                let (look, content) = Look::and_read(path).map_err(unreadable)?;
                self.component_then = look;
                (Digest::of(&content) != self.component).then_some(content)
            }
            None => None,
        };
        if component.is_none() && text == self.config {
            return Ok(false);
        }
        let module = match component {
            Some(bytes) => sandbox.load_policy(&self.name, &bytes).map_err(|error| said(&error))?,
            None => self.module.clone(),
        };
        let rulebook = module.load(&text).map_err(|error| said(&error))?;
        self.component = module.digest();
        (self.module, self.rulebook, self.config) = (module, rulebook, text);
        Ok(true)
    }

    /// Says at which line of its text a rule stands, if it is written as `bundled:rules` has it.
    pub(crate) fn line_of(&self, rule: &str) -> Option<usize> {
        let is = |line: &str| {
            let value = line.trim_start().strip_prefix("id")?.trim_start().strip_prefix('=')?.trim_start();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            Some(value[1..].split(quote).next()? == rule)
        };
        let at = |found: &dyn Fn(&str) -> bool| self.config.lines().position(found).map(|at| at + 1);
        if let Some(action) = rule.strip_prefix("default.") {
            // `[default]` with its keys below it, or all in one line.
            let table = self.config.lines().position(|line| line.trim() == "[default]");
            let key = |line: &str| {
                line.trim_start().strip_prefix(action).is_some_and(|rest| rest.trim_start().starts_with('='))
            };
            return match table {
                Some(table) => {
                    let below = self.config.lines().skip(table).position(key);
                    Some(table + below.unwrap_or_default() + 1)
                }
                None => at(&|line| line.trim_start().starts_with("default")),
            };
        }
        at(&|line| is(line) == Some(true))
    }
}

fn component_file(settings: &PolicySettings) -> Option<&Path> {
    match &settings.component {
        ComponentSource::File(path) => Some(path),
        ComponentSource::Bundled(_) => None,
    }
}

fn said(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message.push_str(": ");
        message.push_str(&cause.to_string());
        source = cause.source();
    }
    message
}

impl Policies {
    /// Gives the chain as it was when it was last asked, and looks at no file; `None` if it never was.
    pub(crate) fn held(&self) -> Option<Arc<[Arc<Loaded>]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the chain as it is in force now; loads it the first time. `taken` is told of rules that were read anew. Blocks.
    ///
    /// # Errors
    ///
    /// If a module was never loaded and cannot be. A failure is not kept.
    pub(crate) fn get(
        &self,
        settings: &[PolicySettings],
        sandbox: impl FnOnce(&str) -> Result<Arc<Sandbox>, Error>,
        taken: impl Fn(&Loaded),
    ) -> Result<Arc<[Arc<Loaded>]>, Error> {
        let Some(first) = settings.first() else { return Ok(Arc::new([])) };
        // It is only ever set as a whole, so a panic while it was made leaves it sound. Whoever asks while files are
        // read waits: what is asked after a change is judged by it.
        let mut chain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sandbox = sandbox(&first.name)?;
        let mut loaded: Vec<Arc<Loaded>> = match &*chain {
            Some(chain) => chain.to_vec(),
            None => settings
                .iter()
                .map(|settings| Loaded::first(settings, &sandbox).map(Arc::new))
                .collect::<Result<_, _>>()?,
        };
        let mut changed = chain.is_none();
        for (module, settings) in loaded.iter_mut().zip(settings) {
            if let Some(next) = module.again(settings, &sandbox) {
                if (next.component, &next.config) != (module.component, &module.config) {
                    taken(&next);
                }
                *module = Arc::new(next);
                changed = true;
            }
        }
        match &*chain {
            Some(known) if !changed => Ok(Arc::clone(known)),
            _ => Ok(Arc::clone(chain.insert(loaded.into()))),
        }
    }
}
