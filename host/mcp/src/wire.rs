//! The wire: rmcp's line transport, with what its users taught us about the ends of a connection.

use std::future::Future;
use std::io;

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientRequest, CustomRequest, ErrorCode, ErrorData, GetMeta, JsonRpcMessage,
    ProtocolVersion, ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// The longest line that is read; longer ones are dropped and the connection stays.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Messages over a reader and a writer, one per line.
///
/// Two things differ from rmcp's own transport. The end of the input, or a failing output, is told to everybody who
/// waits, at once; rmcp would give calls in flight five seconds. And before a client has opened, anything that opens
/// nothing is answered or dropped; rmcp would close the connection.
pub(crate) struct Wire<R: AsyncRead, W: AsyncWrite> {
    lines: AsyncRwTransport<RoleServer, R, W>,
    gone: CancellationToken,
    opened: bool,
}

impl<R, W> Wire<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    /// Makes a wire that cancels `gone` when the client is.
    pub(crate) fn new(reader: R, writer: W, gone: CancellationToken) -> Self {
        let lines = AsyncRwTransport::new_server(reader, writer).with_max_line_length(LONGEST_LINE);
        Self { lines, gone, opened: false }
    }

    /// Says what becomes of a message before the client has opened.
    fn before_opening(&mut self, message: ClientJsonRpcMessage) -> Opening {
        let JsonRpcMessage::Request(request) = message else { return Opening::Dropped };
        match request.request {
            ClientRequest::CustomRequest(custom) => {
                Opening::Answered(ServerJsonRpcMessage::error(refuse(&custom), Some(request.id)))
            }
            known => {
                self.opened = opens(&known);
                Opening::Passed(ClientJsonRpcMessage::request(known, request.id))
            }
        }
    }
}

enum Opening {
    Passed(ClientJsonRpcMessage),
    Answered(ServerJsonRpcMessage),
    Dropped,
}

/// Says whether rmcp takes a request for the opening of either era. A ping or a discovery opens nothing.
fn opens(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::InitializeRequest(_) => true,
        ClientRequest::PingRequest(_) | ClientRequest::DiscoverRequest(_) => false,
        other => {
            let meta = other.get_meta();
            meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
                && meta
                    .protocol_version()
                    .is_some_and(|version| ProtocolVersion::KNOWN_VERSIONS.contains(&version))
        }
    }
}

/// Answers a request that is none of the protocol's, or one whose parameters do not have its shape.
pub(crate) fn refuse(request: &CustomRequest) -> ErrorData {
    let method = &request.method;
    // A request of a known method comes here only if its parameters could not be read.
    if ["initialize", "tools/call", "tools/list", "server/discover"].contains(&method.as_str()) {
        return ErrorData::invalid_params(
            format!("the params of {method} do not have the shape it needs"),
            None,
        );
    }
    ErrorData::new(ErrorCode::METHOD_NOT_FOUND, format!("Method not found: {method}"), None)
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let sent = self.lines.send(message);
        let gone = self.gone.clone();
        async move {
            let sent = sent.await;
            if sent.is_err() {
                gone.cancel();
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.lines.receive() => message,
                () = self.gone.cancelled() => None,
            };
            let Some(message) = message else {
                self.gone.cancel();
                return None;
            };
            if self.opened {
                return Some(message);
            }
            match self.before_opening(message) {
                Opening::Passed(message) => return Some(message),
                Opening::Answered(answer) => self.send(answer).await.ok()?,
                Opening::Dropped => {}
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.lines.close().await
    }
}
