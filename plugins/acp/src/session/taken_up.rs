//! Sessions that are taken up by loading them: what has to be waited for.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::{Effects, Timestamp};

use super::Session;
use crate::adapter::End;
use crate::transcript::own_kind;

/// So long nothing must come before a history counts as told.
const QUIET_MS: u32 = 300;
/// Gemini names the file of a session by the minute in which it opens it.
const MINUTE_MS: u64 = 60_000;

impl Session {
    /// Says whether loading the session now would empty it: Gemini does so in the minute in which it was opened last.
    pub(super) fn must_not_load_yet(&self, at: Timestamp) -> bool {
        let opened = self.resume.as_ref().map_or(0, |resume| resume.opened_at);
        self.agent.info["name"] == "gemini-cli" && opened > 0 && opened / MINUTE_MS == at / MINUTE_MS
    }

    /// Says how long to wait before [`Session::go_on`], if there is something to wait for.
    pub(crate) fn pause_ms(&self, at: Timestamp) -> Option<u32> {
        if self.delayed.is_some() {
            // And a second, for clocks are not read at once.
            return u32::try_from(MINUTE_MS - at % MINUTE_MS + 1_000).ok();
        }
        self.loaded.is_some().then_some(QUIET_MS)
    }

    /// Goes on after a pause.
    pub(crate) fn go_on(&mut self, effects: &mut Effects) -> Option<End> {
        if let Some(step) = self.delayed.take() {
            self.go(step, effects);
            return None;
        }
        let result = self.loaded.take()?;
        if let Some(updates) = self.transcript.end_replay() {
            effects.emit(Draft::new(own_kind("history_skipped")).field("updates", updates));
        }
        self.opened(result, effects).err()
    }
}
