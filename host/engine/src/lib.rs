//! Drives runs: one task per run feeds its plugin, asks the policies, performs the effects and wakes the waiters.
//!
//! [`Host`] is what a face speaks to. A call becomes a row in the store and a task (`driver`); the task takes the run
//! through the kernel's state machine, writing each step before it is taken (`journal`). Plugins are loaded when they
//! are first needed (`plugins`); whatever they tell passes the sanitizers (`sanitize`, `last_stage`) before it is
//! stored; whatever they want done is authorized and performed by `driver::hands`.
//!
//! **Knows nothing about** how it is spoken to: MCP, HTTP and the command line are faces above it.

mod approver;
mod audit;
mod budget;
mod client;
mod clock;
mod driven;
mod driver;
mod error;
mod explain;
mod facts;
mod fault;
mod foresee;
mod host;
mod journal;
mod judge;
mod last_stage;
mod mail;
mod order;
mod parts;
mod plugins;
mod policies;
mod profile;
mod projection;
mod published;
mod questions;
mod reach;
mod reads;
mod request;
mod rights;
mod sanitize;
mod settings;
mod spawn;
mod steer;
mod token;
mod tree;
mod turned_away;
mod vetted;
mod waits;

pub use approver::APPROVER_PIN;
pub use budget::Budgets;
pub use client::Client;
pub use clock::{Clock, SystemClock};
pub use error::Error;
pub use explain::{Explanation, PastQuestion, PolicyChain, PolicyState, RuleSaid, Said, past_questions};
pub use fault::{Fault, faults, sanitizer_faults};
pub use host::Host;
pub use pointsman_kernel::Refused;
pub use pointsman_store::{PublishedFilter, PublishedPage};
pub use profile::{Named, Origin, Profile, Profiles};
pub use questions::{QuestionNews, Questions};
pub use reach::chain_below;
pub use rights::RoleRights;
pub use settings::{
    AuditFailure, AuditSettings, BackendSettings, ComponentSource, Entry, OnFailure, Orphans, PolicySettings,
    SanitizerSettings, Settings, WaitLimits,
};
pub use turned_away::TurnedAway;
