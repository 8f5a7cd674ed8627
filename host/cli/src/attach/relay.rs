//! The client's side: bytes to the host and bytes back.

use std::io::ErrorKind::InvalidData;
use std::path::Path;
use std::time::Duration;

use pointsman_model::HostId;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::choose::candidates;
use super::hello::{Hello, LONGEST, Welcome};
use crate::control::socket::Name;
use crate::exit::Exit;
use crate::failure::{Failure, Outcome};
use crate::lineage::RUN_TOKEN;

/// How long a host may take to say who it is, and to end when its client has.
const PATIENCE: Duration = Duration::from_secs(10);

/// A line to a host that has let this client in.
pub(crate) struct Attached {
    host: HostId,
    stream: BufReader<UnixStream>,
}

/// Attaches to a running host; `None` if there is none. Must be called inside the runtime.
pub(crate) async fn attach(state: &Path, named: Option<HostId>) -> Result<Option<Attached>, Failure> {
    let (folder, hosts) = candidates(state, named)?;
    let Some(folder) = folder else { return Ok(None) };
    let mut refusal = None;
    for host in hosts {
        let failed =
            |error: std::io::Error| Failure::error(format!("host {host} cannot be reached: {error}"));
        let Some(stream) = folder.connect(Name::mcp(host)).map_err(failed)? else { continue };
        stream.set_nonblocking(true).map_err(failed)?;
        let stream = UnixStream::from_std(stream).map_err(failed)?;
        match tokio::time::timeout(PATIENCE, greet(stream)).await {
            Ok(Ok((Welcome::Attached { .. }, stream))) => return Ok(Some(Attached { host, stream })),
            Ok(Ok((Welcome::Refused { elsewhere: true, .. }, _))) => {}
            Ok(Ok((Welcome::Refused { message, .. }, _))) => {
                refusal.get_or_insert(format!("host {host} refuses: {message}"));
            }
            Ok(Err(error)) if error.kind() == InvalidData => {
                refusal.get_or_insert(format!(
                    "host {host} greets in words that this version ({}) does not know: {error}; end it, or attach \
                     with the pointsman that it was started with",
                    env!("CARGO_PKG_VERSION")
                ));
            }
            // It ended just now.
            Ok(Err(error)) => tracing::debug!(%host, %error, "a host did not greet"),
            Err(_) => {
                refusal.get_or_insert(format!("host {host} said nothing for {} s", PATIENCE.as_secs()));
            }
        }
    }
    match refusal {
        Some(message) => Err(Failure::error(message)),
        None => Ok(None),
    }
}

async fn greet(mut stream: UnixStream) -> std::io::Result<(Welcome, BufReader<UnixStream>)> {
    let token = std::env::var(RUN_TOKEN).ok().filter(|token| !token.is_empty());
    let mut hello = serde_json::to_vec(&Hello::Attach { token })?;
    hello.push(b'\n');
    stream.write_all(&hello).await?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    (&mut stream).take(LONGEST).read_line(&mut line).await?;
    if line.is_empty() {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let welcome = serde_json::from_str(&line).map_err(|error| std::io::Error::new(InvalidData, error))?;
    Ok((welcome, stream))
}

impl Attached {
    /// Hands on whatever comes, both ways, until either end has nothing more to say or `told` to end.
    pub(crate) async fn relay(self, told: impl Future<Output = ()>) -> Outcome {
        // What came behind the greeting is buffered, and read first.
        let (mut from_host, mut to_host) = tokio::io::split(self.stream);
        let up = async {
            let copied = tokio::io::copy(&mut tokio::io::stdin(), &mut to_host).await;
            // The client has gone, or its host: either way nothing more is said, and the other direction tells which.
            let _ = to_host.shutdown().await;
            copied
        };
        let mut stdout = tokio::io::stdout();
        let down = async {
            let copied = tokio::io::copy(&mut from_host, &mut stdout).await;
            stdout.flush().await.and(copied)
        };
        let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
        let gone = || {
            Failure::error(format!("host {} has ended", self.host))
                .help("start another with `pointsman serve --socket-only`, and attach again")
        };
        tokio::select! {
            biased;
            () = told => Ok(Exit::Ok),
            // The host has hung up, or nobody reads here any more.
            ended = &mut down => if ended.is_ok() { Err(gone()) } else { Ok(Exit::Ok) },
            ended = &mut up => match ended {
                Ok(_) => {
                    // It still may answer what was asked.
                    let _ = tokio::time::timeout(PATIENCE, &mut down).await;
                    Ok(Exit::Ok)
                }
                Err(_) => Err(gone()),
            },
        }
    }
}
