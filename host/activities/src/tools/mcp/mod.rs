//! Tools of an MCP server: one connection a provider, made when it is first needed and again when it died. How a server is connected to is
//! in `connection`, how a child process is kept in `child`.

mod child;
mod connection;
mod content;
mod errors;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use abide_model::{Clock, Error, Json};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use rmcp::model::{CallToolRequestParams, RequestMetaObject};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{ended, unknown_tool};
use crate::config::{McpHttpProvider, McpStdioProvider};
use crate::lane::{Lane, answer};
use crate::trouble::Trouble;
use crate::{Activity, Performed};

use connection::{Connection, Target};

/// The member of `_meta` in which a server sees the key of a call.
const IDEMPOTENCY_KEY: &str = "abide/idempotency-key";

/// After a connection failed, calls are told so for this long before the next one is tried: a server that cannot start must not be
/// started by each of a thousand runs.
const COOLDOWN: Duration = Duration::from_millis(250);

/// How old a list of tools may be.
const LIST_AGE: Duration = Duration::from_secs(30);

/// A list that is younger than this is believed when it says that there is no such tool.
const SURE_AGE: Duration = Duration::from_secs(2);

type Connecting = Shared<BoxFuture<'static, Result<Arc<Connection>, Broken>>>;

/// A connection that could not be made.
#[derive(Debug, Clone)]
struct Broken {
    trouble: Trouble,
    since: Instant,
}

/// A provider.
pub(crate) struct Mcp {
    name: String,
    lane: Lane,
    target: Arc<Target>,
    current: Mutex<Option<Connecting>>,
    closed: AtomicBool,
}

impl std::fmt::Debug for Mcp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mcp({})", self.name)
    }
}

impl Mcp {
    pub(crate) fn stdio(
        name: &str,
        config: &McpStdioProvider,
        base_dir: &Path,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let key = format!("tools.{name}");
        let lane = Lane::new(&key, &config.calling())?;
        Ok(Self::new(name, lane, Target::stdio(&key, config, base_dir, clock)?))
    }

    pub(crate) fn http(
        name: &str,
        config: &McpHttpProvider,
        client: reqwest::Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let key = format!("tools.{name}");
        let lane = Lane::new(&key, &config.calling())?;
        let target = Target::http(&key, config, client, lane.max_concurrent(), clock)?;
        Ok(Self::new(name, lane, target))
    }

    fn new(name: &str, lane: Lane, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            lane,
            target: Arc::new(target),
            current: Mutex::new(None),
            closed: AtomicBool::new(false),
        }
    }

    /// Performs `tools.list`.
    pub(crate) async fn list(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        self.lane.run(clock, activity, || async move { ended(self.list_once().await) }).await
    }

    /// Performs `tools.call`.
    pub(crate) async fn call(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> Performed {
        let key = activity.idempotency_key();
        let key = key.as_str();
        let attempt = || async move { ended(self.call_once(key, tool, arguments).await) };
        self.lane.run(clock, activity, attempt).await
    }

    /// Ends the connection, and the server if the host started it.
    pub(crate) async fn close(&self) {
        // First, so that a call which fails by this does not start the server again.
        self.closed.store(true, Ordering::SeqCst);
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Ok(connection)) = current.as_ref().and_then(Shared::peek) {
            connection.close().await;
        }
    }

    async fn list_once(&self) -> Result<Json, Trouble> {
        let connection = self.connection().await?;
        let tools = connection.tools(LIST_AGE).await?;
        answer(&tools.iter().map(|tool| content::tool(&self.name, tool)).collect::<Vec<_>>())
    }

    async fn call_once(&self, key: &str, tool: &str, arguments: &Map<String, Value>) -> Result<Json, Trouble> {
        let connection = self.connection().await?;
        self.check_tool(&connection, tool).await?;
        let mut params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.clone());
        let mut meta = RequestMetaObject::new();
        meta.0.0.insert(IDEMPOTENCY_KEY.to_owned(), Value::from(key));
        params.meta = Some(meta);
        let result = connection.call(params).await?;
        answer(&content::result(result))
    }

    /// Servers say in many ways that there is no such tool, some of them as if the tool had answered. So it is looked up first.
    async fn check_tool(&self, connection: &Connection, tool: &str) -> Result<(), Trouble> {
        for age in [LIST_AGE, SURE_AGE] {
            let Ok(tools) = connection.tools(age).await else {
                // Then the call itself says what is wrong.
                return Ok(());
            };
            if tools.iter().any(|known| known.name == tool) {
                return Ok(());
            }
            if age == SURE_AGE {
                let known: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
                return Err(unknown_tool(self.lane.key(), tool, &known));
            }
        }
        Ok(())
    }

    /// The connection, made anew where there is none or it died.
    async fn connection(&self) -> Result<Arc<Connection>, Trouble> {
        // A connection may die between being made and being looked at; then it is made once more.
        for _ in 0..2 {
            if self.closed.load(Ordering::SeqCst) {
                return Err(Trouble::passing("unavailable", "the host is stopping"));
            }
            let connecting = self.connecting();
            match connecting.await {
                Ok(connection) if connection.is_closed() => {}
                Ok(connection) => return Ok(connection),
                Err(broken) => return Err(broken.trouble),
            }
        }
        Err(Trouble::passing("unavailable", format!("`{}` closes every connection at once", self.lane.key())))
    }

    fn connecting(&self) -> Connecting {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = current.as_ref().filter(|connecting| match connecting.peek() {
            None => true,
            Some(Ok(connection)) => !connection.is_closed(),
            Some(Err(broken)) => broken.since.elapsed() < COOLDOWN,
        });
        if let Some(usable) = usable {
            return usable.clone();
        }
        let target = self.target.clone();
        // A task of its own: it goes on when the call that began it is cancelled, since others wait for it too.
        let task = tokio::spawn(async move { target.connect().await });
        let connecting = async move {
            let made = task.await.unwrap_or_else(|_| Err(Trouble::passing("unavailable", "the host is stopping")));
            made.map(Arc::new).map_err(|trouble| Broken { trouble, since: Instant::now() })
        };
        let connecting = connecting.boxed().shared();
        *current = Some(connecting.clone());
        connecting
    }
}
