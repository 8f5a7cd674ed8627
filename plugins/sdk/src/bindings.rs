//! The contract in `wit/`, generated: once, so that guests need no generator and share their types.
//!
//! The other modules re-export what authors need; this one is public because the export macros reach into it.

/// Plain data that all worlds speak.
pub mod common {
    wit_bindgen::generate!({
        inline: "
            package pointsman:sdk;

            world common {
                import pointsman:plugin/types@0.1.0;
            }
        ",
        path: "../../wit",
        generate_all,
        additional_derives: [PartialEq],
    });
}

/// The world `backend-plugin`.
pub mod backend {
    wit_bindgen::generate!({
        world: "backend-plugin",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_backend",
        default_bindings_module: "pointsman_sdk::bindings::backend",
        additional_derives: [PartialEq],
        with: { "pointsman:plugin/types@0.1.0": crate::bindings::common::pointsman::plugin::types },
    });
}

/// The world `sanitizer-plugin`.
pub mod sanitizer {
    wit_bindgen::generate!({
        world: "sanitizer-plugin",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_sanitizer",
        default_bindings_module: "pointsman_sdk::bindings::sanitizer",
        additional_derives: [PartialEq],
        with: { "pointsman:plugin/types@0.1.0": crate::bindings::common::pointsman::plugin::types },
    });
}

/// The world `policy-module`.
pub mod policy {
    wit_bindgen::generate!({
        world: "policy-module",
        path: "../../wit",
        pub_export_macro: true,
        export_macro_name: "export_policy",
        default_bindings_module: "pointsman_sdk::bindings::policy",
        additional_derives: [PartialEq],
        with: { "pointsman:plugin/types@0.1.0": crate::bindings::common::pointsman::plugin::types },
    });
}
