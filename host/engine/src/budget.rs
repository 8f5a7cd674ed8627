//! Budgets: reserved before a run is launched, reconciled with what backends report.
//!
//! What counts is in the store: what each run was granted and what it used, as its backend tells it. So a budget survives
//! its host, and hosts over one state count alike. Only how long a live run has worked, without its waits for people, is
//! known to the host that drives it alone.

use std::collections::BTreeMap;

use pointsman_kernel::{Exhausted, Ledger, Level, Line};
use pointsman_model::{Limit, Limits, Principal, Role, RunId, RunSpec, Spent, Timestamp};
use pointsman_store::{Creation, NewRun, StoreError, TreeRun};

use crate::Error;
use crate::driven::Drivers;
use crate::facts::BudgetLeft;
use crate::order::Order;
use crate::parts::Parts;
use crate::spawn::in_words;

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

    /// Names the line of the configuration that a limit of a run comes from, for whoever may raise it.
    pub(crate) fn key(&self, spec: &RunSpec, limit: Limit) -> String {
        let role = spec.role.as_str();
        let own = self.roles.get(role).and_then(|limits| limits.get(limit));
        let tree = self.tree.get(limit).filter(|_| parent_in(&spec.chain).is_none());
        match own {
            Some(own) if tree.is_none_or(|tree| own <= tree) => {
                format!("[budgets.roles.{role}] {}", limit.as_str())
            }
            // Whatever is not its own it has from above, and at the top stands the tree.
            _ => format!("[budgets] {}", limit.as_str()),
        }
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

/// Says why a run ends.
pub(crate) fn over(level: &Level, key: &str) -> String {
    let Level { limit, used, most } = level;
    format!("the budget is used up: {} of {} ({key})", limit.amount(*used), limit.amount(*most))
}

/// The run at the top of the tree that a run with this chain stands in.
fn top_of(chain: &[Principal]) -> Option<RunId> {
    chain.iter().find_map(|above| above.run_id.as_deref()?.parse().ok())
}

/// Gives what is left for one more run that a run launches. What has no bound is not known.
fn left(ledger: &Ledger, run: RunId) -> BudgetLeft {
    let left = |limit| ledger.left(Some(run), limit).map(|(left, _)| left);
    #[expect(clippy::cast_precision_loss, reason = "far below where a number loses cents")]
    let dollars = left(Limit::Cost).map(|micro| micro as f64 / 1e6);
    BudgetLeft {
        runs_left: left(Limit::LiveRuns),
        fan_out_left: left(Limit::FanOut),
        depth_left: left(Limit::Depth),
        seconds_left: left(Limit::WallTime),
        tokens_left: left(Limit::Tokens),
        cost_usd_left: dollars,
    }
}

/// What this process alone knows of runs: what those that it drives have used by this moment.
struct Books {
    driven: Drivers,
    now: Timestamp,
}

impl Books {
    /// Makes the ledger of a tree.
    fn ledger(&self, tree: Vec<TreeRun>) -> Ledger {
        Ledger::new(tree.into_iter().map(|run| Line {
            run: run.run_id,
            parent: run.parent,
            granted: run.budget,
            spent: self.spent(&run),
            live: !run.status.is_terminal(),
        }))
    }

    fn spent(&self, run: &TreeRun) -> Spent {
        let stored = Spent::of(run.usage, 0);
        match self.driven.get(run.run_id) {
            Some(live) => {
                let live = live.spent();
                Spent {
                    seconds: live.seconds,
                    tokens: live.tokens.max(stored.tokens),
                    cost_micro_usd: live.cost_micro_usd.max(stored.cost_micro_usd),
                }
            }
            // Whoever drives it elsewhere knows how long it has waited; what is counted too much is no harm.
            None => {
                let until = run.completed_at.unwrap_or(self.now);
                let millis = until.as_millis().saturating_sub(run.started_at.as_millis());
                Spent { seconds: millis / 1_000, ..stored }
            }
        }
    }
}

impl Parts {
    fn books(&self) -> Books {
        Books { driven: self.driven.clone(), now: self.now() }
    }

    /// Stores a run, with what it may use of what it wishes for: looking at what is left and taking it are one step, for
    /// every process over this state. Gives the run and what was granted to it.
    pub(crate) async fn create_run(&self, mut new: NewRun) -> Result<(Creation, Limits), Error> {
        let run = new.record.run_id;
        let parent = parent_in(&new.spec.chain);
        let wished = self.settings.budgets.of(new.spec.role, parent);
        let Some((parent, top)) = parent.zip(top_of(&new.spec.chain)) else {
            new.spec.budget = wished;
            return Ok((self.store.create_run(new).await.map_err(in_words)?, wished));
        };
        let books = self.books();
        let grant = move |tree| books.ledger(tree).reserve(run, Some(parent), wished);
        let creation = self.store.create_run_below(new, top, grant).await.map_err(in_words)?;
        let creation = match creation {
            Ok(creation) => creation,
            Err(exhausted) => return Err(self.in_the_way(&exhausted).await?),
        };
        let granted = match creation {
            Creation::Created(_) => self.read(move |store| store.run_spec(run)).await?.budget,
            Creation::Existing(_) => Limits::default(),
        };
        Ok((creation, granted))
    }

    /// Says what stands in the way of one more run.
    async fn in_the_way(&self, exhausted: &Exhausted) -> Result<Error, Error> {
        let Exhausted { account, limit, most } = *exhausted;
        let spec = self.read(move |store| store.run_spec(account)).await?;
        let key = self.settings.budgets.key(&spec, limit);
        Ok(Error::Budget { limit, account, most: limit.amount(most), key })
    }

    /// Gives what is left of the budgets that a run draws from, for one more run that it launches. What has no bound, or
    /// cannot be told, is not known.
    pub(crate) async fn budget_left(&self, run: RunId, spec: &RunSpec) -> BudgetLeft {
        let top = top_of(&spec.chain);
        if top.is_none() && spec.budget.is_unlimited() {
            return BudgetLeft::default();
        }
        let books = self.books();
        let tree = self.read(move |store| store.tree(top.unwrap_or(run))).await;
        let ledger = match tree {
            Ok(tree) => books.ledger(tree),
            Err(error) => {
                tracing::error!(%run, %error, "budgets could not be looked at");
                return BudgetLeft::default();
            }
        };
        left(&ledger, run)
    }

    /// Foresees what a run would be granted that does not exist, and what would be left for those that it launches.
    pub(crate) async fn foresee(&self, run: RunId, spec: &RunSpec) -> Result<(Limits, BudgetLeft), Error> {
        let parent = parent_in(&spec.chain);
        let wished = self.settings.budgets.of(spec.role, parent);
        let mut ledger = match top_of(&spec.chain) {
            Some(top) => self.books().ledger(self.read(move |store| store.tree(top)).await?),
            None => Ledger::default(),
        };
        match ledger.reserve(run, parent, wished) {
            Ok(granted) => Ok((granted, left(&ledger, run))),
            Err(exhausted) => Err(self.in_the_way(&exhausted).await?),
        }
    }

    /// Looks at every account that a run belongs to, now that the run has used more: warns those that are nearly used
    /// up, and ends those that are.
    pub(crate) async fn check_accounts(&self, run: RunId) -> Result<(), Error> {
        let books = self.books();
        let accounts = self
            .read(move |store| {
                // A run that a client launched is the top itself.
                let top = top_of(&store.run_spec(run)?.chain).unwrap_or(run);
                let ledger = books.ledger(store.tree(top)?);
                let accounts = ledger.accounts(run);
                let accounts = accounts.map(|account| {
                    let (levels, drawing) = (ledger.levels(account), ledger.drawing(account));
                    Ok((account, store.run_spec(account)?, levels, drawing))
                });
                accounts.collect::<Result<Vec<_>, StoreError>>()
            })
            .await?;
        let budgets = &self.settings.budgets;
        for (account, spec, levels, drawing) in accounts {
            for level in levels {
                if level.used >= level.most {
                    let message = over(&level, &budgets.key(&spec, level.limit));
                    // All at once: while one of them ends, the others would go on using. What another process drives is
                    // ended there, when it looks or with its agent.
                    for run in &drawing {
                        self.order(*run, Order::Exhaust { message: message.clone() }).await;
                    }
                } else if budgets.is_soft(&level) {
                    self.order(account, Order::Warn(level)).await;
                }
            }
        }
        Ok(())
    }

    async fn order(&self, run: RunId, order: Order) {
        let Some(live) = self.driven.get(run) else { return };
        // One that is just ending needs none.
        drop(live.orders.send(order).await);
    }
}
