//! The table of origins.

use std::collections::BTreeMap;

use pointsman_capabilities::request::{self, OriginEntry, Origins};

use super::document::{AddressClass, Origin};
use super::error::ConfigError;
use super::load::Loaded;

/// Gives the class of address that a word means.
pub(super) fn class(class: &AddressClass) -> request::AddressClass {
    match class {
        AddressClass::Public => request::AddressClass::Public,
        AddressClass::Private => request::AddressClass::Private,
        AddressClass::Loopback => request::AddressClass::Loopback,
    }
}

/// Reads the table, and the certificates that it names.
pub(super) fn origins(loaded: &Loaded, origins: &BTreeMap<String, Origin>) -> Result<Origins, ConfigError> {
    let entry = |(text, origin): (&String, &Origin)| {
        let entry = OriginEntry {
            methods: origin.methods.clone(),
            paths: origin.paths.clone(),
            addresses: origin.addresses.as_ref().map(|classes| classes.iter().map(class).collect()),
            ca_file: origin.ca_file.as_ref().map(|file| loaded.path_of(file)),
        };
        (text.clone(), entry)
    };
    Origins::new(origins.iter().map(entry))
        .map_err(|source| ConfigError::Origins { place: loaded.place_of("origins"), source })
}
