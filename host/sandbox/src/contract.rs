//! Whether a component is the plugin that it is loaded as.

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::{LoadError, wasi};

/// The contract's interface of shared types; importing it gives a plugin nothing.
const TYPES: &str = "pointsman:plugin/types";

/// Checks what a component imports and exports, so that what does not fit is named and not only refused.
///
/// Whether the types fit is seen later, when it is linked.
pub(crate) fn check(
    engine: &Engine,
    component: &Component,
    plugin: &str,
    wanted: &'static str,
) -> Result<(), LoadError> {
    let types = component.component_type();
    for (import, _) in types.imports(engine) {
        let (interface, version) = split(import);
        let known =
            interface == TYPES || (wasi::INTERFACES.contains(&interface) && version.starts_with("0.2."));
        if !known {
            return Err(LoadError::UnknownImport { plugin: plugin.to_owned(), import: import.to_owned() });
        }
    }
    let exports: Vec<&str> = types.exports(engine).map(|(name, _)| name).collect();
    let (interface, version) = split(wanted);
    // Patches of one version understand each other; the runtime knows that too.
    let series = version.rsplit_once('.').map_or(version, |(series, _)| series);
    let there = exports.iter().any(|export| {
        let (name, version) = split(export);
        name == interface && version.rsplit_once('.').is_some_and(|(theirs, _)| theirs == series)
    });
    if there {
        Ok(())
    } else {
        let found = exports.into_iter().map(|export| format!("`{export}`")).collect();
        Err(LoadError::MissingExport { plugin: plugin.to_owned(), wanted, found })
    }
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}
