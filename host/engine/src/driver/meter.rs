//! How long a run works, and what it has used.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pointsman_kernel::Level;
use pointsman_model::plugin::PluginEvent;
use pointsman_model::{EventKind, Limit, Spent, Usage};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Driver;
use crate::journal::JournalError;

/// Counts the time that a run works. While it waits for a person, or for its user, nothing is counted.
pub(super) struct Meter {
    worked: Duration,
    since: Option<Instant>,
    /// What others may read.
    spent: Arc<Mutex<Spent>>,
    /// Usage of the turns before this one.
    before: Option<Usage>,
    /// Usage of this turn, as far as its plugin has told.
    turn: Option<Usage>,
    /// What was warned of already.
    warned: BTreeSet<Limit>,
}

impl Meter {
    pub(super) fn new(spent: Arc<Mutex<Spent>>) -> Self {
        let (worked, since, before, turn, warned) = Default::default();
        Self { worked, since, spent, before, turn, warned }
    }

    /// Goes on or stops counting.
    pub(super) fn turn(&mut self, works: bool) {
        let now = Instant::now();
        if let Some(since) = self.since.take() {
            self.worked += now.saturating_duration_since(since);
        }
        self.since = works.then_some(now);
        let seconds = self.worked.as_secs();
        self.spend(|spent| spent.seconds = seconds);
    }

    /// Gives when the run will have worked so long; `None` while it does not.
    pub(super) fn when(&self, worked: Duration) -> Option<Instant> {
        Some(self.since? + worked.saturating_sub(self.worked))
    }

    /// Takes what this turn has used by now; gives what the whole run has.
    fn used(&mut self, usage: Usage) -> Usage {
        let turn = self.turn.map_or(usage, |known| known.then(usage));
        self.turn = Some(turn);
        let total = self.before.map_or(turn, |before| before.plus(turn));
        let told = Spent::of(Some(total), 0);
        self.spend(|spent| {
            spent.tokens = spent.tokens.max(told.tokens);
            spent.cost_micro_usd = spent.cost_micro_usd.max(told.cost_micro_usd);
        });
        total
    }

    /// Ends a turn, of which its outcome says the last word, or nothing; gives what the whole run has used. Another turn
    /// may follow.
    pub(super) fn settle(&mut self, outcome: Option<Usage>) -> Option<Usage> {
        if let Some(last) = outcome {
            let cost = last.cost_micro_usd.or(self.turn.and_then(|turn| turn.cost_micro_usd));
            let last = Usage { cost_micro_usd: cost, ..last };
            self.used(last);
            // What was told meanwhile may have been an estimate.
            self.turn = Some(last);
        }
        if let Some(turn) = self.turn.take() {
            self.before = Some(self.before.map_or(turn, |before| before.plus(turn)));
        }
        self.before
    }

    fn spend(&self, take: impl FnOnce(&mut Spent)) {
        take(&mut self.spent.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Driver {
    /// Takes what an event says of the run's usage, and looks at the budgets that the run draws from. A plugin counts from
    /// its own start; the event is made to say what the whole run has used.
    pub(super) fn metered(&mut self, event: &mut PluginEvent) {
        let Some(usage) = Usage::of_event(&event.data) else { return };
        self.meter.used(usage).into_event(&mut event.data);
        let (parts, run) = (Arc::clone(&self.parts), self.journal.run().record().run_id);
        // Not waited for: an order that comes of it is taken by this very task.
        tokio::spawn(async move {
            if let Err(error) = parts.check_accounts(run).await {
                tracing::error!(%run, %error, "budgets could not be looked at");
            }
        });
    }

    /// Tells once that a limit is nearly used up.
    pub(super) async fn warn(&mut self, level: Level) -> Result<(), JournalError> {
        if !self.meter.warned.insert(level.limit) {
            return Ok(());
        }
        let Level { limit, used, most } = level;
        let text = format!("{} of {} are used", limit.amount(used), limit.amount(most));
        let data = json!({ "limit": limit, "used": used, "most": most, "text": text });
        let Value::Object(data) = data else { return Ok(()) };
        let kind = EventKind::BUDGET_WARNING;
        let event = PluginEvent { kind: kind.as_str().to_owned(), item: None, data };
        self.tell(&mut vec![(kind, event)]).await
    }

    /// Gives the moment at which the run's time is nearly up, or up, and what is to be said of it then.
    pub(super) fn time_is_up(&self) -> Option<(Instant, Level)> {
        let most = self.journal.run().spec().budget.wall_seconds?;
        let limit = Limit::WallTime;
        let soft = Duration::from_secs(most).mul_f64(self.parts.settings.budgets.soft.clamp(0.0, 1.0));
        let (at, used) = if self.meter.warned.contains(&limit) {
            (Duration::from_secs(most), most)
        } else {
            (soft, soft.as_secs())
        };
        Some((self.meter.when(at)?, Level { limit, used, most }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_is_no_work() {
        let spent = Arc::new(Mutex::new(Spent::default()));
        let mut meter = Meter::new(Arc::clone(&spent));
        let pass = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        meter.turn(true);
        pass(3).await;
        meter.turn(false);
        assert_eq!(meter.when(Duration::from_secs(5)), None, "no time passes while it waits");
        pass(3600).await;
        meter.turn(true);
        assert_eq!(meter.when(Duration::from_secs(5)), Some(Instant::now() + Duration::from_secs(2)));
        pass(1).await;
        meter.turn(true);
        assert_eq!(spent.lock().unwrap().seconds, 4);
    }

    #[test]
    fn turns_add_up_and_each_is_counted_once() {
        let spent = Arc::new(Mutex::new(Spent::default()));
        let mut meter = Meter::new(Arc::clone(&spent));
        let usage = |input_tokens| Usage { input_tokens, ..Usage::default() };
        assert_eq!(meter.settle(None), None, "nothing is known");
        meter.used(usage(10));
        meter.used(usage(30));
        meter.used(usage(20));
        assert_eq!(meter.settle(Some(usage(35))), Some(usage(35)));
        assert_eq!(spent.lock().unwrap().tokens, 35);
        assert_eq!(meter.used(usage(5)), usage(40), "a further turn counts from its own start");
        assert_eq!(spent.lock().unwrap().tokens, 40);
        // One that is cut off says nothing at its end, and has used what it told of.
        assert_eq!(meter.settle(None), Some(usage(40)));
        meter.used(usage(7));
        assert_eq!(meter.settle(Some(usage(7))), Some(usage(47)));
        assert_eq!(spent.lock().unwrap().tokens, 47);
    }
}
