//! Connections: not too many, and none that says, or takes in, nothing for ever.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::Limits;

pub(crate) struct Listener {
    inner: TcpListener,
    room: Arc<Semaphore>,
    limits: Limits,
}

impl Listener {
    pub(crate) fn new(inner: TcpListener, limits: Limits) -> Self {
        Self { inner, room: Arc::new(Semaphore::new(limits.connections)), limits }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // Never closed, so this always gives room in the end.
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, address) = axum::serve::Listener::accept(&mut self.inner).await;
        // Small answers are many; a client that is far waits for each.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection will be slower");
        }
        (Connection::new(stream, room, self.limits), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// What a connection and its requests know of each other.
#[derive(Debug)]
struct Activity {
    /// Requests that are being answered, to the last byte of what answers them.
    requests: usize,
    /// Since when there is none.
    idle_since: Instant,
    /// Since when a request is being read.
    head_since: Option<Instant>,
}

/// What a request knows of its connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer(Arc<Mutex<Activity>>);

impl Peer {
    fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Activity { requests: 0, idle_since: now, head_since: Some(now) })))
    }

    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a request is being answered, for as long as what comes back lives.
    pub(crate) fn busy(&self) -> Busy {
        let mut activity = self.activity();
        activity.requests += 1;
        activity.head_since = None;
        Busy(self.clone())
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.io().peer.clone()
    }
}

/// Keeps a connection from being idle.
pub(crate) struct Busy(Peer);

impl Busy {
    /// Gives a body that holds on to this until it has been written.
    pub(crate) fn until_written(self, body: Body) -> Body {
        Body::new(Held { body, _busy: self })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut activity = self.0.activity();
        activity.requests = activity.requests.saturating_sub(1);
        activity.idle_since = Instant::now();
    }
}

struct Held {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A connection that ends when its client takes too long.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    limits: Limits,
    timer: Pin<Box<Sleep>>,
    /// Since when the client takes in nothing.
    stuck_since: Option<Instant>,
    _room: Option<OwnedSemaphorePermit>,
}

impl Connection {
    fn new(stream: TcpStream, room: Option<OwnedSemaphorePermit>, limits: Limits) -> Self {
        let timer = Box::pin(tokio::time::sleep(limits.head));
        Self { stream, peer: Peer::new(), limits, timer, stuck_since: None, _room: room }
    }

    /// Says until when the client has to do something, if it has to.
    fn deadline(&self) -> Option<Instant> {
        let activity = self.peer.activity();
        let waits = (activity.requests == 0).then(|| {
            activity
                .head_since
                .map_or(activity.idle_since + self.limits.idle, |since| since + self.limits.head)
        });
        let stuck = self.stuck_since.map(|since| since + self.limits.idle);
        waits.into_iter().chain(stuck).min()
    }

    /// Says whether the client has taken too long; if not, wakes the task when it may have.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            let now = Instant::now();
            let deadline = self.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return true;
            }
            // What is waited for may change before that: a request is begun, or has been answered.
            let step = now + self.limits.head.min(self.limits.idle);
            self.timer.as_mut().reset(deadline.map_or(step, |deadline| deadline.min(step)));
            if self.timer.as_mut().poll(context).is_pending() {
                return false;
            }
        }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck_since = None;
            return written;
        }
        self.stuck_since.get_or_insert_with(Instant::now);
        if self.is_late(context) { Poll::Ready(Err(io::ErrorKind::TimedOut.into())) } else { written }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // First the time: who sends one byte after the other is no quicker for it.
        if self.is_late(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() && buffer.filled().len() > before {
            let mut activity = self.peer.activity();
            if activity.requests == 0 {
                activity.head_since.get_or_insert_with(Instant::now);
            }
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
