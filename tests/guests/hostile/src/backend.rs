//! The guest as a backend.

use std::cell::Cell;

use crate::ask::Ask;
use crate::bindings::exports::pointsman::plugin::backend::{
    About, Argument, Effect, Ending, ErrorStream, Features, Framing, Guest, GuestRun, Outcome, Permission,
    Process, Run, ScratchFile, Stamped, Task,
};
use crate::bindings::pointsman::plugin::types::Event;
use crate::reach::reach;
use crate::ruin::ruin;
use crate::{Hostile, describe, word};

/// A run that does its word in `handle`.
pub(crate) struct HostileRun {
    word: String,
    ask: Option<Ask>,
    calls: Cell<u32>,
}

impl Guest for Hostile {
    type Run = HostileRun;

    fn describe() -> About {
        About {
            common: describe::describe(),
            features: Features::RESUME | Features::LIVE_INPUT,
            tested: Vec::new(),
        }
    }
}

impl GuestRun for HostileRun {
    fn start(task: Task) -> Result<(Run, Vec<Effect>), String> {
        let word = word(&task.config);
        let config: serde_json::Value = serde_json::from_str(&task.config).unwrap_or_default();
        let ask = Ask::of(&word);
        let (calls, effects) = match config["in"].as_str() {
            _ if ask.is_some() => (0, ask.as_ref().map(Ask::start).unwrap_or_default()),
            Some("handle") => (0, Vec::new()),
            // Asks for a program, and does its word when it hears what became of that.
            Some("first_input") => (1, vec![start(Vec::new())]),
            _ => (0, act(&word)?),
        };
        Ok((Run::new(Self { word, ask, calls: Cell::new(calls) }), effects))
    }

    fn handle(&self, inputs: Vec<Stamped>) -> Result<Vec<Effect>, String> {
        if let Some(ask) = &self.ask {
            return Ok(ask.hear(inputs));
        }
        self.calls.set(self.calls.get() + 1);
        // Behaves the first time, so that a test sees the instance alive before it ruins it.
        if self.calls.get() == 1 {
            return Ok(vec![emit(&format!("{{\"inputs\":{}}}", inputs.len()))]);
        }
        act(&self.word)
    }
}

fn act(word: &str) -> Result<Vec<Effect>, String> {
    ruin(word);
    if let Some(found) = reach(word) {
        return Ok(vec![emit(&serde_json::json!({ "found": found }).to_string())]);
    }
    Ok(match word {
        "refuse" => return Err("not today".to_owned()),
        "refuse_at_length" => return Err("ä".repeat(1 << 20)),
        "huge_return" => vec![Effect::WriteProcess((1, vec![7; 48 << 20]))],
        "many_effects" => (0..100_000).map(Effect::ClearTimer).collect(),
        "very_many_effects" => (0..400_000).map(Effect::ClearTimer).collect(),
        "many_strings" => vec![start(vec![Argument::Plain(String::new()); 100_000])],
        "deep_json" => vec![emit(&format!("{{\"a\":{}{}}}", "[".repeat(1_000), "]".repeat(1_000)))],
        "many_nodes" => vec![emit(&format!("{{\"a\":[{}0]}}", "0,".repeat(1_000_000)))],
        "many_nodes_in_many_events" => {
            (0..100).map(|_| emit(&format!("{{\"a\":[{}0]}}", "0,".repeat(10_000)))).collect()
        }
        "long_json" => vec![emit(&format!("{{\"a\":\"{}\"}}", "x".repeat(9 << 20)))],
        "no_json" => vec![emit("{\"a\":")],
        "no_object" => vec![emit("[1]")],
        "every_effect" => every_effect(),
        // Of things that it has not told of, under one id and under very many.
        "ask_twice" => vec![ask("same"), ask("same"), emit("{\"asked\":2}")],
        "ask_without_end" => (0..1_000).map(|number| ask(&number.to_string())).collect(),
        _ => vec![emit("{\"well\":\"behaved\"}")],
    })
}

pub(crate) fn emit(data: &str) -> Effect {
    Effect::Emit(Event { kind: "x_hostile_said".to_owned(), item: None, data: data.to_owned() })
}

fn ask(id: &str) -> Effect {
    Effect::AskPermission(Permission {
        id: id.to_owned(),
        item: None,
        kind: "command".to_owned(),
        title: "rm -rf /".to_owned(),
        detail: r#"{"command":"rm -rf /"}"#.to_owned(),
        editable: false,
    })
}

pub(crate) fn finish() -> Effect {
    Effect::Finish(Outcome {
        ending: Ending::Completed,
        final_response: None,
        structured_output: None,
        usage: None,
        reason: None,
        error: None,
    })
}

fn start(args: Vec<Argument>) -> Effect {
    Effect::StartProcess(Process {
        id: 1,
        program: "codex".to_owned(),
        args,
        env: Vec::new(),
        framing: Framing::Lines,
        errors: ErrorStream::Tail,
    })
}

fn every_effect() -> Vec<Effect> {
    let file = ScratchFile { name: "schema.json".to_owned(), content: b"{}".to_vec() };
    vec![
        emit("{\"text\":\"\u{e4}\"}"),
        start(vec![Argument::Plain("exec".to_owned()), Argument::File(file)]),
        Effect::WriteProcess((1, b"in".to_vec())),
        Effect::CloseInput(1),
        Effect::SetTimer((2, 500)),
        Effect::ClearTimer(2),
        Effect::Remember("{\"thread\":\"t\"}".to_owned()),
        Effect::Extension(("later".to_owned(), "null".to_owned())),
        Effect::Finish(Outcome {
            ending: Ending::Failed,
            final_response: None,
            structured_output: Some("[1]".to_owned()),
            usage: None,
            reason: None,
            error: Some("it broke".to_owned()),
        }),
    ]
}
