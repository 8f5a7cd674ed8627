//! The state machine of a run and of its approvals, as pure code.
//!
//! A [`Command`] is tried against a [`Run`]; what it leads to is a list of [`Entry`] values, which the engine writes to
//! the journal and then applies. State is nothing but the sum of its entries, so any prefix of a journal gives the
//! state that the host was in when it wrote it, and [`Run::next`] says from there what has to be done.
//!
//! ```text
//! created ─▶ ruled ─┬─▶ allowed ──────────────────────▶ launched ─▶ live ─▶ ended
//!                   ├─▶ asked ─▶ settled (approved) ──▶    "
//!                   └─▶ denied / expired / withdrawn ─────────────────────▶ ended
//! ```
//!
//! An approval goes its own way beside its run:
//!
//! ```text
//! pending ─┬─▶ approved ─▶ consumed        claimed before anything that it allows can happen
//!          │      ├──▶ expired / withdrawn  never used, or good until a time that is over
//!          │      └──▶ revoked              taken back: what it covered is asked about anew
//!          └─▶ denied / expired / superseded / withdrawn
//! ```
//!
//! **Deliberately missing:** I/O, clocks and randomness. Times and ids come with the commands.

mod approval;
mod budget;
mod command;
mod decide;
mod denial;
mod entry;
mod items;
mod run;
mod steps;
mod summary;

pub use budget::{Exhausted, Ledger, Level, Line};
pub use command::{Command, Question, Refused};
pub use entry::Entry;
pub use run::{Next, Run};
