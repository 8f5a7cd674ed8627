//! What a host and a supervisor say to each other over the control socket.
//!
//! The host sends the three standard streams of the program (as file descriptors, with the byte [`OPENING`]), then the
//! [`Job`]; later one byte for each stop. The supervisor answers with one [`Report`] a line. When the host's end is
//! closed, however that came, the supervisor ends everything: so a host that is killed takes its agents with it.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::time::Duration;

use pointsman_model::plugin::{Exit, Stop};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use serde::{Deserialize, Serialize};

const OPENING: u8 = b'!';

/// A program to be started. Holds secrets, so it cannot be shown.
pub(crate) struct Job {
    /// Absolute.
    pub(crate) program: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) cwd: OsString,
    /// The whole environment, as `NAME=value`.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) graces: Graces,
}

/// How long a tree is given to end by itself before it is killed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Graces {
    /// What the program left behind.
    pub(crate) leftovers: Duration,
    /// Everything, once the host is gone.
    pub(crate) host_gone: Duration,
}

/// The first line of a job; behind it stand its texts, each closed by a NUL byte, which none of them can hold.
#[derive(Serialize, Deserialize)]
struct Header {
    bytes: u64,
    args: usize,
    env: usize,
    graces: Graces,
}

/// A text with a NUL byte in it.
#[derive(Debug, thiserror::Error)]
#[error("an argument, a variable or the working directory holds a NUL byte")]
pub(crate) struct HoldsNul;

impl Job {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, HoldsNul> {
        let mut texts = Vec::new();
        let mut put = |parts: &[&OsStr]| {
            for part in parts {
                if part.as_bytes().contains(&0) {
                    return Err(HoldsNul);
                }
                texts.extend_from_slice(part.as_bytes());
            }
            texts.push(0);
            Ok(())
        };
        put(&[&self.program])?;
        put(&[&self.cwd])?;
        self.args.iter().try_for_each(|arg| put(&[arg]))?;
        self.env.iter().try_for_each(|(name, value)| put(&[name, OsStr::new("="), value]))?;
        let header = Header {
            bytes: texts.len() as u64,
            args: self.args.len(),
            env: self.env.len(),
            graces: self.graces,
        };
        let mut encoded = line_of(&header);
        encoded.append(&mut texts);
        Ok(encoded)
    }

    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Self> {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let header: Header = serde_json::from_str(&line)?;
        let mut texts = Vec::new();
        from.take(header.bytes).read_to_end(&mut texts)?;
        let mut texts = texts.split(|byte| *byte == 0).map(|text| OsString::from_vec(text.to_vec()));
        let mut next = || texts.next().ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof));
        let (program, cwd) = (next()?, next()?);
        let args = (0..header.args).map(|_| next()).collect::<io::Result<_>>()?;
        let env = (0..header.env)
            .map(|_| {
                let pair = next()?.into_vec();
                let at = pair.iter().position(|byte| *byte == b'=').ok_or(io::ErrorKind::InvalidData)?;
                Ok((OsString::from_vec(pair[..at].to_vec()), OsString::from_vec(pair[at + 1..].to_vec())))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { program, args, cwd, env, graces: header.graces })
    }
}

/// What a supervisor says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub(crate) enum Report {
    /// The program runs.
    Started { pid: i32 },
    /// The program could not be started. The last word.
    Failed { why: String },
    /// The program has ended; what it left behind may still live.
    Exited { code: Option<i32>, signal: Option<i32> },
    /// Nothing of the tree lives. The last word.
    Gone { leftovers: usize },
    /// These could not be killed for a long time. The supervisor goes on trying, but nobody need wait for it.
    Stuck { pids: Vec<i32> },
}

impl Report {
    pub(crate) fn exited(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Exited { code: Some(code), signal: None },
            Exit::Signal(signal) => Self::Exited { code: None, signal: Some(signal) },
        }
    }

    pub(crate) fn to_line(&self) -> Vec<u8> {
        line_of(self)
    }
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    // Plain numbers and texts: there is nothing in them that JSON could not say.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// Gives a stop's byte on the control socket. One byte: it arrives whole or not at all.
pub(crate) fn stop_byte(stop: Stop) -> u8 {
    match stop {
        Stop::Interrupt => b'i',
        Stop::Terminate => b't',
        Stop::Kill => b'k',
    }
}

/// Reads a stop's byte.
pub(crate) fn parse_stop(byte: u8) -> Option<Stop> {
    [Stop::Interrupt, Stop::Terminate, Stop::Kill].into_iter().find(|stop| stop_byte(*stop) == byte)
}

/// Hands the program's standard streams to the supervisor.
///
/// As messages, not by inheritance: a descriptor that is inheritable for a moment would be inherited by whatever else
/// the host starts in that moment, and a pipe that somebody else holds never comes to its end.
pub(crate) fn send_streams(socket: impl AsFd, streams: [BorrowedFd<'_>; 3]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&streams)) {
        return Err(io::Error::other("no room for three descriptors"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(&[OPENING])], &mut control, SendFlags::empty())?;
    Ok(())
}

/// Takes the program's standard streams, or `None` if the host went away before it sent them.
pub(crate) fn receive_streams(socket: impl AsFd) -> io::Result<Option<[OwnedFd; 3]>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut opening = [0];
    let received =
        rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut opening)], &mut control, RecvFlags::empty())?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let streams: Vec<OwnedFd> = control
        .drain()
        .flat_map(|message| match message {
            RecvAncillaryMessage::ScmRights(streams) => streams.collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect();
    match <[OwnedFd; 3]>::try_from(streams) {
        Ok(streams) if opening == [OPENING] => Ok(Some(streams)),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_arrives_as_it_was_sent() {
        let job = Job {
            program: "/bin/sh".into(),
            args: vec!["".into(), "a b\nc".into(), OsString::from_vec(vec![0xFF])],
            cwd: "/tmp".into(),
            env: vec![("A".into(), "x=y".into()), ("B".into(), "".into())],
            graces: Graces { leftovers: Duration::from_millis(5), host_gone: Duration::from_secs(2) },
        };
        let read = Job::read(&mut job.encode().unwrap().as_slice()).unwrap();
        assert_eq!((read.program, read.args, read.cwd, read.env), (job.program, job.args, job.cwd, job.env));
    }

    #[test]
    fn a_nul_byte_cannot_smuggle_a_further_argument() {
        let job = Job {
            program: "/bin/sh".into(),
            args: vec!["a\0b".into()],
            cwd: "/".into(),
            env: Vec::new(),
            graces: Graces { leftovers: Duration::ZERO, host_gone: Duration::ZERO },
        };
        assert!(job.encode().is_err());
    }

    #[test]
    fn every_stop_has_its_byte() {
        for stop in [Stop::Interrupt, Stop::Terminate, Stop::Kill] {
            assert_eq!(parse_stop(stop_byte(stop)), Some(stop));
        }
        assert_eq!(parse_stop(b'\n'), None);
    }
}
