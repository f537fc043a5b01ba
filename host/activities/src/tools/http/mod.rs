//! Tools that are operations of an HTTP API, declared in the configuration.

mod later;
mod template;

use std::collections::BTreeMap;

use abide_model::llm::ContentPart;
use abide_model::tools::{Tool, ToolResult};
use abide_model::{Clock, Error, Json, Outcome};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Response, Url};
use serde_json::{Map, Value};

use super::workers::Workers;
use super::{declared, ended, unknown_tool};
use crate::client::{self, BodyError, IDEMPOTENCY_KEY};
use crate::config::{Calling, Completion, DEFAULT_MAX_RESPONSE_BYTES, HttpTool, HttpToolsProvider, wrong};
use crate::lane::{Lane, answer, refused};
use crate::quote::Redactor;
use crate::retry::Policy;
use crate::retry_after::retry_after_ms;
use crate::trouble::Trouble;
use crate::{Activity, Performed};

use template::Template;

/// A provider of such tools.
#[derive(Debug)]
pub(crate) struct HttpTools {
    lane: Lane,
    client: Client,
    base_url: Url,
    headers: HeaderMap,
    redactor: Redactor,
    max_response_bytes: usize,
    operations: BTreeMap<String, Operation>,
    listed: Json,
    /// Where calls wait that are answered by token.
    workers: Workers,
}

#[derive(Debug)]
struct Operation {
    method: Method,
    path: Template,
    policy: Policy,
    /// Whether it may answer by token.
    later: bool,
}

/// A request, ready to be sent as often as needed.
struct Prepared {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<String>,
}

impl HttpTools {
    pub(crate) fn new(
        name: &str,
        config: &HttpToolsProvider,
        client: Client,
        workers: &Workers,
    ) -> Result<Self, Error> {
        let key = format!("tools.{name}");
        let lane = Lane::new(&key, &config.calling())?;
        let base_key = format!("{key}.base_url");
        let base_url = client::base_url(&base_key, &config.base_url)?;
        if base_url.query().is_some() || base_url.fragment().is_some() {
            return Err(wrong(&base_key, "must not have a query or a fragment"));
        }
        let bearer = client::bearer(&key, config.bearer_token_env.as_ref())?;
        let headers = client::headers(&key, &config.headers, bearer.as_ref())?;
        let mut operations = BTreeMap::new();
        let mut tools = Vec::new();
        for tool in &config.tools {
            let key = format!("{key}.tool.{}", tool.name);
            let (operation, listed) = Operation::new(&key, name, tool, lane.policy())?;
            tools.push(listed);
            if operations.insert(tool.name.clone(), operation).is_some() {
                return Err(wrong(&key, "is there twice"));
            }
        }
        let listed = Json::of(&tools).map_err(|error| wrong(&key, error))?;
        Ok(Self {
            lane,
            client,
            base_url,
            redactor: Redactor::of_headers(&headers),
            headers,
            max_response_bytes: config.max_response_bytes.unwrap_or(DEFAULT_MAX_RESPONSE_BYTES),
            operations,
            listed,
            workers: workers.clone(),
        })
    }

    /// What `tools.list` gives.
    pub(crate) fn list(&self) -> Outcome {
        Outcome::Ok(self.listed.clone())
    }

