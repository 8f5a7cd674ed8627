//! What people see: standard output in one place, colours, tables, times and progress.
//!
//! `pointsman serve` hands standard output to MCP, so nothing else in the crate may print; the lint `print_stdout`
//! keeps it so, and [`Out`] is the one way.

mod fold;
mod keyboard;
mod out;
mod paint;
mod progress;
mod table;
mod when;

pub(crate) use fold::fold;
pub(crate) use keyboard::{Keyboard, attended};
pub(crate) use out::{Out, error_width, say};
pub(crate) use paint::{ColorChoice, Paint, status_style};
pub(crate) use pointsman_question::{one_line, visible};
pub(crate) use progress::Progress;
pub(crate) use table::{Align, render};
pub(crate) use when::{ago, clock, in_future, now};
