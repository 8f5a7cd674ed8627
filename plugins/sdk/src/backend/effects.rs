//! Collecting effects.

use super::{Effect, HandleId, Interruption, Outcome, Permission, Process, Request, Stop};
use crate::types::Event;

/// What an adapter asks its host to do, in order.
#[derive(Debug, Default)]
pub struct Effects {
    effects: Vec<Effect>,
    finished: bool,
}

impl Effects {
    /// Begins with nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an effect of any kind. Behind a finish it is dropped, as the host would.
    pub fn push(&mut self, effect: Effect) {
        if self.finished {
            return;
        }
        self.finished = matches!(effect, Effect::Finish(_));
        self.effects.push(effect);
    }

    /// Tells the world something; mostly a [`Draft`](crate::Draft).
    pub fn emit(&mut self, event: impl Into<Event>) {
        self.push(Effect::Emit(event.into()));
    }

    /// Starts a program.
    pub fn start_process(&mut self, process: Process) {
        self.push(Effect::StartProcess(process));
    }

    /// Writes to a process's standard input.
    pub fn write(&mut self, id: HandleId, bytes: impl Into<Vec<u8>>) {
        self.push(Effect::WriteProcess((id, bytes.into())));
    }

    /// Closes a process's standard input behind what was written.
    pub fn close_input(&mut self, id: HandleId) {
        self.push(Effect::CloseInput(id));
    }

    /// Asks a process to end.
    pub fn stop(&mut self, id: HandleId, how: Stop) {
        self.push(Effect::StopProcess((id, how)));
    }

    /// Sends an HTTP request.
    pub fn send_request(&mut self, request: Request) {
        self.push(Effect::SendRequest(request));
    }

    /// Gives up a request.
    pub fn abort_request(&mut self, id: HandleId) {
        self.push(Effect::AbortRequest(id));
    }

    /// Sets a timer, or moves it.
    pub fn set_timer(&mut self, id: HandleId, milliseconds: u32) {
        self.push(Effect::SetTimer((id, milliseconds)));
    }

    /// Clears a timer.
    pub fn clear_timer(&mut self, id: HandleId) {
        self.push(Effect::ClearTimer(id));
    }

    /// Asks whether the agent may use a tool.
    pub fn ask_permission(&mut self, permission: Permission) {
        self.push(Effect::AskPermission(permission));
    }

    /// Takes a question back that the agent no longer asks.
    pub fn withdraw_permission(&mut self, id: impl Into<String>) {
        self.push(Effect::WithdrawPermission(id.into()));
    }

    /// Waits for the user.
    pub fn await_input(&mut self, interruption: Interruption) {
        self.push(Effect::AwaitInput(interruption));
    }

    /// Keeps something for the run that takes this session up again.
    pub fn remember(&mut self, value: &serde_json::Value) {
        self.push(Effect::Remember(value.to_string()));
    }

    /// Ends the run. Only the first counts.
    pub fn finish(&mut self, outcome: Outcome) {
        self.push(Effect::Finish(outcome));
    }

    /// Says whether the run was ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Gives them as the contract wants them.
    #[must_use]
    pub fn into_vec(self) -> Vec<Effect> {
        self.effects
    }
}
