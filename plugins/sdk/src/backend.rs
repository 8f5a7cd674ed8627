//! World `backend-plugin`: drives one kind of agent.

mod effects;
mod gentle_stop;
mod outcome;
mod process;

use std::cell::RefCell;
use std::marker::PhantomData;

pub use crate::bindings::backend::exports::pointsman::plugin::backend::{
    About, Answer, Argument, Effect, Ending, ErrorStream, Exit, Exited, FailedRequest, Features, Framing,
    Guest, GuestRun, HandleId, Input, Interruption, InterruptionKind, McpServer, Outcome, Output,
    OutputStream, Permission, Process, Refused, Request, RequestFault, ResponseHead, Run, ScratchFile,
    ServerEvent, Stamped, Stop, Task, TestedProgram, Value,
};
pub use crate::types::{Access, Timestamp, Usage};
pub use effects::Effects;
pub use gentle_stop::GentleStop;

/// An adapter as a plain struct: [`Component`] makes a component of it.
pub trait Adapter: Sized + 'static {
    /// Says what the adapter is, what it can do and what it asks for.
    fn describe() -> About;

    /// Takes up a task.
    ///
    /// # Errors
    ///
    /// If the adapter refuses the task; nothing was done then. A person reads the text.
    fn start(task: Task, effects: &mut Effects) -> Result<Self, String>;

    /// Takes the next input.
    ///
    /// # Errors
    ///
    /// If the run cannot go on; it fails with this text. An agent's failure is no error here but an
    /// [`Effects::finish`].
    fn handle(&mut self, input: Input, at: Timestamp, effects: &mut Effects) -> Result<(), String>;
}

/// The component of an adapter; [`export_backend!`](crate::export_backend) exports it.
#[derive(Debug)]
pub struct Component<A>(PhantomData<A>);

impl<A: Adapter> Guest for Component<A> {
    type Run = OneRun<A>;

    fn describe() -> About {
        A::describe()
    }
}

/// A run of an adapter behind the contract's shared reference.
#[derive(Debug)]
pub struct OneRun<A>(RefCell<A>);

impl<A: Adapter> GuestRun for OneRun<A> {
    fn start(task: Task) -> Result<(Run, Vec<Effect>), String> {
        let mut effects = Effects::new();
        let adapter = A::start(task, &mut effects)?;
        Ok((Run::new(Self(RefCell::new(adapter))), effects.into_vec()))
    }

    fn handle(&self, inputs: Vec<Stamped>) -> Result<Vec<Effect>, String> {
        let mut adapter =
            self.0.try_borrow_mut().map_err(|_| "handle was called inside handle".to_owned())?;
        let mut effects = Effects::new();
        for Stamped { at, input } in inputs {
            adapter.handle(input, at, &mut effects)?;
            if effects.is_finished() {
                break;
            }
        }
        Ok(effects.into_vec())
    }
}
