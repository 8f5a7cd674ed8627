//! A question to a person, as that person reads it: the exact request, and nothing that could fool whoever looks.
//!
//! Every channel shows the same sheet ([`describe`]): named lines, in which whatever the request says is marked and
//! harmless. The command line paints it; [`brief`] makes plain text of it for channels that bear only so much, and says
//! so first where something is left out that a person would decide by.
//!
//! **Knows nothing about** terminals, protocols, and who is asked.

mod brief;
mod describe;
mod diff;
mod effect;
mod sheet;
mod visible;

pub use brief::{Brief, brief};
pub use describe::{describe, edited, title};
pub use sheet::{Body, Extent, Line, Mark, Marked, Sheet};
pub use visible::{one_line, visible};
