//! `pointsman plugin`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List the components that are configured
    #[command(visible_alias = "ls")]
    List,
    /// Load a component and show what it says of itself: what it can do, what it asks for, how it is configured
    Inspect {
        /// The name of a backend, sanitizer or policy, or the path of a .wasm file
        plugin: String,
    },
}
