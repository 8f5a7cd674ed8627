//! One instance's store, and the way that every call into it takes.

use std::sync::Arc;

use pointsman_model::Timestamp;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::intake::Fault;
use crate::quota::Quota;
use crate::ticker::Ticker;
use crate::wasi::Wasi;
use crate::{CallError, Cause, GuestFailure, Limits};

/// What the host keeps for one instance.
pub(crate) struct Guest {
    pub(crate) wasi: Wasi,
    quota: Quota,
}

/// What every instance of a plugin shares.
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) limits: Limits,
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) ticker: Arc<Ticker>,
}

/// An instance. After a failure it is gone, and every further call says so.
pub(crate) struct Cell {
    plugin: Arc<Plugin>,
    store: Option<Store<Guest>>,
}

/// The export's name while an instance is made.
const INSTANTIATE: &str = "instantiate";

impl Plugin {
    /// Makes an instance. This runs code of the guest, so it is a call like any other.
    pub(crate) fn instantiate(
        self: &Arc<Self>,
        at: Timestamp,
        seed: [u8; 32],
    ) -> Result<(Cell, Instance), GuestFailure> {
        let limits = &self.limits;
        let guest = Guest {
            wasi: Wasi::new(&self.name, seed, limits.handles, limits.log_bytes),
            quota: Quota::new(limits),
        };
        let mut store = Store::new(self.pre.engine(), guest);
        store.limiter(|guest| &mut guest.quota);
        store.set_hostcall_fuel(limits.returned_bytes);
        store.set_max_component_handles(limits.handles);
        let mut cell = Cell { plugin: Arc::clone(self), store: Some(store) };
        match cell.call(INSTANTIATE, at, |store| Ok(self.pre.instantiate(store)?)) {
            Ok(instance) => Ok((cell, instance)),
            Err(CallError::Guest(failure)) => Err(failure),
            Err(error) => Err(self.failure(INSTANTIATE, Cause::Malformed { what: error.to_string() })),
        }
    }

    fn failure(&self, export: &'static str, cause: Cause) -> GuestFailure {
        GuestFailure { plugin: self.name.clone(), export, cause }
    }
}

impl Cell {
    /// Calls into the instance with full fuel, a fresh deadline and the time that the guest shall see.
    ///
    /// Whatever goes wrong, short of the guest's own refusal, ends the instance.
    pub(crate) fn call<T>(
        &mut self,
        export: &'static str,
        at: Timestamp,
        call: impl FnOnce(&mut Store<Guest>) -> Result<T, Fault>,
    ) -> Result<T, CallError> {
        let Some(mut store) = self.store.take() else {
            return Err(self.plugin.failure(export, Cause::Poisoned).into());
        };
        let limits = &self.plugin.limits;
        store.data_mut().quota.forgive();
        store.data_mut().wasi.begin_call(at);
        // A store that was given no deadline traps at once, and one with no fuel too: both come before any call.
        store.set_epoch_deadline(Ticker::ticks(limits.deadline));
        let answer = store.set_fuel(limits.fuel).map_err(Fault::from).and_then(|()| {
            let _running = self.plugin.ticker.running();
            call(&mut store)
        });
        store.data_mut().wasi.end_call();
        match answer {
            Ok(value) => {
                self.store = Some(store);
                Ok(value)
            }
            Err(Fault::Refused(text)) => {
                self.store = Some(store);
                Err(CallError::Refused(text))
            }
            Err(Fault::Input(what)) => {
                self.store = Some(store);
                Err(CallError::Input { plugin: self.plugin.name.clone(), what })
            }
            Err(Fault::TooMuch { what, limit }) => {
                Err(self.plugin.failure(export, Cause::ReturnedTooMuch { what, limit }).into())
            }
            Err(Fault::Malformed(what)) => Err(self.plugin.failure(export, Cause::Malformed { what }).into()),
            Err(Fault::Runtime(error)) => {
                let cause = cause(&error, export, limits, store.data().quota.denied_memory());
                tracing::debug!(plugin = self.plugin.name, export, "{error:?}");
                Err(self.plugin.failure(export, cause).into())
            }
        }
    }
}

/// Names what ended a call.
fn cause(error: &wasmtime::Error, export: &'static str, limits: &Limits, denied_memory: bool) -> Cause {
    let trap = error.downcast_ref::<Trap>();
    match trap {
        Some(Trap::OutOfFuel) => return Cause::OutOfFuel { limit: limits.fuel },
        Some(Trap::Interrupt) => return Cause::Deadline { limit: limits.deadline },
        _ => {}
    }
    if denied_memory {
        // The guest was told that there is no more, and gave up.
        return Cause::OutOfMemory { limit: limits.memory_bytes };
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return Cause::Trap { message: format!("it called exit({code})") };
    }
    let message = error.root_cause().to_string();
    // The runtime gives this error no type of its own; the hostile guests' tests notice if it is ever reworded.
    if message.contains("fuel allocated for hostcalls has been exhausted") {
        return Cause::ReturnedTooMuch { what: "bytes", limit: limits.returned_bytes };
    }
    // An error that passed through the guest's frames carries them along, be it a trap or a word of the host's WASI.
    if trap.is_some() || error.downcast_ref::<WasmBacktrace>().is_some() {
        return Cause::Trap { message };
    }
    if export == INSTANTIATE {
        // The pool, or the instance's own limits of memories, tables and core instances.
        return Cause::NoRoom { message };
    }
    // What is left was found by the runtime while it read the answer, such as text that is not UTF-8.
    Cause::Malformed { what: message }
}
