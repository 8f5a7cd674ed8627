//! Budgets: reserved before a run is launched, reconciled with what backends report.
//!
//! What counts is in the journal: what each run was granted and what it used. So a budget survives its host, and hosts
//! over one state count alike. Only what a live run has used so far is known to the host that drives it alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use pointsman_kernel::{Exhausted, Ledger, Level, Line};
use pointsman_model::{Limit, Limits, Principal, Role, RunId, RunSpec, Spent};
use pointsman_store::{Store, StoreError};

use crate::Error;
use crate::facts::BudgetLeft;
use crate::order::Order;
use crate::parts::Parts;

/// What an operator decides about budgets.
#[derive(Debug, Clone, PartialEq)]
pub struct Budgets {
    /// Of a run that a client launches, with everything below it.
    pub tree: Limits,
    /// Of a run of a role, with everything below it.
    pub roles: BTreeMap<String, Limits>,
    /// From which part of a limit on a run is warned.
    pub soft: f64,
}

impl Default for Budgets {
    /// No limits.
    fn default() -> Self {
        Self { tree: Limits::default(), roles: BTreeMap::new(), soft: 0.8 }
    }
}

impl Budgets {
    /// Gives what a run wishes for.
    fn of(&self, role: Role, parent: Option<RunId>) -> Limits {
        let own = self.roles.get(role.as_str()).copied().unwrap_or_default();
        if parent.is_none() { own.stricter(&self.tree) } else { own }
    }

    /// Says whether a limit is nearly used up.
    pub(crate) fn is_soft(&self, level: &Level) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a part of a number needs no exactness")]
        let reached = level.used as f64 >= self.soft * level.most as f64;
        reached
    }
}

/// Gives the run that launched a run with this chain.
pub(crate) fn parent_in(chain: &[Principal]) -> Option<RunId> {
    chain.last()?.run_id.as_deref()?.parse().ok()
}

/// Says what stands in the way of one more run.
pub(crate) fn in_words(exhausted: &Exhausted) -> Error {
    let Exhausted { account, limit, most } = exhausted;
    Error::Budget { limit: *limit, account: *account, most: limit.amount(*most) }
}

/// Says why a run ends.
pub(crate) fn over(level: &Level) -> String {
    let Level { limit, used, most } = level;
    format!(
        "the budget is used up: {} of {} ([budgets] {})",
        limit.amount(*used),
        limit.amount(*most),
        limit.as_str()
    )
}

impl Parts {
    /// Makes the ledger of the tree that a run with this chain belongs to, or would.
    fn ledger(&self, store: &Store, chain: &[Principal]) -> Result<Ledger, StoreError> {
        let top = chain.iter().find_map(|above| above.run_id.as_deref()?.parse::<RunId>().ok());
        let Some(top) = top else { return Ok(Ledger::default()) };
        self.ledger_of(store, top)
    }

    /// Makes the ledger of a run and everything below it.
    fn ledger_of(&self, store: &Store, top: RunId) -> Result<Ledger, StoreError> {
        let mut lines = Vec::new();
        for run in store.tree(top)? {
            let (Some(record), spec) = (store.run(run)?, store.run_spec(run)?) else { continue };
            let spent = match self.driven(run) {
                Some(live) => live.spent(),
                None => {
                    // Whoever drives it elsewhere knows better; what is counted too much is no harm.
                    let until = record.completed_at.unwrap_or_else(|| self.now());
                    let millis = until.as_millis().saturating_sub(record.started_at.as_millis());
                    Spent::of(record.usage, millis / 1_000)
                }
            };
            lines.push(Line {
                run,
                parent: parent_in(&spec.chain),
                granted: spec.budget,
                spent,
                live: !record.status.is_terminal(),
            });
        }
        Ok(Ledger::new(lines))
    }

    /// Reserves what a run may use. Whoever calls holds `budgets` until the run is stored.
    pub(crate) async fn reserve(self: &Arc<Self>, run: RunId, spec: &RunSpec) -> Result<Limits, Error> {
        let parent = parent_in(&spec.chain);
        let wished = self.settings.budgets.of(spec.role, parent);
        if parent.is_none() {
            return Ok(wished);
        }
        let (parts, chain) = (Arc::clone(self), spec.chain.clone());
        let mut ledger = self.read(move |store| parts.ledger(store, &chain)).await?;
        ledger.reserve(run, parent, wished).map_err(|exhausted| in_words(&exhausted))
    }

    /// Gives what is left for one more run that a run launches; nothing where nothing limits it.
    fn left(&self, store: &Store, run: RunId, chain: &[Principal]) -> Result<BudgetLeft, StoreError> {
        let ledger = match parent_in(chain) {
            Some(_) => self.ledger(store, chain)?,
            None => self.ledger_of(store, run)?,
        };
        let left = |limit| ledger.left(Some(run), limit).map(|(left, _)| left);
        #[expect(clippy::cast_precision_loss, reason = "far below where a number loses cents")]
        let dollars = left(Limit::Cost).map(|micro| micro as f64 / 1e6);
        Ok(BudgetLeft {
            runs_left: left(Limit::LiveRuns),
            fan_out_left: left(Limit::FanOut),
            depth_left: left(Limit::Depth),
            seconds_left: left(Limit::WallTime),
            tokens_left: left(Limit::Tokens),
            cost_usd_left: dollars,
        })
    }

    /// Gives what is left of the budgets that a run draws from. What cannot be told is not known.
    pub(crate) async fn budget_left(self: &Arc<Self>, run: RunId, spec: &RunSpec) -> BudgetLeft {
        if parent_in(&spec.chain).is_none() && spec.budget.is_unlimited() {
            return BudgetLeft::default();
        }
        let (parts, chain) = (Arc::clone(self), spec.chain.clone());
        let left = self.read(move |store| parts.left(store, run, &chain)).await;
        left.unwrap_or_else(|error| {
            tracing::error!(%run, %error, "budgets could not be looked at");
            BudgetLeft::default()
        })
    }

    /// Looks at every account that a run belongs to, now that the run has used more: warns those that are nearly used
    /// up, and ends those that are.
    pub(crate) async fn check_accounts(self: &Arc<Self>, run: RunId) -> Result<(), Error> {
        let parts = Arc::clone(self);
        let levels = self
            .read(move |store| {
                let mut chain = store.run_spec(run)?.chain;
                // A run that a client launched is the top itself.
                if parent_in(&chain).is_none() {
                    chain.push(Principal {
                        name: String::new(),
                        role: String::new(),
                        run_id: Some(run.to_string()),
                        depth: 1,
                    });
                }
                let ledger = parts.ledger(store, &chain)?;
                Ok(ledger.accounts(run).map(|account| (account, ledger.levels(account))).collect::<Vec<_>>())
            })
            .await?;
        for (account, levels) in levels {
            let Some(live) = self.driven(account) else { continue };
            for level in levels {
                let order = if level.used >= level.most {
                    Order::Exhaust { message: over(&level) }
                } else if self.settings.budgets.is_soft(&level) {
                    Order::Warn(level)
                } else {
                    continue;
                };
                // One that is just ending needs neither.
                drop(live.orders.send(order).await);
            }
        }
        Ok(())
    }
}
