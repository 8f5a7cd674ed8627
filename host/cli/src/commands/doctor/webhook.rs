//! The webhook of questions.

use std::net::TcpListener;

use pointsman_engine::Settings;

use super::finding::{Finding, Health};
use crate::config::{Loaded, webhook};
use crate::failure::Failure;

/// Says whether messages could be signed and links be answered. Sends nothing.
pub(super) fn check(loaded: &Loaded, settings: &Settings) -> Option<Finding> {
    let subject = "webhook";
    let found = match webhook(loaded, &settings.secrets) {
        Ok(found) => found?,
        Err(error) => {
            let failure = Failure::from(error);
            let finding = Finding::new(subject, Health::Missing, failure.message);
            return Some(match failure.help {
                Some(help) => finding.mend(help),
                None => finding,
            });
        }
    };
    let listen = found.place.listen();
    Some(match TcpListener::bind(listen) {
        Ok(_) => {
            let detail = format!("tells {}; links are answered at {listen}", found.receiver.origin());
            Finding::new(subject, Health::Good, detail)
        }
        Err(error) => {
            let detail =
                format!("links cannot be answered at {listen}: {error}; a host that runs may have it");
            Finding::new(subject, Health::Note, detail)
        }
    })
}
