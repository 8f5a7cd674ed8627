//! Serving one client, from its first line to its last.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pointsman_engine::Host;
use rmcp::service::{QuitReason, ServerInitializeError, serve_server_with_ct};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::elicit::{Elicitation, Rounds};
use crate::error::ServeError;
use crate::face::Face;
use crate::wire::Wire;

/// How long calls that do not wait may still take once the client is gone. Nobody hears their answers; and the whole
/// program has a second to end, most of which its runs may need.
const GRACE: Duration = Duration::from_millis(50);

/// How to serve.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Ends serving from outside, such as on SIGTERM: as if the client had gone.
    pub shutdown: CancellationToken,
    /// How often a client that asked for it is told that its request still waits.
    pub progress_every: Duration,
    /// Which clients are asked about what waits for a person.
    pub elicitation: Elicitation,
}

impl Default for ServeOptions {
    /// Nothing from outside; every ten seconds; nobody.
    fn default() -> Self {
        Self {
            shutdown: CancellationToken::new(),
            progress_every: Duration::from_secs(10),
            elicitation: Elicitation::default(),
        }
    }
}

/// Serves one client over standard input and output until it closes the input.
///
/// Nothing else may write to standard output while this runs. On the way out the host is left as it is: ending its
/// runs is for the caller, by [`Host::shutdown`]. If standard input is no pipe it is read on a thread of its own,
/// which only ends with the input: end the runtime with `shutdown_background` rather than by dropping it.
///
/// # Errors
///
/// If the client could not be welcomed, or by a defect of this program. A client that goes, at whatever point, is no
/// error.
pub async fn serve_stdio(host: Host, options: ServeOptions) -> Result<(), ServeError> {
    let (reader, writer) = rmcp::transport::io::stdio_pipes();
    serve(host, reader, writer, options).await
}

/// Serves one client over any reader and writer until the reader ends.
///
/// # Errors
///
/// As [`serve_stdio`].
pub async fn serve<R, W>(host: Host, reader: R, writer: W, options: ServeOptions) -> Result<(), ServeError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    serve_calls(Arc::new(host), reader, writer, options).await
}

pub(crate) async fn serve_calls<C, R, W>(
    host: Arc<C>,
    reader: R,
    writer: W,
    options: ServeOptions,
) -> Result<(), ServeError>
where
    C: Calls,
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    // A shutdown from outside and a client that goes are one and the same for everything below.
    let gone = options.shutdown.child_token();
    let wire = Wire::new(reader, writer, gone.clone());
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| ServeError::Defect { message: error.to_string() })?;
    let rounds = Rounds::new(options.elicitation.clone(), key)
        .map_err(|error| ServeError::Defect { message: error.to_string() })?;
    let face = Face {
        host,
        gone: gone.clone(),
        progress_every: options.progress_every,
        rounds,
        elicitation: options.elicitation,
        asked: OnceLock::new(),
    };
    // rmcp cancels this token when it is done; ours is told by the wire.
    let running = match serve_server_with_ct(face, wire, CancellationToken::new()).await {
        Ok(running) => running,
        Err(error) => return before_opening(error),
    };
    let mut ended = std::pin::pin!(running.waiting());
    let reason = tokio::select! {
        reason = &mut ended => reason,
        () = gone.cancelled() => match tokio::time::timeout(GRACE, ended).await {
            Ok(reason) => reason,
            // Something still runs for a client that is gone; its answer is lost, its effect is not.
            Err(_) => return Ok(()),
        },
    };
    match reason {
        Ok(QuitReason::JoinError(error)) | Err(error) => {
            Err(ServeError::Defect { message: error.to_string() })
        }
        Ok(_) => Ok(()),
    }
}

fn before_opening(error: ServerInitializeError) -> Result<(), ServeError> {
    match error {
        ServerInitializeError::ConnectionClosed(_)
        | ServerInitializeError::Cancelled
        | ServerInitializeError::TransportError { .. } => Ok(()),
        ServerInitializeError::InitializeFailed(error) => {
            Err(ServeError::NotWelcome { message: error.message.into_owned() })
        }
        other => Err(ServeError::Defect { message: other.to_string() }),
    }
}
