//! Backend: an agent elsewhere, by A2A 1.0 (JSON-RPC, HTTP+JSON) or 0.3 (JSON-RPC).
//!
//! The agent's card says how to speak to it. A message is sent and its stream followed; while the stream is silent the
//! task is looked up beside it, and where it breaks it is taken up again without loss or repetition.
//!
//! | what the agent says | what is told |
//! | --- | --- |
//! | its card | `status_changed` with `agent_name`, `protocol_version`, `transport` |
//! | `submitted`, `working` | `status_changed`: `queued`, `running` |
//! | a message, in a status, in a history or by itself | `message_added`, and `agent_message` if the agent's |
//! | `input-required`, `auth-required`, in an update or a snapshot | the run waits; a message answers in the same task |
//! | an artifact | `artifact_added`, its chunks put together; again with `updated` if it changes |
//! | `completed`, `failed`, `rejected`, `canceled` | the run's outcome |
//! | another state, an event that nobody knows, another task | `x_remote_a2a_state`, `x_remote_a2a_event`, … |
//!
//! **Deliberately missing:** push notifications (they need an address that the agent can reach), gRPC, and HTTP+JSON of
//! 0.3, whose names are others and whose agents all speak JSON-RPC as well. Nothing of an agent's is believed: what has
//! a wrong type is left out or kept as it came, and everything has a bound.

mod address;
mod answer;
mod artifact;
mod book;
mod calls;
mod card;
mod config;
mod conversation;
mod dialect;
mod json;
mod memory;
mod reply;
mod state;
mod timer;

use conversation::Conversation;
use pointsman_sdk::backend::{About, Adapter, Effects, Features, Input, Task, Timestamp};
use pointsman_sdk::types::{CapabilityRequest, Description};

/// A run.
#[derive(Debug)]
pub struct RemoteA2a(Conversation);

impl Adapter for RemoteA2a {
    fn describe() -> About {
        About {
            common: Description {
                name: "remote_a2a".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                summary: "Speaks to an agent elsewhere by A2A 1.0 or 0.3.".to_owned(),
                config_schema: config::SCHEMA.to_owned(),
                requests: vec![
                    CapabilityRequest::new(
                        "request/send@1",
                        "*",
                        "Fetches the agent's card and speaks to the agent, at the origins that the operator lists.",
                    ),
                    CapabilityRequest::new(
                        "timer/set@1",
                        "*",
                        "Looks after a task whose stream is silent or has broken, and waits for one that is cancelled.",
                    ),
                    CapabilityRequest::new(
                        "secret/use@1",
                        "*",
                        "Sends the tokens that its configuration names, to the agent alone.",
                    ),
                ],
            },
            features: Features::RESUME
                | Features::PERMISSIONS
                | Features::STRUCTURED_OUTPUT
                | Features::IMAGES,
            tested: Vec::new(),
        }
    }

    fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
        Conversation::start(task, effects).map(Self)
    }

    fn handle(&mut self, input: Input, _at: Timestamp, effects: &mut Effects) -> Result<(), String> {
        let run = &mut self.0;
        match input {
            Input::ResponseHead(head) => run.head(head),
            Input::ResponseEvents((id, events)) => run.events(id, events, effects),
            Input::ResponseBytes((id, bytes)) => run.bytes(id, &bytes, effects),
            Input::ResponseEnded(id) => run.ended(id, effects),
            Input::RequestFailed(failed) => run.failed(failed, effects),
            Input::Timer(id) => run.rang(id, effects),
            Input::Permission((id, answer)) => run.permission(&id, answer, effects),
            Input::Message(message) => run.say(message, effects),
            Input::Cancel(why) => run.cancel(why, effects),
            Input::Refused(refused) => run.refused(refused, effects),
            _ => {}
        }
        Ok(())
    }
}

pointsman_sdk::export_backend!(RemoteA2a);
