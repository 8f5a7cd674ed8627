//! Streams that lead to the log or nowhere, and polling that never waits.
//!
//! The bindings' resource types carry futures, which would need a reactor to run in. Nothing here has to be waited
//! for, so the table holds plain values in their place; the handles' types are only those that the bindings ask for.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::io::{poll, streams};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult};

use super::Wasi;

/// An input at its end.
pub(super) struct Closed;

/// An output that goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Out,
    Err,
}

/// What a pollable waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Streams are always ready.
    Ready,
    /// A moment of the monotonic clock.
    Until(u64),
}

/// What one write may carry, in the words of `check-write`.
const ROOM: u64 = 64 << 10;

impl Wasi {
    pub(super) fn subscribe(&mut self, wait: Wait) -> wasmtime::Result<Resource<DynPollable>> {
        let pollable = self.table.push(wait)?;
        Ok(Resource::new_own(pollable.rep()))
    }

    fn wait(&self, pollable: &Resource<DynPollable>) -> wasmtime::Result<Wait> {
        Ok(*self.table.get(&Resource::<Wait>::new_borrow(pollable.rep()))?)
    }

    fn is_ready(&self, wait: Wait) -> bool {
        match wait {
            Wait::Ready => true,
            Wait::Until(when) => when <= self.clock.monotonic(),
        }
    }

    fn write_to_log(&mut self, stream: &Resource<DynOutputStream>, bytes: &[u8]) -> StreamResult<()> {
        let stream = *self.table.get(&Resource::<Written>::new_borrow(stream.rep()))?;
        self.log.write(stream, bytes);
        Ok(())
    }
}

impl poll::Host for Wasi {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        let waits = pollables.iter().map(|pollable| self.wait(pollable)).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = waits.iter().map(|wait| if let Wait::Until(when) = wait { *when } else { 0 }).min()
        else {
            wasmtime::bail!("it polls nothing");
        };
        self.clock.skip_to(first);
        Ok((0_u32..).zip(waits).filter(|(_, wait)| self.is_ready(*wait)).map(|(index, _)| index).collect())
    }
}

impl poll::HostPollable for Wasi {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        let wait = self.wait(&pollable)?;
        Ok(self.is_ready(wait))
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        if let Wait::Until(when) = self.wait(&pollable)? {
            self.clock.skip_to(when);
        }
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Wait>::new_own(pollable.rep()))?;
        Ok(())
    }
}

impl streams::Host for Wasi {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<streams::StreamError> {
        match error {
            StreamError::Closed => Ok(streams::StreamError::Closed),
            StreamError::LastOperationFailed(error) | StreamError::Trap(error) => Err(error),
        }
    }
}

impl streams::HostInputStream for Wasi {
    fn read(&mut self, _stream: Resource<DynInputStream>, _count: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn blocking_read(&mut self, _stream: Resource<DynInputStream>, _count: u64) -> StreamResult<Vec<u8>> {
        Err(StreamError::Closed)
    }

    fn skip(&mut self, _stream: Resource<DynInputStream>, _count: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_skip(&mut self, _stream: Resource<DynInputStream>, _count: u64) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn subscribe(&mut self, _stream: Resource<DynInputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Self::subscribe(self, Wait::Ready)
    }

    fn drop(&mut self, stream: Resource<DynInputStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Closed>::new_own(stream.rep()))?;
        Ok(())
    }
}

impl streams::HostOutputStream for Wasi {
    fn check_write(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<u64> {
        Ok(ROOM)
    }

    fn write(&mut self, stream: Resource<DynOutputStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.write_to_log(&stream, &bytes)
    }

    fn blocking_write_and_flush(
        &mut self,
        stream: Resource<DynOutputStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        self.write_to_log(&stream, &bytes)
    }

    fn flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_flush(&mut self, _stream: Resource<DynOutputStream>) -> StreamResult<()> {
        Ok(())
    }

    fn subscribe(&mut self, _stream: Resource<DynOutputStream>) -> wasmtime::Result<Resource<DynPollable>> {
        Self::subscribe(self, Wait::Ready)
    }

    /// Zeroes are nothing that a log would show.
    fn write_zeroes(&mut self, _stream: Resource<DynOutputStream>, _count: u64) -> StreamResult<()> {
        Ok(())
    }

    fn blocking_write_zeroes_and_flush(
        &mut self,
        _: Resource<DynOutputStream>,
        _count: u64,
    ) -> StreamResult<()> {
        Ok(())
    }

    fn splice(
        &mut self,
        _to: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _count: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn blocking_splice(
        &mut self,
        _to: Resource<DynOutputStream>,
        _from: Resource<DynInputStream>,
        _count: u64,
    ) -> StreamResult<u64> {
        Err(StreamError::Closed)
    }

    fn drop(&mut self, stream: Resource<DynOutputStream>) -> wasmtime::Result<()> {
        self.table.delete(Resource::<Written>::new_own(stream.rep()))?;
        Ok(())
    }
}
