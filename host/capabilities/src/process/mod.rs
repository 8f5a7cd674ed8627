//! Programs of the operator's table, run under supervision.

/// The operator's table of programs.
#[derive(Debug, Clone, Default)]
pub struct Programs {}
