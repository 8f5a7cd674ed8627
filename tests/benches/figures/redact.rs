//! Sanitizers over what agents wrote, in the sandbox.

use std::fs;
use std::path::Path;

use pointsman_model::Timestamp;
use pointsman_sandbox::{EventRef, Sandbox, SandboxConfig, SanitizerPlugin};
use serde_json::{Map, Value, json};

use crate::Effort;
use crate::figure::{Figure, Goal};
use crate::samples::{Samples, timed};

/// Events that are handed over at once, as the output of a busy agent is.
const BATCH: usize = 32;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let sandbox = Sandbox::new(SandboxConfig::new(None)).expect("a sandbox");
    let load = |name, bytes| sandbox.load_sanitizer(name, bytes).expect("the sanitizer loads");
    let (redact, spill) = (load("redact", pointsman_bundle::REDACT), load("spill", pointsman_bundle::SPILL));
    // A hundred forms of secrets, none of which is there: some ten secrets that were handed out.
    let record = |number: u32| format!("{:08x}{:04x}{:08x}{:038x}", 24, number * 601, number, number);
    let forms: String = (1..=100).map(record).collect();
    let secrets = json!({ "host_secrets": { "salt": "00".repeat(32), "forms": forms } }).to_string();
    let events = events();
    let bytes: usize = events.iter().map(|event| Value::Object(event.clone()).to_string().len()).sum();
    let chains: [(&str, Vec<(&SanitizerPlugin, &str)>); 3] = [
        ("spill alone", vec![(&spill, "{}")]),
        ("redact, spill", vec![(&redact, "{}"), (&spill, "{}")]),
        ("redact with 100 digests, spill", vec![(&redact, secrets.as_str()), (&spill, "{}")]),
    ];
    chains
        .map(|(what, chain)| {
            let round = || {
                let (took, ()) = timed(|| {
                    for batch in events.chunks(BATCH) {
                        let batch: Vec<_> = batch
                            .iter()
                            .map(|data| EventRef { kind: "x_recorded", item: None, data })
                            .collect();
                        for (plugin, config) in &chain {
                            let at = Timestamp::from_millis(0);
                            plugin.sanitize(config, &batch, at).expect("the sanitizer answers");
                        }
                    }
                });
                events.len() as f64 / took.as_secs_f64()
            };
            round();
            let samples = Samples::new((0..effort.of(21, 3)).map(|_| round()));
            Figure {
                what: format!("events sanitized, {what}"),
                reached: samples.median(),
                unit: "events/s",
                goal: Goal::None,
                how: format!(
                    "{}; {} recorded events of {} bytes on average, {BATCH} at once",
                    samples.spread("rounds"),
                    events.len(),
                    bytes / events.len().max(1)
                ),
            }
        })
        .into()
}

/// Every line of the recordings that is an object, as an event's data.
fn events() -> Vec<Map<String, Value>> {
    let mut events = Vec::new();
    for backend in ["acp", "claude_code", "codex", "remote_a2a"] {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(backend).join("tests/transcripts");
        collect(&folder, &mut events);
    }
    events
}

fn collect(path: &Path, events: &mut Vec<Map<String, Value>>) {
    if let Ok(entries) = fs::read_dir(path) {
        let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, events));
    } else if path.extension().is_some_and(|end| end == "jsonl") {
        let text = fs::read_to_string(path).unwrap_or_default();
        let objects = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.extend(objects.filter_map(|object| object.as_object().cloned()));
    }
}
