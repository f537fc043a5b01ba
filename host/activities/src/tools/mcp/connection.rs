//! A connection to an MCP server, and the list of its tools. Who may use it, and when it is made anew, is decided elsewhere.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_model::{Clock, Error};
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation, PaginatedRequestParams,
    ProtocolVersion, Tool,
};
use rmcp::service::{
    ClientCacheConfig, ClientLifecycleMode, ClientServiceExt as _, NotificationContext, RoleClient, RunningService,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientHandler, ServiceError};
use tokio::time::Instant;
use tracing::{debug, info};

use super::child::{Child, Recipe};
use super::errors::Errors;
use crate::client;
use crate::config::{DEFAULT_MAX_RESPONSE_BYTES, McpHttpProvider, McpStdioProvider, wrong};
use crate::quote::Redactor;
use crate::secrets::names_secret;
use crate::trouble::Trouble;

const DEFAULT_CONNECT_TIMEOUT_MS: u64 = 60_000;

/// Bounds of a list of tools, so that no server can make it endless.
const MAX_PAGES: usize = 100;
const MAX_TOOLS: usize = 10_000;

/// How a server is reached.
#[derive(Debug)]
pub(crate) struct Target {
    errors: Arc<Errors>,
    connect_timeout: Duration,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Stdio(Recipe),
    Http(Box<Http>),
}

#[derive(Debug)]
struct Http {
    client: Client,
    url: Url,
    headers: HeaderMap,
    max_concurrent: usize,
    max_response_bytes: usize,
}

impl Target {
    pub(crate) fn stdio(
        key: &str,
        config: &McpStdioProvider,
        base_dir: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let recipe = Recipe::new(key, config, base_dir)?;
        let redactor = Redactor::of_secrets(recipe.secrets());
        let errors = Errors { provider: key.to_owned(), redactor, clock };
        Self::new(errors, config.connect_timeout_ms, Way::Stdio(recipe))
    }

    pub(crate) fn http(
        key: &str,
        config: &McpHttpProvider,
        client: Client,
        max_concurrent: usize,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let url = client::base_url(&format!("{key}.url"), &config.url)?;
        let bearer = client::bearer(key, config.bearer_token_env.as_ref())?;
        if let Some((name, _)) = config.headers.iter().find(|(_, value)| names_secret(value.expose())) {
            let why = "names a secret of a tenant, and all tenants share the connection to an MCP server: give a value, or use `http` tools";
            return Err(wrong(&format!("{key}.headers.{name}"), why));
        }
        let headers = client::headers(key, &config.headers, bearer.as_ref())?;
        let errors = Errors { provider: key.to_owned(), redactor: Redactor::of_headers(&headers), clock };
        let max_response_bytes = config.max_response_bytes.unwrap_or(DEFAULT_MAX_RESPONSE_BYTES);
        let way = Way::Http(Box::new(Http { client, url, headers, max_concurrent, max_response_bytes }));
        Self::new(errors, config.connect_timeout_ms, way)
    }

    fn new(errors: Errors, timeout_ms: Option<u64>, way: Way) -> Result<Self, Error> {
        let timeout_ms = timeout_ms.unwrap_or(DEFAULT_CONNECT_TIMEOUT_MS);
        if timeout_ms == 0 {
            return Err(wrong(&format!("{}.connect_timeout_ms", errors.provider), "must be 1 or more"));
        }
        Ok(Self { errors: Arc::new(errors), connect_timeout: Duration::from_millis(timeout_ms), way })
    }

    /// Connects and greets.
    pub(crate) async fn connect(&self) -> Result<Connection, Trouble> {
        let connecting = async {
            match &self.way {
                Way::Stdio(recipe) => self.start(recipe).await,
                Way::Http(http) => self.reach(http).await,
            }
        };
        let provider = &self.errors.provider;
        let connection = tokio::time::timeout(self.connect_timeout, connecting).await.unwrap_or_else(|_| {
            let limit = self.connect_timeout.as_millis();
            let message = format!(
                "`{provider}` did not greet within {limit} ms; `connect_timeout_ms` of `[{provider}]` sets the limit"
            );
            Err(Trouble::passing("unavailable", message))
        })?;
        // Its answers may be old: the host keeps a list itself, and knows how old it is.
        connection.service.peer().set_response_cache_config(ClientCacheConfig::disabled()).await;
        let version = connection.service.peer().peer_info().map(|info| info.protocol_version.to_string());
        info!(provider = self.errors.provider, version, "connected to an MCP server");
        Ok(connection)
    }

    async fn start(&self, recipe: &Recipe) -> Result<Connection, Trouble> {
        let (child, stdout, stdin) = recipe.spawn(&self.errors)?;
        let changes = Arc::new(AtomicU64::new(0));
        let handler = Handler { changes: changes.clone() };
        match handler.serve_with_lifecycle((stdout, stdin), lifecycle()).await {
            Ok(service) => Ok(Connection::new(self.errors.clone(), service, Some(child), changes)),
            Err(error) => {
                let mut trouble = self.errors.of_connecting(&error);
                if let Some(end) = child.end().await {
                    trouble.failure.message = format!("`{}` {end}", self.errors.provider);
                }
                Err(trouble)
            }
        }
    }

