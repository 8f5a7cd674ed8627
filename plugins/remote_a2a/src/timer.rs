//! The timers of a run.

/// It is time to look the task up.
pub(crate) const POLL: u32 = 1;
/// It is time to try again.
pub(crate) const RETRY: u32 = 2;
/// A stream has been open for long enough behind its last word.
pub(crate) const LINGER: u32 = 3;
/// An agent has had its time to end a task.
pub(crate) const CANCEL: u32 = 4;
