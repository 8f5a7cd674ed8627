//! Budgets: how much a run and everything below it may use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Usage;

/// What can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Levels, the run's own included.
    Depth,
    /// Runs that any one run launches.
    FanOut,
    /// Runs that are not over at once, the run itself included.
    LiveRuns,
    /// Seconds that the run works; waiting for a person does not count.
    WallTime,
    /// Tokens read and written.
    Tokens,
    /// Millionths of a US dollar.
    Cost,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 6] =
        [Self::Depth, Self::FanOut, Self::LiveRuns, Self::WallTime, Self::Tokens, Self::Cost];

    /// Gives its key in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::FanOut => "fan_out",
            Self::LiveRuns => "live_runs",
            Self::WallTime => "wall_time",
            Self::Tokens => "tokens",
            Self::Cost => "cost_usd",
        }
    }

    /// Writes an amount as people read it.
    #[must_use]
    pub fn amount(self, amount: u64) -> String {
        match self {
            Self::WallTime => format!("{amount} s"),
            Self::Tokens => format!("{amount} tokens"),
            Self::Cost => format!("{}.{:06} USD", amount / 1_000_000, amount % 1_000_000),
            Self::Depth | Self::FanOut | Self::LiveRuns => amount.to_string(),
        }
    }
}

/// How much a run and everything below it may use. What is not set is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the limit of its name")]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fan_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_runs: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_micro_usd: Option<u64>,
}

impl Limits {
    /// Gives one of them.
    #[must_use]
    pub fn get(&self, limit: Limit) -> Option<u64> {
        match limit {
            Limit::Depth => self.depth,
            Limit::FanOut => self.fan_out,
            Limit::LiveRuns => self.live_runs,
            Limit::WallTime => self.wall_seconds,
            Limit::Tokens => self.tokens,
            Limit::Cost => self.cost_micro_usd,
        }
    }

    /// Sets one of them.
    pub fn set(&mut self, limit: Limit, most: Option<u64>) {
        match limit {
            Limit::Depth => self.depth = most,
            Limit::FanOut => self.fan_out = most,
            Limit::LiveRuns => self.live_runs = most,
            Limit::WallTime => self.wall_seconds = most,
            Limit::Tokens => self.tokens = most,
            Limit::Cost => self.cost_micro_usd = most,
        }
    }

    /// Gives the stricter of both, limit by limit.
    #[must_use]
    pub fn stricter(&self, other: &Self) -> Self {
        let mut stricter = *self;
        for limit in Limit::ALL {
            if let Some(most) = other.get(limit) {
                stricter.set(limit, Some(self.get(limit).map_or(most, |own| own.min(most))));
            }
        }
        stricter
    }

    /// Says whether nothing is limited.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// What a run used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// Seconds that it worked.
    pub seconds: u64,
    /// Tokens read and written.
    pub tokens: u64,
    /// Millionths of a US dollar.
    pub cost_micro_usd: u64,
}

impl Spent {
    /// Takes what a backend reported, and how long the run worked.
    #[must_use]
    pub fn of(usage: Option<Usage>, seconds: u64) -> Self {
        let usage = usage.unwrap_or_default();
        Self { seconds, tokens: usage.tokens(), cost_micro_usd: usage.cost_micro_usd.unwrap_or(0) }
    }
}
