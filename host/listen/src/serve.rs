//! The server itself.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::ConnectInfo;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Limits;
use crate::connection::{Listener, Peer};

/// How long connections are given to end with the server.
const LINGER: Duration = Duration::from_millis(300);

/// Answers every request with `answer` until it is told to end. Whoever still holds a connection a moment later loses it
/// with the process.
///
/// # Errors
///
/// If the listener fails for good.
pub async fn serve<A, F>(
    listener: TcpListener,
    limits: Limits,
    answer: A,
    shutdown: CancellationToken,
) -> io::Result<()>
where
    A: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let answered = move |ConnectInfo(peer): ConnectInfo<Peer>, request: Request| {
        let answering = answer(request);
        async move {
            let busy = peer.busy();
            answering.await.map(|body| busy.until_written(body))
        }
    };
    let app = Router::new().fallback(answered).into_make_service_with_connect_info::<Peer>();
    let ending = shutdown.clone();
    let serving = axum::serve(Listener::new(listener, limits), app)
        .with_graceful_shutdown(async move { ending.cancelled().await })
        .into_future();
    let mut serving = std::pin::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = shutdown.cancelled() => {}
    }
    tokio::time::timeout(LINGER, serving).await.unwrap_or(Ok(()))
}