    /// Performs a call.
    pub(crate) async fn call(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Performed {
        let Some(operation) = self.operations.get(name) else {
            let known: Vec<_> = self.operations.keys().map(String::as_str).collect();
            return refused(unknown_tool(self.lane.key(), name, &known).failure);
        };
        let mut prepared = match operation.prepare(&self.base_url, arguments) {
            Ok(prepared) => prepared,
            Err(trouble) => return refused(trouble.failure),
        };
        prepared.headers = self.headers.clone();
        if let Err(failure) = activity.secrets.fill_headers(&mut prepared.headers, &prepared.url) {
            return refused(failure);
        }
        if operation.later {
            return self.call_for_later(clock, activity, name, operation, &prepared).await;
        }
        let (key, prepared) = (activity.idempotency_key(), &prepared);
        let key = key.as_str();
        let attempt = || async move { ended(self.attempt(clock, key, prepared).await) };
        self.lane.run_by(operation.policy.clone(), clock, activity, attempt).await
    }

    async fn attempt(&self, clock: &dyn Clock, idempotency_key: &str, prepared: &Prepared) -> Result<Json, Trouble> {
        let response = self.send(idempotency_key, prepared, HeaderMap::new()).await?;
        self.answered(clock, response).await
    }

    async fn send(&self, idempotency_key: &str, prepared: &Prepared, more: HeaderMap) -> Result<Response, Trouble> {
        let mut request = self
            .client
            .request(prepared.method.clone(), prepared.url.clone())
            .headers(prepared.headers.clone())
            .headers(more)
            .header(IDEMPOTENCY_KEY, idempotency_key);
        if let Some(body) = &prepared.body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body.clone());
        }
        request.send().await.map_err(|error| {
            client::no_answer(&error, &format!("`{}` at {}", self.lane.key(), client::origin(&self.base_url)))
        })
    }

    /// What an answer means.
    async fn answered(&self, clock: &dyn Clock, response: Response) -> Result<Json, Trouble> {
        let key = self.lane.key();
        let status = response.status().as_u16();
        let wait = retry_after_ms(response.headers(), clock.now_ms());
        let passing = |code, what: &str| {
            Err(Trouble::passing(code, format!("`{key}` {what} ({status})")).with_status(status, wait))
        };
        let lasting = |code, what: &str| {
            Err(Trouble::lasting(code, format!("`{key}` {what} ({status})")).with_status(status, None))
        };
        match status {
            200..300 => self.result(response, false).await,
            // The credentials are the host's: no model can do anything about them.
            401 => lasting("denied", &format!("refuses the credentials: check the headers of `[{key}]`")),
            408 | 504 => passing("timeout", "ran out of time"),
            429 => passing("rate-limited", "takes no more requests now"),
            400..500 => self.result(response, true).await,
            501 | 505 => lasting("provider-error", "cannot do this"),
            500.. => passing("unavailable", "is out of order"),
            300..400 => lasting(
                "provider-error",
                "answers with a redirect, which is not followed: set `base_url` to where it leads",
            ),
            _ => lasting("provider-error", "answers with an odd status"),
        }
    }

    async fn result(&self, response: Response, is_error: bool) -> Result<Json, Trouble> {
        let key = self.lane.key();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let status = response.status().as_u16();
        let body = client::read_body(response, self.max_response_bytes).await.map_err(|error| match error {
            BodyError::TooLarge(_) => Trouble::lasting(
                "provider-error",
                format!("the answer of `{key}` {error}; `max_response_bytes` of `[{key}]` sets the limit"),
            ),
            BodyError::Broken(..) => Trouble::passing("unavailable", format!("the answer of `{key}` {error}")),
        })?;
        let result = match String::from_utf8(body) {
            Ok(text) => {
                let structured = if is_error { None } else { Json::parse(text.as_str()).ok() };
                let text = match text.trim() {
                    "" if is_error => format!("status {status}"),
                    "" => String::new(),
                    // An API may quote the credentials in what it refuses.
                    _ if is_error => self.redactor.clean(&text),
                    _ => text,
                };
                let content = if text.is_empty() { Vec::new() } else { vec![ContentPart::Text { text }] };
                ToolResult { content, structured, is_error }
            }
            Err(bytes) if media_type.starts_with("image/") => {
                let base64 = Some(BASE64.encode(bytes.as_bytes()));
                let content = vec![ContentPart::Image { media_type, url: None, base64 }];
                ToolResult { content, structured: None, is_error }
            }
            Err(bytes) => {
                let kind = if media_type.is_empty() { "no declared type" } else { &media_type };
                let text = format!("[{} bytes of {kind}]", bytes.as_bytes().len());
                ToolResult { content: vec![ContentPart::Text { text }], structured: None, is_error }
            }
        };
        answer(&result)
    }
}

impl Operation {
    fn new(key: &str, provider: &str, tool: &HttpTool, policy: &Policy) -> Result<(Self, Tool), Error> {
        let schemas = (tool.input_schema.as_deref(), tool.output_schema.as_deref());
        let listed = declared::tool(key, provider, &tool.name, tool.description.as_ref(), schemas)?;
        let method = match tool.method.to_ascii_uppercase().as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "DELETE" => Method::DELETE,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            _ => return Err(wrong(&format!("{key}.method"), "must be GET, HEAD, DELETE, POST, PUT or PATCH")),
        };
        let path = Template::parse(&tool.path).map_err(|problem| wrong(&format!("{key}.path"), problem))?;
        let calling = Calling {
            attempt_timeout_ms: tool.attempt_timeout_ms,
            total_timeout_ms: tool.total_timeout_ms,
            retry: tool.retry.clone(),
            max_concurrent: None,
        };
        let policy = declared::policy(key, policy, &calling)?;
        Ok((Self { method, path, policy, later: tool.completion == Completion::Later }, listed))
    }

    fn prepare(&self, base_url: &Url, mut arguments: Map<String, Value>) -> Result<Prepared, Trouble> {
        let invalid = |problem: String| Trouble::lasting("invalid-arguments", problem);
        let path = self.path.fill(&mut arguments).map_err(invalid)?;
        let mut url = base_url.clone();
        let whole = format!("{}{path}", base_url.path().trim_end_matches('/'));
        url.set_path(&whole);
        if url.path() != whole {
            // Whatever the parser makes of it, a call must not leave the path that was configured.
            return Err(invalid("an argument cannot stand in the path of this tool".to_owned()));
        }
        if matches!(self.method, Method::GET | Method::HEAD | Method::DELETE) {
            let query = template::query(&arguments);
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            return Ok(Prepared { method: self.method.clone(), url, headers: HeaderMap::new(), body: None });
        }
        Ok(Prepared {
            method: self.method.clone(),
            url,
            headers: HeaderMap::new(),
            body: Some(Value::Object(arguments).to_string()),
        })
    }
}
