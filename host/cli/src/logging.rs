//! The log: standard error, always.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{Config, LogFormat};
use crate::exit::Exit;
use crate::failure::Failure;

/// Starts the log. `RUST_LOG` wins over the configuration, so that one run can be looked at closely.
pub(crate) fn start(config: &Config) -> Result<(), Failure> {
    let chosen = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let name = if chosen.is_some() { "RUST_LOG" } else { "log.level" };
    let text = chosen.as_deref().unwrap_or(&config.log.level);
    let filter = EnvFilter::builder().parse(text).map_err(|error: ParseError| {
        Failure::new(Exit::Configuration, format!("{name}: {text:?} is no filter for the log: {error}"))
            .help("error, warn, info, debug or trace, also per part: warn,pointsman_engine=debug")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match config.log.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| Failure::internal(format!("the log cannot be started: {error}")))
}
