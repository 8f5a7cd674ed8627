//! The first-party components, as bytes inside the program.
//!
//! The build script builds them, so `cargo build` and `cargo install --path host/cli` need no step before.

/// The backend that drives any agent that speaks the Agent Client Protocol.
pub const ACP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/acp.wasm"));

/// The backend that drives the Claude Code CLI.
pub const CLAUDE_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/claude_code.wasm"));

/// The backend that drives the Codex CLI.
pub const CODEX: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/codex.wasm"));

/// The backend that makes an agent of any program that the operator lists.
pub const COMMAND: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/command.wasm"));

/// The backend that speaks to an agent elsewhere by A2A.
pub const REMOTE_A2A: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/remote_a2a.wasm"));

/// The sanitizer that takes secrets out of events.
pub const REDACT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/redact.wasm"));

/// The sanitizer that moves what is long out of events.
pub const SPILL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/spill.wasm"));

/// The policy module that judges by ordered rules.
pub const RULES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rules.wasm"));

/// All of them, each under the name that its `describe` gives.
pub const ALL: &[(&str, &[u8])] = &[
    ("acp", ACP),
    ("claude_code", CLAUDE_CODE),
    ("codex", CODEX),
    ("command", COMMAND),
    ("remote_a2a", REMOTE_A2A),
    ("redact", REDACT),
    ("spill", SPILL),
    ("rules", RULES),
];

#[cfg(test)]
mod tests {
    #[test]
    fn each_is_a_component() {
        for (name, bytes) in super::ALL {
            // Magic, then version 13 of layer 1: a component and not a core module.
            assert_eq!(bytes.get(..8), Some(b"\0asm\x0d\0\x01\0".as_slice()), "{name} is no component");
        }
    }
}
