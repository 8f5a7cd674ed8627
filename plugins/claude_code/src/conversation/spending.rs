//! What the run has used, told as it grows.

use pointsman_sdk::Draft;
use pointsman_sdk::backend::Effects;
use pointsman_sdk::types::Usage;

use super::Conversation;

impl Conversation {
    /// Gives what the run has used.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.meanwhile.after(self.used.map(|used| used.since(self.before)))
    }

    /// Tells what the run has used, if that is more than nothing and news.
    pub(super) fn tell_usage(&mut self, effects: &mut Effects) {
        let Some(used) = self.usage() else { return };
        let nothing =
            used.input_tokens == 0 && used.output_tokens == 0 && used.cost_micro_usd.unwrap_or(0) == 0;
        if !nothing && self.told != Some(used) {
            effects.emit(Draft::usage(&used));
            self.told = Some(used);
        }
    }
}
