//! Budgets: what a tree of runs may use, drawn from its top.
//!
//! A run with limits is an account: it covers the run and everything below. Before a run is launched it reserves what its
//! own limits say, or what the accounts above have left if that is less; that much is theirs no more until it ends, and
//! what it did not use comes back then. So nothing is promised twice; and each run's use is counted once, at its own
//! place, however many accounts lie above.
//!
//! A [`Ledger`] is made anew of what the journal knows, so nothing of it is lost with a host.

use std::collections::BTreeMap;

use pointsman_model::{Limit, Limits, RunId, Spent};

/// A run as its accounts see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The run.
    pub run: RunId,
    /// The run that launched it.
    pub parent: Option<RunId>,
    /// What was granted to it and to everything below.
    pub granted: Limits,
    /// What it used itself, as far as is known.
    pub spent: Spent,
    /// Whether it is not over.
    pub live: bool,
}

/// A limit that stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    /// Whose limit.
    pub account: RunId,
    /// Which.
    pub limit: Limit,
    /// How much it allows.
    pub most: u64,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Which.
    pub limit: Limit,
    /// How much is used.
    pub used: u64,
    /// How much it allows.
    pub most: u64,
}

/// What the runs of a tree were granted and what they used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    lines: BTreeMap<RunId, Line>,
}

impl Ledger {
    /// Makes a ledger of runs, in any order.
    #[must_use]
    pub fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        Self { lines: lines.into_iter().map(|line| (line.run, line)).collect() }
    }

    /// Writes a run down, with what it is granted of what it wishes for.
    ///
    /// # Errors
    ///
    /// If a limit above leaves nothing for it. Nothing is written then.
    pub fn reserve(
        &mut self,
        run: RunId,
        parent: Option<RunId>,
        wished: Limits,
    ) -> Result<Limits, Exhausted> {
        let mut granted = wished;
        for limit in Limit::ALL {
            let Some((left, account)) = self.left(parent, limit) else { continue };
            if left == 0 {
                let most = self.lines.get(&account).and_then(|line| line.granted.get(limit)).unwrap_or(0);
                return Err(Exhausted { account, limit, most });
            }
            if let Some(wish) = wished.get(limit) {
                granted.set(limit, Some(wish.min(left)));
            }
        }
        // Time runs for everybody at once, so whoever has no limit of its own has what is left above.
        granted.wall_seconds =
            granted.wall_seconds.or(self.left(parent, Limit::WallTime).map(|(left, _)| left));
        self.lines.insert(run, Line { run, parent, granted, spent: Spent::default(), live: true });
        Ok(granted)
    }

    /// Takes what a run has used by now. More than before, never less.
    pub fn reconcile(&mut self, run: RunId, spent: Spent) {
        if let Some(line) = self.lines.get_mut(&run) {
            let before = line.spent;
            line.spent = Spent {
                seconds: spent.seconds.max(before.seconds),
                tokens: spent.tokens.max(before.tokens),
                cost_micro_usd: spent.cost_micro_usd.max(before.cost_micro_usd),
            };
        }
    }

    /// Gives back what a run did not use: it is over.
    pub fn release(&mut self, run: RunId) {
        if let Some(line) = self.lines.get_mut(&run) {
            line.live = false;
        }
    }

    /// Gives how much of a limit is left for one more run that `parent` launches, and by whose account; `None` if nothing
    /// limits it.
    #[must_use]
    pub fn left(&self, parent: Option<RunId>, limit: Limit) -> Option<(u64, RunId)> {
        let parent = parent?;
        let mut least: Option<(u64, RunId)> = None;
        for (distance, account) in (1..).zip(self.upwards(parent)) {
            let Some(most) = account.granted.get(limit) else { continue };
            let used = match limit {
                // One level for each run from the account to the parent.
                Limit::Depth => distance,
                Limit::FanOut => count(self.children(parent)),
                Limit::LiveRuns => self.live_below(account),
                Limit::WallTime => account.spent.seconds,
                Limit::Tokens | Limit::Cost => self.promised(account, limit),
            };
            let left = most.saturating_sub(used);
            if least.is_none_or(|(known, _)| left < known) {
                least = Some((left, account.run));
            }
        }
        least
    }

    /// Gives how far each limit of an account is used, by what was really used: what is only reserved is not.
    #[must_use]
    pub fn levels(&self, account: RunId) -> Vec<Level> {
        let Some(line) = self.lines.get(&account) else { return Vec::new() };
        let level = |limit| {
            let most = line.granted.get(limit)?;
            let used = match limit {
                Limit::WallTime => line.spent.seconds,
                _ => self.spent_below(line, limit),
            };
            Some(Level { limit, used, most })
        };
        [Limit::WallTime, Limit::Tokens, Limit::Cost].into_iter().filter_map(level).collect()
    }

    /// Gives the runs that draw on an account and are not over, its own first.
    #[must_use]
    pub fn drawing(&self, account: RunId) -> Vec<RunId> {
        let mut drawing = Vec::new();
        let mut next: Vec<&Line> = self.lines.get(&account).into_iter().collect();
        // As `upwards`: no run is looked at more often than there are runs.
        for _ in 0..self.lines.len() {
            let Some(line) = next.pop() else { break };
            next.extend(self.children(line.run));
            drawing.extend(line.live.then_some(line.run));
        }
        drawing
    }

    /// Gives the accounts above a run, the nearest first; its own included.
    pub fn accounts(&self, run: RunId) -> impl Iterator<Item = RunId> {
        self.upwards(run).filter(|line| !line.granted.is_unlimited()).map(|line| line.run)
    }

    /// Goes up from a run. A journal that names a run as its own ancestor comes to its end all the same.
    fn upwards(&self, run: RunId) -> impl Iterator<Item = &Line> {
        let first = self.lines.get(&run);
        std::iter::successors(first, |line| self.lines.get(&line.parent?)).take(self.lines.len())
    }

    fn children(&self, run: RunId) -> impl Iterator<Item = &Line> {
        self.lines.values().filter(move |line| line.parent == Some(run))
    }

    fn live_below(&self, line: &Line) -> u64 {
        let below: u64 = self.children(line.run).map(|child| self.live_below(child)).sum();
        below + u64::from(line.live)
    }

    /// What is taken of an account's stock: used, or set aside for runs that are not over.
    fn promised(&self, line: &Line, limit: Limit) -> u64 {
        let below = self.children(line.run).map(|child| {
            let inside = self.promised(child, limit);
            match child.granted.get(limit) {
                Some(granted) if child.live => granted.max(inside),
                _ => inside,
            }
        });
        below.fold(own(line, limit), u64::saturating_add)
    }

    fn spent_below(&self, line: &Line, limit: Limit) -> u64 {
        self.children(line.run)
            .map(|child| self.spent_below(child, limit))
            .fold(own(line, limit), u64::saturating_add)
    }
}

fn own(line: &Line, limit: Limit) -> u64 {
    match limit {
        Limit::Tokens => line.spent.tokens,
        Limit::Cost => line.spent.cost_micro_usd,
        Limit::Depth | Limit::FanOut | Limit::LiveRuns | Limit::WallTime => 0,
    }
}

fn count<'a>(lines: impl Iterator<Item = &'a Line>) -> u64 {
    u64::try_from(lines.count()).unwrap_or(u64::MAX)
}
