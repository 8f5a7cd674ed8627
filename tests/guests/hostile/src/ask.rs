//! A run that sends a request and tells what it hears.
//!
//! `ask URL` sends one. `ask_again URL` gives it up when the first events come, and sends the next under the same handle,
//! to the same place with `?again`.

use std::cell::Cell;

use serde_json::json;

use crate::backend::{emit, finish};
use crate::bindings::exports::pointsman::plugin::backend::{Effect, Framing, Input, Request, Stamped};

/// What an asking run knows.
pub(crate) struct Ask {
    url: String,
    /// Whether the first request is to be given up for another.
    again: Cell<bool>,
}

impl Ask {
    pub(crate) fn of(word: &str) -> Option<Self> {
        let (word, url) = word.split_once(' ')?;
        let again = match word {
            "ask" => false,
            "ask_again" => true,
            _ => return None,
        };
        Some(Self { url: url.to_owned(), again: Cell::new(again) })
    }

    pub(crate) fn start(&self) -> Vec<Effect> {
        vec![get(self.url.clone())]
    }

    pub(crate) fn hear(&self, inputs: Vec<Stamped>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for stamped in inputs {
            let (heard, over) = match stamped.input {
                Input::ResponseHead(head) => (json!({ "status": head.status }), false),
                Input::ResponseEvents((_, events)) => {
                    let data: Vec<_> = events.into_iter().map(|event| event.data).collect();
                    if self.again.replace(false) {
                        // The same handle at once, while what the first has sent is under way.
                        effects.extend([Effect::AbortRequest(1), get(format!("{}?again", self.url))]);
                        effects.push(emit(&json!({ "gave_up": true }).to_string()));
                        // What was handed over together with this is known to be old.
                        return effects;
                    }
                    (json!({ "events": data }), false)
                }
                Input::ResponseBytes((_, bytes)) => {
                    (json!({ "bytes": String::from_utf8_lossy(&bytes) }), false)
                }
                Input::ResponseEnded(_) => (json!({ "ended": true }), true),
                Input::RequestFailed(failed) => {
                    (json!({ "fault": format!("{:?}", failed.fault), "text": failed.text }), true)
                }
                Input::Refused(refused) => (json!({ "refused": refused.reason, "leaf": refused.leaf }), true),
                // Whoever cancels wants to see the request end without the guest's help.
                _ => continue,
            };
            effects.push(emit(&heard.to_string()));
            if over {
                effects.push(finish());
            }
        }
        effects
    }
}

fn get(url: String) -> Effect {
    Effect::SendRequest(Request {
        id: 1,
        method: "GET".to_owned(),
        url,
        headers: Vec::new(),
        body: None,
        framing: Framing::Sse,
        idle_timeout_ms: None,
        total_timeout_ms: None,
    })
}
