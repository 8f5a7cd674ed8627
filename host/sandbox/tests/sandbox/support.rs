//! The hostile guest, built once, and what is handed to it.

use std::sync::OnceLock;
use std::time::Duration;

use pointsman_model::plugin::{Effect, Input, PluginEvent, Stamped, Task};
use pointsman_model::{Access, Message, Speaker, Timestamp};
use pointsman_sandbox::{
    BackendPlugin, BackendRun, CallError, Cause, GuestFailure, Limits, Sandbox, SandboxConfig,
    SanitizerPlugin,
};
use serde_json::json;

/// When everything happens.
pub(crate) const NOW: u64 = 1_763_700_000_123;

/// Gives the hostile guest's component.
pub(crate) fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let paths = pointsman_guest_build::build(&["pointsman-hostile"]).expect("the hostile guest builds");
        std::fs::read(&paths[0]).expect("the hostile guest was built")
    })
}

/// Gives the component with one text in it replaced by another of the same length.
pub(crate) fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = component().to_vec();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, seen)| *seen == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty(), "{from:?} is not in the component");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

/// Gives the component with another word for what its description does.
pub(crate) fn describing(word: &str) -> Vec<u8> {
    let honest = format!("hostile-guest:describe: {:<24}", "honest");
    patched(&honest, &format!("hostile-guest:describe: {word:<24}"))
}

/// Limits that a test soon reaches, but that a slow machine does not reach by itself.
pub(crate) fn tight(limits: Limits) -> Limits {
    Limits { memory_bytes: 96 << 20, fuel: 300_000_000, deadline: Duration::from_secs(60), ..limits }
}

/// A sandbox with [`tight`] limits, changed at will. What it compiles it keeps beside the guests: each test is a
/// process of its own.
pub(crate) fn sandbox_with(change: impl Fn(&mut Limits)) -> Sandbox {
    let mut config = SandboxConfig::new(Some(pointsman_guest_build::guest_dir().join("compiled")));
    for limits in [&mut config.backend, &mut config.sanitizer, &mut config.policy] {
        *limits = tight(limits.clone());
        change(limits);
    }
    Sandbox::new(config).expect("a sandbox")
}

pub(crate) fn sandbox() -> Sandbox {
    sandbox_with(|_| {})
}

pub(crate) fn backend() -> BackendPlugin {
    sandbox().load_backend("hostile", component()).expect("a backend")
}

pub(crate) fn sanitizer() -> SanitizerPlugin {
    sandbox().load_sanitizer("hostile", component()).expect("a sanitizer")
}

/// A task of which the guest does this word at once.
pub(crate) fn task(word: &str) -> Task {
    task_in("start", word)
}

pub(crate) fn task_in(export: &str, word: &str) -> Task {
    Task {
        run_id: "run".to_owned(),
        session_id: "session".to_owned(),
        agent_name: "agent".to_owned(),
        started_at: Timestamp::from_millis(NOW),
        role: "worker".to_owned(),
        message: Message::text(Speaker::User, "hello"),
        instructions: None,
        cwd: "/tmp".to_owned(),
        access: Access::ReadOnly,
        output_schema: None,
        resume: None,
        mcp_servers: Vec::new(),
        config: json!({ "do": word, "in": export }),
    }
}

/// A run that does its word from its second input on.
pub(crate) fn run(backend: &BackendPlugin, word: &str) -> BackendRun {
    let (mut run, effects) = backend.start(&task_in("handle", word), [0; 32]).expect("a run");
    assert!(effects.is_empty());
    run.handle(&[timer(1)]).expect("the first call behaves");
    run
}

pub(crate) fn timer(after: u64) -> Stamped {
    Stamped { at: Timestamp::from_millis(NOW + after), input: Input::Timer(1) }
}

/// Gives what a guest says that it found.
pub(crate) fn found(effects: &[Effect]) -> &str {
    let [Effect::Emit(PluginEvent { data, .. })] = effects else { panic!("{effects:?}") };
    data["found"].as_str().expect("a text")
}

/// Gives how a guest failed in an export, whose name the error must tell.
pub(crate) fn cause<T>(result: Result<T, CallError>, export: &str) -> Cause {
    match result {
        Err(CallError::Guest(failure)) => cause_of(failure, export),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{export} did not fail"),
    }
}

pub(crate) fn cause_of(failure: GuestFailure, export: &str) -> Cause {
    let text = failure.to_string();
    assert!(text.contains("plugin hostile failed in"), "{text}");
    assert!(text.contains(&format!("`{export}`")), "{text}");
    failure.cause
}

/// Says whether a cause is the one that this word of ruin must have, under [`tight`] limits.
pub(crate) fn is_cause_of(word: &str, cause: &Cause) -> bool {
    match word {
        "trap" => matches!(cause, Cause::Trap { message } if message.contains("unreachable")),
        "panic" => matches!(cause, Cause::Trap { .. }),
        "exit" => matches!(cause, Cause::Trap { message } if message.contains("exit(")),
        "frames" => matches!(cause, Cause::Trap { message } if message.contains("out of bounds")),
        "stack" => matches!(cause, Cause::Trap { message } if message.contains("stack")),
        "spin" => matches!(cause, Cause::OutOfFuel { limit: 300_000_000 }),
        "memory" => *cause == Cause::OutOfMemory { limit: 96 << 20 },
        _ => panic!("{word} ruins nothing"),
    }
}
