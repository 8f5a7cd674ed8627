//! Sanitizers: a fresh instance for each batch of events.

use std::sync::Arc;

use pointsman_model::plugin::{Description, Sanitized};
use pointsman_model::{Digest, Timestamp};
use serde_json::{Map, Value};

use crate::face;
use crate::sandbox::Loaded;
use crate::{CallError, FIXED_SEED};

/// An event on its way through the sanitizers.
#[derive(Debug, Clone, Copy)]
pub struct EventRef<'a> {
    /// Its kind.
    pub kind: &'a str,
    /// What it is paired by.
    pub item: Option<&'a str>,
    /// Its content.
    pub data: &'a Map<String, Value>,
}

/// A loaded sanitizer. Cheap to clone.
#[derive(Clone)]
pub struct SanitizerPlugin(pub(crate) Arc<Loaded<face::Sanitizer>>);

impl SanitizerPlugin {
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

    /// Judges events. The answer has one outcome for each, in their order; what they carry is within bounds, and every
    /// artifact's pointer leads to something in the event that was handed over.
    ///
    /// Each call gets an instance of its own, so that nothing of one run's events can find its way into another's.
    ///
    /// # Errors
    ///
    /// If the plugin returns an error or fails. The caller withholds the data of these events.
    pub fn sanitize(
        &self,
        config: &str,
        events: &[EventRef<'_>],
        at: Timestamp,
    ) -> Result<Vec<Sanitized>, CallError> {
        let loaded = &self.0;
        let (mut cell, instance) = loaded.plugin.instantiate(at, FIXED_SEED)?;
        cell.call("sanitize", at, |store| {
            loaded.face.sanitize(store, &instance, config, events, &loaded.plugin.limits)
        })
    }
}

impl std::fmt::Debug for SanitizerPlugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SanitizerPlugin").field(&self.name()).finish()
    }
}
