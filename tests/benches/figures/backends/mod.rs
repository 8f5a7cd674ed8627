//! Events through each backend: its recordings, through the component in the sandbox and through the same crate
//! compiled natively, in turns.

mod player;
mod script;
mod streams;

use std::hint::black_box;
use std::time::Duration;

use pointsman_acp::Acp;
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
use script::Script;

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
            recorded("codex", "", dialogue::<Codex>, json!({})),
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

fn compare<A: Adapter>(effort: Effort, name: &str, plugin: &BackendPlugin, scripts: &[Script]) -> Figure {
    let (events, inputs) =
        (native::<A>(scripts, 1).1, scripts.iter().map(|script| script.steps.len()).sum::<usize>());
    assert_eq!(sandboxed(plugin, scripts, 1).1, events, "{name}: both map the same");
    assert!(events > scripts.len(), "{name}: the recordings say something");
    let times = |round: &dyn Fn(usize) -> Duration| {
        let once = round(1).max(Duration::from_micros(1));
        usize::try_from(ROUND.as_micros() / once.as_micros()).unwrap_or(1).max(1)
    };
    let fast = times(&|times| native::<A>(scripts, times).0);
    let slow = times(&|times| sandboxed(plugin, scripts, times).0);
    let rate = |times: usize, took: Duration| (events * times) as f64 / took.as_secs_f64();
    let mut rates = (Vec::new(), Vec::new());
    // In turns, so that whatever else the machine does hits both alike.
    for _ in 0..effort.of(9, 2) {
        rates.0.push(rate(slow, sandboxed(plugin, scripts, slow).0));
        rates.1.push(rate(fast, native::<A>(scripts, fast).0));
    }
    let (inside, outside) = (Samples::new(rates.0), Samples::new(rates.1));
    Figure {
        what: format!("events through {name}, in the sandbox"),
        reached: inside.median(),
        unit: "/s",
        goal: Goal::None,
        how: format!(
            "{}; natively {} /s, {} times as many; {} runs, {inputs} calls, {events} events, launches included",
            inside.spread("rounds"),
            Number(outside.median()),
            Number(outside.median() / inside.median()),
            scripts.len(),
        ),
    }
}

/// Runs every script so many times through the component.
fn sandboxed(plugin: &BackendPlugin, scripts: &[Script], times: usize) -> (Duration, usize) {
    let prepared: Vec<_> = scripts.iter().map(|script| (script.host_task(), script.host_inputs())).collect();
    let count = |effects: Vec<Effect>| {
        black_box(effects).iter().filter(|effect| matches!(effect, Effect::Emit(_))).count()
    };
    let (took, events) = timed(|| {
        let mut events = 0;
        for _ in 0..times {
            for (task, inputs) in &prepared {
                let (mut run, effects) = plugin.start(task, [7; 32]).expect("the task is taken");
                events += count(effects);
                for input in inputs {
                    events += count(run.handle(std::slice::from_ref(input)).expect("the run goes on"));
                }
            }
        }
        events
    });
    (took, events / times)
}

/// The same through the crate as it is compiled here.
fn native<A: Adapter>(scripts: &[Script], times: usize) -> (Duration, usize) {
    let count = |effects: Effects| {
        let effects = black_box(effects.into_vec());
        effects.iter().filter(|effect| matches!(effect, GuestEffect::Emit(_))).count()
    };
    let mut took = Duration::ZERO;
    let mut events = 0;
    for _ in 0..times {
        // What an adapter is handed it keeps, so it is made anew each time; that is not what is measured.
        let prepared: Vec<(_, Vec<Input>)> = scripts
            .iter()
            .map(|script| {
                (Script::guest_task(&script.config), script.steps.iter().map(script::Step::guest).collect())
            })
            .collect();
        took += timed(|| {
            for (task, inputs) in prepared {
                let mut effects = Effects::new();
                let mut adapter = A::start(task, &mut effects).expect("the task is taken");
                events += count(effects);
                for (at, input) in (1..).zip(inputs) {
                    let mut effects = Effects::new();
                    adapter.handle(input, at, &mut effects).expect("the run goes on");
                    events += count(effects);
                }
            }
        })
        .0;
    }
    (took, events / times)
}
