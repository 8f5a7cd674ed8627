//! For authors of plugins: the contract as Rust types, and what most plugins need.
//!
//! A plugin is a component for one of three worlds. Each has a module here, with the types of `wit/` and a macro
//! that exports the author's type:
//!
//! | world | module | implement | export |
//! | --- | --- | --- | --- |
//! | `backend-plugin` | [`backend`] | [`backend::Adapter`] | [`export_backend!`] |
//! | `sanitizer-plugin` | [`sanitizer`] | [`sanitizer::Guest`] | [`export_sanitizer!`] |
//! | `policy-module` | [`policy`] | [`policy::Guest`] and [`policy::GuestRulebook`] | [`export_policy!`] |
//!
//! A plugin never acts. A backend turns inputs into effects, and its host does the rest: so it is tested natively,
//! with a [`rehearsal`] of recorded lines and no process at all.
//!
//! # A whole backend
//!
//! It runs the program `greeter` of the operator's table, gives it the prompt on standard input, and tells each line
//! that it prints as a message.
//!
//! ```
//! use pointsman_sdk::backend::{
//!     About, Adapter, Effects, Exit, Features, Input, Outcome, Process, Task, Timestamp,
//! };
//! use pointsman_sdk::types::{CapabilityRequest, Description};
//! use pointsman_sdk::{Draft, config, kind, prompt};
//!
//! /// The one process of a run.
//! const GREETER: u32 = 1;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Config {
//!     #[serde(default)]
//!     loud: bool,
//! }
//!
//! struct Greeter {
//!     last: Option<String>,
//! }
//!
//! impl Adapter for Greeter {
//!     fn describe() -> About {
//!         About {
//!             common: Description {
//!                 name: "greeter".into(),
//!                 version: "0.1.0".into(),
//!                 summary: "Greets whoever it is told about.".into(),
//!                 config_schema: r#"{
//!                     "type": "object",
//!                     "properties": { "loud": { "type": "boolean" } },
//!                     "additionalProperties": false
//!                 }"#
//!                 .into(),
//!                 requests: vec![CapabilityRequest {
//!                     leaf: "process/spawn@1".into(),
//!                     target: "greeter".into(),
//!                     why: "Runs the greeter.".into(),
//!                 }],
//!             },
//!             features: Features::empty(),
//!             tested: Vec::new(),
//!         }
//!     }
//!
//!     fn start(task: Task, effects: &mut Effects) -> Result<Self, String> {
//!         let config: Config = config::read(&task.config)?;
//!         effects.emit(Draft::new(kind::RUN_STARTED));
//!         effects.start_process(Process::new(GREETER, "greeter").args(config.loud.then_some("--loud")));
//!         effects.write(GREETER, prompt::flatten(&task.message));
//!         effects.close_input(GREETER);
//!         Ok(Self { last: None })
//!     }
//!
//!     fn handle(&mut self, input: Input, _at: Timestamp, effects: &mut Effects) -> Result<(), String> {
//!         match input {
//!             Input::ProcessOutput(output) => {
//!                 for line in output.lines {
//!                     effects.emit(Draft::new(kind::AGENT_MESSAGE).field("text", line.as_str()));
//!                     self.last = Some(line);
//!                 }
//!             }
//!             Input::ProcessExited(exited) => effects.finish(match exited.exit {
//!                 Exit::Code(0) => Outcome::completed(self.last.take()),
//!                 _ => Outcome::failed("exit_status", exited.stderr_tail),
//!             }),
//!             Input::ProcessFailed((_, why)) => effects.finish(Outcome::failed("start_failed", why)),
//!             Input::Refused(refused) => effects.finish(Outcome::failed("refused", refused.reason)),
//!             // The process was asked to stop by whoever cancels; its exit ends the run.
//!             _ => {}
//!         }
//!         Ok(())
//!     }
//! }
//!
//! pointsman_sdk::export_backend!(Greeter);
//!
//! // And its test.
//! use pointsman_sdk::rehearsal::{Rehearsal, a_task};
//!
//! let mut run = Rehearsal::<Greeter>::start(a_task("Ada")).unwrap();
//! assert_eq!(run.written(GREETER), b"Ada");
//! run.lines(GREETER, ["Hello, Ada!"]).unwrap();
//! run.exited(GREETER, Exit::Code(0), "").unwrap();
//! assert_eq!(run.outcome().unwrap().final_response.as_deref(), Some("Hello, Ada!"));
//! ```
//!
//! The crate of such a plugin says `crate-type = ["cdylib", "rlib"]` and is built with
//! `cargo build --profile guest --target wasm32-wasip2`.
//!
//! **Deliberately missing:** I/O, clocks and randomness; whatever is not in a plugin's inputs is not for a plugin.

pub mod backend;
#[doc(hidden)]
pub mod bindings;
pub mod config;
mod draft;
mod export;
pub mod kind;
mod line;
pub mod policy;
pub mod prompt;
pub mod question;
pub mod rehearsal;
pub mod sanitizer;
pub mod types;

pub use draft::Draft;
pub use line::Line;
