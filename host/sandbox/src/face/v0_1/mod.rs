//! `pointsman:plugin@0.1.0`.

pub(super) mod backend;
mod effects;
mod inputs;
pub(super) mod policy;
pub(super) mod sanitizer;
mod types;

/// What the bindings' generator makes of the contract.
mod bindings {
    pub(super) mod backend {
        wasmtime::component::bindgen!({ path: "../../wit", world: "backend-plugin" });
    }
    pub(super) mod sanitizer {
        wasmtime::component::bindgen!({
            path: "../../wit",
            world: "sanitizer-plugin",
            with: { "pointsman:plugin/types": super::backend::pointsman::plugin::types },
        });
    }
    pub(super) mod policy {
        wasmtime::component::bindgen!({
            path: "../../wit",
            world: "policy-module",
            with: { "pointsman:plugin/types": super::backend::pointsman::plugin::types },
        });
    }
    pub(super) use self::backend::pointsman::plugin::types;
}
