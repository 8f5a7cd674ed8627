//! The log against everything that may happen to its files.

mod crowd;
mod hands;
mod life;
mod support;
