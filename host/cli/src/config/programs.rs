//! The table of programs.

use std::collections::BTreeMap;

use pointsman_capabilities::process::{HostEnvironment, InvalidProgram, ProgramEntry, Programs};

use super::document::Program;
use super::error::ConfigError;
use super::load::Loaded;

/// Looks every program up once, here: what changes later on PATH or in a working directory changes nothing.
pub(super) fn programs(
    loaded: &Loaded,
    programs: &BTreeMap<String, Program>,
) -> Result<Programs, ConfigError> {
    let entry = |(id, program): (&String, &Program)| {
        let entry = ProgramEntry {
            command: program.command.clone().unwrap_or_else(|| id.clone()),
            args_before: program.args.clone(),
            pass_env: program.pass_env.clone(),
            set_env: program.set_env.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            plugin_env: program.plugin_env.clone(),
        };
        (id.clone(), entry)
    };
    Programs::resolve(programs.iter().map(entry), HostEnvironment::of_this_process()).map_err(|source| {
        let key = match &source {
            InvalidProgram::Command { id, .. } | InvalidProgram::Name { id, .. } => format!("programs.{id}"),
            _ => "programs".to_owned(),
        };
        ConfigError::Programs { place: loaded.place_of(&key), source }
    })
}
