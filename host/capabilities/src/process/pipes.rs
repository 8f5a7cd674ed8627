//! A program's standard streams.

use std::io;
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

use super::authorize::StandardInput;

/// Both ends of a program's standard streams.
pub(super) struct Pipes {
    pub(super) input: Option<pipe::Sender>,
    pub(super) output: pipe::Receiver,
    pub(super) errors: pipe::Receiver,
    pub(super) theirs: [OwnedFd; 3],
}

impl Pipes {
    /// Makes them; what nobody writes to is closed.
    pub(super) fn new(input: StandardInput) -> io::Result<Self> {
        let (output, their_output) = io::pipe()?;
        let (errors, their_errors) = io::pipe()?;
        let (input, their_input) = match input {
            StandardInput::Closed => (None, OwnedFd::from(std::fs::File::open("/dev/null")?)),
            StandardInput::Open => {
                let (theirs, ours) = io::pipe()?;
                (Some(pipe::Sender::from_owned_fd(ours.into())?), theirs.into())
            }
        };
        Ok(Self {
            input,
            output: pipe::Receiver::from_owned_fd(output.into())?,
            errors: pipe::Receiver::from_owned_fd(errors.into())?,
            theirs: [their_input, their_output.into(), their_errors.into()],
        })
    }
}
