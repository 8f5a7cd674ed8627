//! `codex app-server`: a dialogue, in which codex asks before it acts and can be spoken to while it works.

mod approval;
mod confined;
mod ending;
mod form;
mod item;
mod late;
mod launch;
mod notice;
mod question;
mod request;
mod session;
mod wire;

pub(crate) use ending::Left;
pub(crate) use session::Session;
