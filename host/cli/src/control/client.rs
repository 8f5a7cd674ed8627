//! The command line's side.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use pointsman_model::HostId;

use super::protocol::{LONGEST_LINE, Reply, Request};
use super::socket::{Folder, Name};
use crate::failure::Failure;

/// How long a host may take. Ending a run takes as long as its processes are given, three grace periods.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line to a living host.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    host: HostId,
}

impl Client {
    /// Calls a host; `None` if it is not there.
    pub(crate) fn connect(state: &Path, host: HostId) -> Result<Option<Self>, Failure> {
        let folder = match Folder::open(state) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreachable(host, &error)),
        };
        let Some(stream) = folder.connect(Name::control(host)).map_err(|error| unreachable(host, &error))?
        else {
            return Ok(None);
        };
        let patience = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
        patience.map_err(|error| unreachable(host, &error))?;
        Ok(Some(Self { stream: BufReader::new(stream), host }))
    }

    /// Asks, and waits for the answer. A refusal is a failure.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Reply, Failure> {
        let mut line = serde_json::to_string(request).map_err(Failure::internal)?;
        line.push('\n');
        let sent = self.stream.get_mut().write_all(line.as_bytes());
        sent.map_err(|error| unreachable(self.host, &error))?;
        line.clear();
        let read = (&mut self.stream).take(LONGEST_LINE).read_line(&mut line);
        read.map_err(|error| unreachable(self.host, &error))?;
        match serde_json::from_str(&line) {
            Ok(Reply::Refused { kind, message }) => Err(Failure::new(kind.into(), message)),
            Ok(reply) => Ok(reply),
            Err(_) if line.is_empty() => Err(Failure::error(format!("host {} went away", self.host))
                .help("try again: if it has ended, its state is read without it")),
            Err(error) => Err(Failure::internal(format!("host {} answered {line:?}: {error}", self.host))),
        }
    }
}

fn unreachable(host: HostId, error: &io::Error) -> Failure {
    Failure::error(format!("host {host} cannot be reached: {error}"))
}
