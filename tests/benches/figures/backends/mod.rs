//! Events through each backend: its recordings, through the component in the sandbox and through the same crate
//! compiled natively, in turns.

mod player;
mod script;
mod streams;

use std::hint::black_box;
use std::time::Duration;

use pointsman_acp::Acp;
use pointsman_claude_code::ClaudeCode;
use pointsman_codex::Codex;
use pointsman_command::Command;
use pointsman_model::plugin::Effect;
use pointsman_remote_a2a::RemoteA2a;
use pointsman_sandbox::{BackendPlugin, Sandbox, SandboxConfig};
use pointsman_sdk::backend::{Adapter, Effect as GuestEffect, Effects, Input};
use serde_json::{Value, json};

use crate::Effort;
use crate::figure::{Figure, Goal, Number};
use crate::samples::{Samples, timed};
use player::{dialogue, recordings};
use script::{Script, Step};

/// How long one round should take, so that the clock does not matter.
const ROUND: Duration = Duration::from_millis(200);

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let sandbox = Sandbox::new(SandboxConfig::new(None)).expect("a sandbox");
    let recorded = |plugin: &str, folder: &str, play: fn(&Value, &str) -> Script, config: Value| {
        let texts = recordings(plugin, folder, "jsonl");
        texts.iter().map(|text| play(&config, text)).collect::<Vec<_>>()
    };
    let program = json!({"program": "agent"});
    let of = |name: &str, component, measure: Comparison, scripts: Vec<Script>| {
        let plugin = sandbox.load_backend(name, component).expect("the component loads");
        measure(effort, name, &plugin, &scripts)
    };
    vec![
        of(
            "codex, exec",
            pointsman_bundle::CODEX,
            compare::<Codex>,
            recorded("codex", "codex-exec", dialogue::<Codex>, json!({"protocol": "exec"})),
        ),
        of(
            "codex, app server",
            pointsman_bundle::CODEX,
            compare::<Codex>,
            recorded("codex", "codex-app-server", dialogue::<Codex>, json!({"protocol": "app_server"})),
        ),
        of(
            "claude_code",
            pointsman_bundle::CLAUDE_CODE,
            compare::<ClaudeCode>,
            recorded("claude_code", "stream-json", dialogue::<ClaudeCode>, json!({})),
        ),
        of("acp", pointsman_bundle::ACP, compare::<Acp>, recorded("acp", "", dialogue::<Acp>, program)),
        of("remote_a2a", pointsman_bundle::REMOTE_A2A, compare::<RemoteA2a>, streams::scripts()),
        of("command", pointsman_bundle::COMMAND, compare::<Command>, vec![said()]),
    ]
}

/// What a program says that speaks the dialect of the backend `command`: there are no recordings of such.
fn said() -> Script {
    let lines: Vec<String> = (0..250)
        .flat_map(|step| {
            let command = json!({"command": "grep -rn needle src", "output": "src/a.rs:7: needle", "exit_code": 0});
            [
                json!({"type": "command_started", "item_id": step.to_string(), "data": {"command": command["command"]}}),
                json!({"type": "command_finished", "item_id": step.to_string(), "data": command}),
            ]
        })
        .map(|line| line.to_string())
        .collect();
    let config = json!({"program": "agent", "prompt": "none", "output": "jsonl"});
    dialogue::<Command>(&config, &lines.join("\n"))
}

type Comparison = fn(Effort, &str, &BackendPlugin, &[Script]) -> Figure;

/// What one way of mapping took.
#[derive(Debug, Clone, Copy, Default)]
struct Took {
    /// Making the runs.
    launches: Duration,
    /// Handing over what happened.
    mapping: Duration,
    /// Events told meanwhile.
    events: usize,
}

fn compare<A: Adapter>(effort: Effort, name: &str, plugin: &BackendPlugin, scripts: &[Script]) -> Figure {
    let inputs: usize = scripts.iter().map(|script| script.steps.len()).sum();
    let events = native::<A>(scripts, 1).events;
    assert_eq!(sandboxed(plugin, scripts, 1).events, events, "{name}: both map the same");
    assert!(events > scripts.len(), "{name}: the recordings say something");
    let times = |round: &dyn Fn(usize) -> Took| {
        let once = round(1).mapping.max(Duration::from_micros(1));
        usize::try_from(ROUND.as_micros() / once.as_micros()).unwrap_or(1).max(1)
    };
    let slow = times(&|times| sandboxed(plugin, scripts, times));
    let fast = times(&|times| native::<A>(scripts, times));
    let rate = |took: Took| took.events as f64 / took.mapping.as_secs_f64();
    let (mut inside, mut outside, mut launches) = (Vec::new(), Vec::new(), Vec::new());
    // In turns, so that whatever else the machine does hits both alike.
    for _ in 0..effort.of(9, 2) {
        let took = sandboxed(plugin, scripts, slow);
        inside.push(rate(took));
        launches.push(took.launches.as_secs_f64() * 1e6 / (scripts.len() * slow) as f64);
        outside.push(rate(native::<A>(scripts, fast)));
    }
    let (inside, outside) = (Samples::new(inside), Samples::new(outside));
    Figure {
        what: format!("events through {name}, in the sandbox"),
        reached: inside.median(),
        unit: "/s",
        goal: Goal::None,
        how: format!(
            "{}; natively {} /s, {} times as many; {} recordings: {inputs} calls, {events} events; a launch {} µs",
            inside.spread("rounds"),
            Number(outside.median()),
            Number(outside.median() / inside.median()),
            scripts.len(),
            Number(Samples::new(launches).median()),
        ),
    }
}

/// Runs every script so many times through the component.
fn sandboxed(plugin: &BackendPlugin, scripts: &[Script], times: usize) -> Took {
    let prepared: Vec<_> = scripts.iter().map(|script| (script.host_task(), script.host_inputs())).collect();
    let count = |effects: Vec<Effect>| {
        black_box(effects).iter().filter(|effect| matches!(effect, Effect::Emit(_))).count()
    };
    let mut all = Took::default();
    for (task, inputs) in prepared.iter().cycle().take(scripts.len() * times) {
        let (took, (mut run, _)) = timed(|| plugin.start(task, [7; 32]).expect("the task is taken"));
        all.launches += took;
        let (took, events) = timed(|| -> usize {
            let call = |input| count(run.handle(std::slice::from_ref(input)).expect("the run goes on"));
            inputs.iter().map(call).sum()
        });
        all.mapping += took;
        all.events += events;
    }
    all
}

/// The same through the crate as it is compiled here.
fn native<A: Adapter>(scripts: &[Script], times: usize) -> Took {
    let count = |effects: Effects| {
        let effects = black_box(effects.into_vec());
        effects.iter().filter(|effect| matches!(effect, GuestEffect::Emit(_))).count()
    };
    let mut all = Took::default();
    for script in scripts.iter().cycle().take(scripts.len() * times) {
        // What an adapter is handed it keeps, so it is made anew each time; that is not what is measured.
        let task = Script::guest_task(&script.config);
        let inputs: Vec<Input> = script.steps.iter().map(Step::guest).collect();
        let mut effects = Effects::new();
        let (took, mut adapter) = timed(|| A::start(task, &mut effects).expect("the task is taken"));
        all.launches += took;
        let (took, events) = timed(|| -> usize {
            let call = |(at, input)| {
                let mut effects = Effects::new();
                adapter.handle(input, at, &mut effects).expect("the run goes on");
                count(effects)
            };
            (1..).zip(inputs).map(call).sum()
        });
        all.mapping += took;
        all.events += events;
    }
    all
}
