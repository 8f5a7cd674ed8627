//! `codex exec --json`: one process for each turn, which asks nobody.

mod item;
pub(crate) mod launch;
mod turn;

pub(crate) use turn::{Turn, error_line};
