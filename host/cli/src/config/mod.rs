//! `pointsman.toml`: what the operator decides, read, checked and turned into the engine's settings.
//!
//! The commented example beside this crate is the reference. No file is needed to start; a file adds to what is there
//! without one. It is never looked for in the working directory: a repository must not be able to configure the host
//! that guards it.

mod a2a;
mod at_rest;
mod audit;
mod defaults;
mod delegation;
mod document;
mod elicitation;
mod error;
mod example;
mod grant;
mod load;
mod origins;
mod place;
mod programs;
mod sense;
mod settings;
mod spelling;
mod text_duration;
mod webhook;

pub(crate) use a2a::{Published, admission, agent_name, described, published, publishing};
pub(crate) use at_rest::{KeyPlaces, key_places, state_key};
pub(crate) use document::{Config, LogFormat};
pub(crate) use elicitation::elicitation;
pub(crate) use error::ConfigError;
pub(crate) use example::EXAMPLE;
pub(crate) use load::{Loaded, load, load_file};
pub(crate) use settings::settings;
pub(crate) use text_duration::TextDuration;
pub(crate) use webhook::webhook;
