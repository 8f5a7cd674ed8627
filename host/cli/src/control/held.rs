//! What every living host judges by.

use std::path::Path;

use pointsman_engine::PolicyState;
use pointsman_model::HostId;
use serde::Serialize;

use super::client::Client;
use super::protocol::{Reply, Request};
use super::socket::{Folder, Name};

/// What a living host judges by.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    /// The host.
    pub(crate) host_id: HostId,
    /// Its process.
    pub(crate) pid: u32,
    /// Its modules; none if it was asked nothing yet, and reads them when it is.
    pub(crate) modules: Option<Vec<PolicyState>>,
}

/// Asks every host that lives. One that does not say is left out: it may just be ending, or be of another version.
pub(crate) fn held_policies(state: &Path) -> Vec<Held> {
    let Ok(folder) = Folder::open(state) else { return Vec::new() };
    let ask = |host_id: HostId| {
        let mut host = Client::connect(state, host_id).ok()??;
        match host.ask(&Request::Policies {}) {
            Ok(Reply::Policies { held, pid }) => Some(Held { host_id, pid, modules: held }),
            Ok(_) => None,
            Err(failure) => {
                tracing::debug!(host = %host_id, why = failure.message, "a host does not say what it judges by");
                None
            }
        }
    };
    let mut hosts: Vec<HostId> = folder.hosts(Name::control).into_iter().map(|(host, _)| host).collect();
    hosts.sort_unstable();
    hosts.into_iter().filter_map(ask).collect()
}

/// Says of a host's module what whoever changed its files should know.
pub(crate) fn news(held: &Held, module: &PolicyState) -> Option<String> {
    let who =
        format!("host {} (process {})", held.host_id.to_string().get(..8).unwrap_or_default(), held.pid);
    let name = &module.module;
    let file = module.file.as_ref().map_or_else(|| "its component".to_owned(), |it| it.display().to_string());
    match (&module.stale, module.unread) {
        (_, true) => Some(format!("{who}: {file} was changed; {name} reads it when the next question comes")),
        (Some(why), false) => {
            Some(format!("{who}: {name} keeps older rules, because those of now are not taken: {why}"))
        }
        (None, false) => None,
    }
}
