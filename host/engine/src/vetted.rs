//! What the operator wrote for sanitizers and policies, read when a host starts: a mistake in it stops the start, and is
//! not found by the first event.
//!
//! What was read once is known by the digest of component and text, and what ships was read by its own tests. So a host
//! with nothing new to read starts without loading anything.

use std::path::{Path, PathBuf};

use pointsman_model::Digest;

use crate::Error;
use crate::plugins::{Plugins, bytes};
use crate::policies::Loaded;
use crate::settings::ComponentSource;

/// Folder of the marks of rules. Older hosts know it by this name.
const RULES: &str = "rules-read";
/// Folder of the marks of sanitizers' configurations.
const SANITIZERS: &str = "sanitizers-read";

/// What is to be read.
struct Text<'a> {
    name: &'a str,
    component: &'a ComponentSource,
    text: String,
}

impl Plugins {
    /// Reads what no earlier start has read.
    pub(crate) fn vet(&self) -> Result<(), Error> {
        let settings = self.settings();
        let rules = settings.policies.iter().filter(|policy| !policy.vetted).map(|policy| Text {
            name: &policy.name,
            component: &policy.component,
            text: policy.config.clone(),
        });
        self.read_once(RULES, rules, || self.policies().map(|_| ()))?;
        let sanitizers =
            settings.sanitizers.iter().filter(|sanitizer| !sanitizer.vetted).map(|sanitizer| Text {
                name: &sanitizer.name,
                component: &sanitizer.component,
                text: sanitizer.config.to_string(),
            });
        self.read_once(SANITIZERS, sanitizers, || self.sanitizers().map(|_| ()))
    }

    fn read_once<'a>(
        &self,
        folder: &str,
        texts: impl Iterator<Item = Text<'a>>,
        read: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        let known = self.settings().state.join(folder);
        let mut fresh: Vec<PathBuf> = Vec::new();
        for Text { name, component, text } in texts {
            let component = Digest::of(&bytes(name, component)?);
            let mark = known.join(name_of(component, &text));
            if !mark.exists() {
                fresh.push(mark);
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        read()?;
        mark(&known, &fresh);
        Ok(())
    }

    /// Notes that rules were read anew while the host runs, and taken: the next start need not read them.
    pub(crate) fn mark_read(&self, module: &Loaded) {
        let state = &self.settings().state;
        // The command line looks at rules, too, perhaps where there is no state.
        if state.is_dir() {
            let known = state.join(RULES);
            mark(&known, &[known.join(name_of(module.component, &module.config))]);
        }
    }
}

fn name_of(component: Digest, text: &str) -> String {
    Digest::of(format!("{component}\n{text}").as_bytes()).to_hex()
}

/// A mark that cannot be set costs the next start some time and nothing else.
fn mark(folder: &Path, marks: &[PathBuf]) {
    let set = std::fs::create_dir_all(folder)
        .and_then(|()| marks.iter().try_for_each(|mark| std::fs::write(mark, "")));
    if let Err(error) = set {
        tracing::warn!(%error, folder = %folder.display(), "what was read cannot be marked as read");
    }
}
