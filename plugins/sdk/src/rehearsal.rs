//! Running an adapter without a host: recorded inputs in, effects out.
//!
//! A rehearsal stands in for the host as far as the contract goes. It performs nothing, but it is as strict: handles
//! must live, events must be well formed and of a kind that a plugin may emit, and nothing may follow the end.

mod seen;
mod strict;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::backend::{
    Access, Adapter, Effect, Effects, Exit, Exited, HandleId, Input, Outcome, Output, OutputStream, Process,
    Task,
};
use crate::kind;
use crate::types::{Message, Speaker};

/// A run of an adapter, with all that it has asked for so far.
#[derive(Debug)]
pub struct Rehearsal<A> {
    adapter: A,
    effects: Vec<Effect>,
    stage: strict::Stage,
    now: u64,
}

/// Makes a task with this prompt, write access and nothing special; change what a test is about.
#[must_use]
pub fn a_task(prompt: &str) -> Task {
    Task {
        run_id: "11111111-1111-4111-8111-111111111111".to_owned(),
        session_id: "22222222-2222-4222-8222-222222222222".to_owned(),
        agent_name: "agent1".to_owned(),
        started_at: 0,
        role: "worker".to_owned(),
        message: Message::text(Speaker::User, prompt),
        instructions: None,
        cwd: "/workspace".to_owned(),
        access: Access::WorkspaceWrite,
        output_schema: None,
        resume: None,
        mcp_servers: Vec::new(),
        config: "{}".to_owned(),
    }
}

impl<A: Adapter> Rehearsal<A> {
    /// Starts an adapter.
    ///
    /// # Errors
    ///
    /// The adapter's own, or what its effects broke of the contract.
    pub fn start(task: Task) -> Result<Self, String> {
        let now = task.started_at;
        let mut effects = Effects::new();
        let adapter = A::start(task, &mut effects)?;
        let stage = strict::Stage::new(&A::describe().common.name);
        let mut run = Self { adapter, effects: Vec::new(), stage, now };
        run.take(effects)?;
        Ok(run)
    }

    /// Hands one input over.
    ///
    /// # Errors
    ///
    /// The adapter's own, or what its effects broke of the contract.
    pub fn input(&mut self, input: Input) -> Result<(), String> {
        if self.outcome().is_some() {
            return Err("the run has ended; a host hands nothing over any more".to_owned());
        }
        self.stage.note_input(&input);
        self.now += 1;
        let mut effects = Effects::new();
        self.adapter.handle(input, self.now, &mut effects)?;
        self.take(effects)
    }

    /// Hands lines of standard output over, as one input.
    ///
    /// # Errors
    ///
    /// As [`Rehearsal::input`].
    pub fn lines<T: Into<String>>(
        &mut self,
        id: HandleId,
        lines: impl IntoIterator<Item = T>,
    ) -> Result<(), String> {
        let lines = lines.into_iter().map(Into::into).collect();
        let stream = OutputStream::StandardOutput;
        self.input(Input::ProcessOutput(Output { id, stream, lines, clipped: Vec::new() }))
    }

    /// Ends a process.
    ///
    /// # Errors
    ///
    /// As [`Rehearsal::input`].
    pub fn exited(&mut self, id: HandleId, exit: Exit, stderr_tail: &str) -> Result<(), String> {
        self.input(Input::ProcessExited(Exited { id, exit, stderr_tail: stderr_tail.to_owned() }))
    }

    /// Gives all effects so far.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// Gives the process of this handle as it was started last.
    #[must_use]
    pub fn process(&self, id: HandleId) -> Option<&Process> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::StartProcess(process) if process.id == id => Some(process),
            _ => None,
        })
    }

    /// Gives a process's arguments, files as `<name>`.
    #[must_use]
    pub fn args(&self, id: HandleId) -> Vec<String> {
        self.process(id).map(|process| seen::args(&process.args)).unwrap_or_default()
    }

    /// Gives all that was written to a process.
    #[must_use]
    pub fn written(&self, id: HandleId) -> Vec<u8> {
        let pieces = self.effects.iter().filter_map(|effect| match effect {
            Effect::WriteProcess((to, bytes)) if *to == id => Some(bytes.as_slice()),
            _ => None,
        });
        pieces.collect::<Vec<_>>().concat()
    }

    /// Gives the events so far as `{kind, item?, data}`.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Emit(event) => Some(seen::event(event)),
                _ => None,
            })
            .collect()
    }

    /// Gives what the run has told of its usage so far, number by number: tokens read, of these cached, tokens written, and
    /// millionths of a dollar. The outcome's usage, if there is one, comes last.
    #[must_use]
    pub fn used(&self) -> Vec<[u64; 4]> {
        let told = self.events().into_iter().filter(|event| event["kind"] == kind::USAGE_UPDATED);
        let number = |data: &Value, name: &str| data[name].as_u64().unwrap_or_default();
        let mut used: Vec<[u64; 4]> = told
            .map(|event| {
                let names = ["input_tokens", "cached_input_tokens", "output_tokens", "cost_micro_usd"];
                names.map(|name| number(&event["data"], name))
            })
            .collect();
        if let Some(usage) = self.outcome().and_then(|outcome| outcome.usage) {
            let cost = usage.cost_micro_usd.unwrap_or_default();
            used.push([usage.input_tokens, usage.cached_input_tokens, usage.output_tokens, cost]);
        }
        used
    }

    /// Counts how often usage was told while the run went on.
    ///
    /// # Errors
    ///
    /// If it did not grow from each time to the next, or did not end at what the outcome says: told in the midst of a run,
    /// nothing is new for the outcome, so that it is counted once.
    pub fn told_in_between(&self) -> Result<usize, String> {
        let used = self.used();
        // Which tokens were read and which were written may become known later.
        let shrinks = |pair: &[[u64; 4]]| match pair {
            [before, after] => before[0] + before[2] > after[0] + after[2] || before[3] > after[3],
            _ => false,
        };
        if used.windows(2).any(shrinks) {
            return Err(format!("what was told of usage shrinks: {used:?}"));
        }
        match used.as_slice() {
            [.., told, last] if told != last => {
                Err(format!("the outcome's usage was not told before: {used:?}"))
            }
            _ => Ok(used.len().saturating_sub(1)),
        }
    }

    /// Counts the events so far by their kind.
    #[must_use]
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for effect in &self.effects {
            if let Effect::Emit(event) = effect {
                *kinds.entry(event.kind.as_str()).or_default() += 1;
            }
        }
        kinds
    }

    /// Gives the outcome, if the run has ended.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self.effects.last() {
            Some(Effect::Finish(outcome)) => Some(outcome),
            _ => None,
        }
    }

    /// Gives what the run asked to remember last.
    #[must_use]
    pub fn remembered(&self) -> Option<Value> {
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Remember(json) => serde_json::from_str(json).ok(),
            _ => None,
        })
    }

    /// Gives all effects so far in a form that snapshots well.
    #[must_use]
    pub fn seen(&self) -> Vec<Value> {
        self.effects.iter().map(seen::effect).collect()
    }

    fn take(&mut self, effects: Effects) -> Result<(), String> {
        for effect in effects.into_vec() {
            self.stage.check(&effect)?;
            self.effects.push(effect);
        }
        Ok(())
    }
}
