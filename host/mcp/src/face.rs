//! The face itself: what rmcp asks of a server.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pointsman_engine::Client;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, ClientCapabilities, CustomRequest, CustomResult,
    DiscoverResult, ErrorData, Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::{RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

use crate::answer;
use crate::call::{self, Caller};
use crate::calls::Calls;
use crate::elicit::{self, Call, Elicitation, Rounds};
use crate::tool::{INSTRUCTIONS, Tool};
use crate::wait::Waiting;
use crate::wire;

/// How long a client may keep the lists. They change with the program only.
const FRESH: Duration = Duration::from_secs(300);
/// How much of what a client calls itself is kept.
const NAME_CHARS: usize = 128;

/// One connection's server.
pub(crate) struct Face<C> {
    pub(crate) host: Arc<C>,
    pub(crate) gone: CancellationToken,
    pub(crate) progress_every: Duration,
    pub(crate) elicitation: Elicitation,
    /// How a client of the modern era is asked.
    pub(crate) rounds: Rounds,
    /// A client of the legacy era is asked by one task.
    pub(crate) asked: OnceLock<()>,
}

impl<C: Calls> Face<C> {
    /// Gives the name of the client if it may be asked about what waits for a person.
    fn askable(&self, info: Option<Implementation>, can: Option<ClientCapabilities>) -> Option<String> {
        let (info, can) = (info?, can?);
        (self.host.is_root() && self.elicitation.is_for(&info.name, &can)).then_some(info.name)
    }
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| !version.has_initialize())
}

/// Takes what the client calls itself: from its handshake, or in the modern era from the request.
fn client(context: &RequestContext<RoleServer>) -> Client {
    let short = |text: String| text.chars().take(NAME_CHARS).collect::<String>();
    match context.client_info() {
        Some(info) => Client { name: short(info.name), version: Some(short(info.version)) },
        None => Client { name: "unknown".to_owned(), version: None },
    }
}

impl<C: Calls> ServerHandler for Face<C> {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("pointsman", env!("CARGO_PKG_VERSION")).with_title("Pointsman");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS.trim_end())
    }

    async fn discover(&self, _context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        let mut result = DiscoverResult::from_server_info(versions, self.get_info());
        result.ttl_ms = millis(FRESH);
        result.cache_scope = CacheScope::Public;
        Ok(result)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut result = ListToolsResult::with_all_items(Tool::definitions());
        if is_modern(&context) {
            result.ttl_ms = Some(millis(FRESH));
            result.cache_scope = Some(CacheScope::Public);
        }
        Ok(result)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let Some(info) = context.peer.peer_info() else { return };
        let Some(client) = self.askable(Some(info.client_info.clone()), Some(info.capabilities.clone()))
        else {
            return;
        };
        if self.asked.set(()).is_ok() {
            let (host, settings) = (Arc::clone(&self.host), self.elicitation.clone());
            tokio::spawn(elicit::ask(host, context.peer, client, settings, self.gone.clone()));
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = Tool::named(&request.name) else {
            return unknown_tool(&request.name, is_modern(&context));
        };
        // A connection is asked in one way.
        let askable = if is_modern(&context) && self.asked.get().is_none() {
            self.askable(context.client_info(), context.client_capabilities())
        } else {
            None
        };
        let caller = Caller {
            client: client(&context),
            waiting: Waiting {
                progress: context.meta.get_progress_token().map(|token| (context.peer.clone(), token)),
                cancelled: context.ct,
                gone: self.gone.clone(),
                every: self.progress_every,
            },
        };
        let asked = Call { client: askable.as_deref(), request: &request, waits: tool.waits() };
        let host = self.host.as_ref();
        let round = self.rounds.hear(host, &asked).await?;
        let answer = call::call(host, &caller, tool, request.arguments.clone());
        Ok(self.rounds.attend(host, &asked, round, answer).await)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(wire::refuse(&request))
    }
}

/// Refuses a tool that is none. The modern revision wants a protocol error; clients of the legacy era know the
/// result that the server before this one gave, and show it to their model.
fn unknown_tool(name: &str, modern: bool) -> Result<CallToolResponse, ErrorData> {
    let name: String = name.chars().take(NAME_CHARS).collect();
    let message = format!("Tool {name} not found");
    if modern {
        return Err(ErrorData::invalid_params(message, None));
    }
    Ok(answer::failure(format!("MCP error -32602: {message}")).into())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