    async fn reach(&self, http: &Http) -> Result<Connection, Trouble> {
        let headers = http.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let config = StreamableHttpClientTransportConfig::with_uri(http.url.as_str())
            .custom_headers(headers)
            .max_concurrent_requests(http.max_concurrent)
            .max_json_response_size(http.max_response_bytes)
            .max_sse_event_size(http.max_response_bytes);
        let transport = StreamableHttpClientTransport::with_client(http.client.clone(), config);
        let changes = Arc::new(AtomicU64::new(0));
        let handler = Handler { changes: changes.clone() };
        let service = handler
            .serve_with_lifecycle(transport, lifecycle())
            .await
            .map_err(|error| self.errors.of_connecting(&error))?;
        Ok(Connection::new(self.errors.clone(), service, None, changes))
    }
}

/// Finds out whether a server speaks the newest version of MCP, or one that begins with a handshake.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::LATEST],
        legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
    }
}

/// What a server may ask of the host: nothing. It only takes note of a changed list.
#[derive(Debug)]
struct Handler {
    changes: Arc<AtomicU64>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(ClientCapabilities::default(), Implementation::new("abide", env!("CARGO_PKG_VERSION")))
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connection.
pub(crate) struct Connection {
    errors: Arc<Errors>,
    service: RunningService<RoleClient, Handler>,
    child: Option<Child>,
    broken: AtomicBool,
    changes: Arc<AtomicU64>,
    listed: Mutex<Option<Listed>>,
}

#[derive(Clone)]
struct Listed {
    tools: Arc<Vec<Tool>>,
    since: Instant,
    changes: u64,
}

impl Connection {
    fn new(
        errors: Arc<Errors>,
        service: RunningService<RoleClient, Handler>,
        child: Option<Child>,
        changes: Arc<AtomicU64>,
    ) -> Self {
        Self { errors, service, child, broken: AtomicBool::new(false), changes, listed: Mutex::new(None) }
    }

    /// Whether nothing can be asked any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.broken.load(Ordering::SeqCst) || self.service.is_closed() || self.service.peer().is_transport_closed()
    }

    /// Calls a tool. Dropping the future tells the server that the request is cancelled.
    pub(crate) async fn call(&self, params: CallToolRequestParams) -> Result<CallToolResult, Trouble> {
        match self.service.call_tool(params).await {
            Ok(result) => Ok(result),
            Err(error) => Err(self.trouble(&error).await),
        }
    }

    /// The tools, as they were no longer than `age` ago.
    pub(crate) async fn tools(&self, age: Duration) -> Result<Arc<Vec<Tool>>, Trouble> {
        let changes = self.changes.load(Ordering::SeqCst);
        let known = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known.filter(|known| known.changes == changes && known.since.elapsed() <= age) {
            return Ok(known.tools);
        }
        let since = Instant::now();
        let tools = Arc::new(self.fetch_tools().await?);
        let listed = Listed { tools: tools.clone(), since, changes };
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(listed);
        Ok(tools)
    }

    /// Ends the connection, and waits for the child to end.
    pub(crate) async fn close(&self) {
        self.broken.store(true, Ordering::SeqCst);
        self.service.cancellation_token().cancel();
        if let Some(child) = &self.child {
            child.close().await;
        }
    }

    async fn fetch_tools(&self) -> Result<Vec<Tool>, Trouble> {
        let mut tools = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let params = PaginatedRequestParams::default().with_cursor(cursor.clone());
            let page = match self.service.peer().list_tools(Some(params)).await {
                Ok(page) => page,
                Err(error) => return Err(self.trouble(&error).await),
            };
            tools.extend(page.tools);
            if tools.len() > MAX_TOOLS {
                break;
            }
            if page.next_cursor.is_none() || page.next_cursor == cursor {
                return Ok(tools);
            }
            cursor = page.next_cursor;
        }
        let provider = &self.errors.provider;
        Err(Trouble::lasting(
            "provider-error",
            format!("`{provider}` lists more than {MAX_TOOLS} tools or {MAX_PAGES} pages: that cannot be meant"),
        ))
    }

    async fn trouble(&self, error: &ServiceError) -> Trouble {
        let mut trouble = self.errors.of_request(error);
        if matches!(error, ServiceError::TransportClosed | ServiceError::TransportSend(_)) {
            debug!(provider = self.errors.provider, "a connection to an MCP server is given up");
            self.broken.store(true, Ordering::SeqCst);
            if let Some(child) = &self.child
                && let Some(end) = child.end().await
            {
                trouble.failure.message = format!("`{}` {end}", self.errors.provider);
            }
        }
        trouble
    }
}
