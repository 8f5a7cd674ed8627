//! A guest that misbehaves on demand, so that tests see it contained.
//!
//! One component exports all three kinds of plugin. What it does in a call is said by a word: a backend's and a
//! sanitizer's stands in the configuration as `{"do": "spin"}`, with `"in": "start"`, `"in": "handle"` or
//! `"in": "first_input"` for a backend (`ask URL` and `ask_again URL` take a whole run); a policy's stands in its configuration for `load`, and as `decide` there or as
//! the question's `action` for `decide`. A description is asked for without any parameter: its word is
//! `describe::WORD`, which tests overwrite in the component's bytes.

mod ask;
mod backend;
mod describe;
mod policy;
mod reach;
mod ruin;
mod sanitizer;

/// What the bindings' generator makes of the contract.
#[cfg_attr(target_family = "wasm", expect(unsafe_code, reason = "generated"))]
mod bindings {
    wit_bindgen::generate!({
        path: "../../../wit",
        inline: "
            package pointsman:hostile;
            world hostile {
                export pointsman:plugin/backend@0.1.0;
                export pointsman:plugin/sanitizer@0.1.0;
                export pointsman:plugin/policy@0.1.0;
            }
        ",
        world: "pointsman:hostile/hostile",
        generate_all,
    });
    // A linker of native programs cannot take the names of a component's exports.
    #[cfg(target_family = "wasm")]
    use super::Hostile;
    #[cfg(target_family = "wasm")]
    export!(Hostile);
}

/// The guest.
struct Hostile;

/// Reads `{"do": …}`.
fn word(config: &str) -> String {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    config["do"].as_str().unwrap_or("nothing").to_owned()
}
