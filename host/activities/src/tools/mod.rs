//! `tools.list` and `tools.call`: which provider a request means. How MCP servers, HTTP APIs and
//! workers are spoken with is in `mcp`, `http` and `workers`; tool components are in `crate::components`.

mod declared;
mod http;
mod mcp;
pub(crate) mod workers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use abide_model::llm::ContentPart;
use abide_model::tools::{CallRequest, ListRequest, ToolResult};
use abide_model::{Clock, Error, Failure, Json, Outcome, Right, Rights, Tenant};
use futures_util::future::join_all;
use serde_json::{Map, Value};

use crate::components::{Component, Components};
use crate::config::{ActivitiesConfig, ToolsProvider, check_name, wrong};
use crate::lane::refused;
use crate::trouble::{Attempt, Trouble};
use crate::{Activity, Performed, ToolComponents};

use http::HttpTools;
use mcp::Mcp;
use workers::Workers;

/// All providers of tools.
#[derive(Debug)]
pub(crate) struct Tools {
    providers: BTreeMap<String, Arc<Provider>>,
    workers: Workers,
    uploaded: ToolComponents,
}

#[derive(Debug)]
enum Provider {
    Mcp(Mcp),
    Http(HttpTools),
    Component(Arc<Component>),
}

impl Tools {
    pub(crate) fn new(
        config: &ActivitiesConfig,
        base_dir: &Path,
        client: &reqwest::Client,
        clock: &Arc<dyn Clock>,
        components: &Components,
        uploaded: &ToolComponents,
    ) -> Result<Self, Error> {
        let workers = Workers::new(&config.workers, clock)?;
        if let Some(url) = &config.public_url {
            workers.reached_by(crate::client::base_url("public_url", url)?.as_str());
        }
        let providers = config.tools.iter().map(|(name, provider)| {
            check_name("tools", name)?;
            if config.workers.contains_key(name) {
                let other = format!("workers.{name}");
                return Err(wrong(&format!("tools.{name}"), format_args!("has the name of `[{other}]`: rename one")));
            }
            let provider = match provider {
                ToolsProvider::McpStdio(config) => Provider::Mcp(Mcp::stdio(name, config, base_dir, clock.clone())?),
                ToolsProvider::McpHttp(config) => {
                    Provider::Mcp(Mcp::http(name, config, client.clone(), clock.clone())?)
                }
                ToolsProvider::Http(config) => Provider::Http(HttpTools::new(name, config, client.clone(), &workers)?),
            };
            Ok((name.clone(), Arc::new(provider)))
        });
        let mut providers = providers.collect::<Result<BTreeMap<_, _>, Error>>()?;
        for (name, component) in components.iter() {
            let taken = ["tools", "workers"].into_iter().find(|section| match *section {
                "tools" => config.tools.contains_key(name),
                _ => config.workers.contains_key(name),
            });
            if let Some(section) = taken {
                let problem = format!("has the name of `[{section}.{name}]`: rename one");
                return Err(wrong(&format!("components.{name}"), problem));
            }
            providers.insert(name.clone(), Arc::new(Provider::Component(component.clone())));
        }
        Ok(Self { providers, workers, uploaded: uploaded.clone() })
    }

    /// Performs `tools.list`.
    pub(crate) async fn list(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        let request: ListRequest = match activity.request.head.read() {
            Ok(request) => request,
            Err(error) => return refused(unreadable(&error)),
        };
        let rights = &activity.policy.rights;
        let listed = match request.provider {
            Some(name) => {
                let all = Right::tools_of(&name);
                if !rights.touch(&all)
                    && let Err(failure) = rights.check(&[all])
                {
                    return refused(failure);
                }
                if let Some(outcome) = self.workers.list(&name) {
                    Performed::new(outcome, 1)
                } else {
                    match self.find(&activity.tenant, &name, rights) {
                        Ok(provider) => provider.list(clock, activity).await,
                        Err(failure) => refused(failure),
                    }
                }
            }
            None => {
                let may = |name: &str| rights.touch(&Right::tools_of(name));
                let providers = self.providers.iter().filter(|(name, _)| may(name));
                let mut lists = join_all(providers.map(|(_, provider)| provider.list(clock, activity))).await;
                let queues = self.workers.names().filter(|name| may(name)).filter_map(|name| self.workers.list(name));
                let uploaded = self.uploaded.lists(&activity.tenant);
                lists.extend(queues.chain(uploaded).map(|outcome| Performed::new(outcome, 1)));
                together(lists)
            }
        };
        only_allowed(listed, rights)
    }

    /// Performs `tools.call`.
    pub(crate) async fn call(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        let mut request: CallRequest = match activity.request.head.read() {
            Ok(request) => request,
            Err(error) => return refused(unreadable(&error)),
        };
        let mut entered = match activity.policy.enter(&[Right::tool(&request.provider, &request.name)]) {
            Ok(entered) => entered,
            Err(performed) => return *performed,
        };
        entered.passage.arguments(&mut request.arguments);
        entered.leave(activity.kind, self.perform(clock, activity, &request).await)
    }

    async fn perform(&self, clock: &dyn Clock, activity: &Activity, request: &CallRequest) -> Performed {
        let CallRequest { provider, name, arguments: given } = request;
        let arguments = match arguments(given) {
            Ok(arguments) => arguments,
            Err(failure) => return refused(failure),
        };
        if let Some(performed) = self.workers.call(clock, activity, provider, name, given).await {
            return performed;
        }
        let provider = match self.find(&activity.tenant, provider, &activity.policy.rights) {
            Ok(provider) => provider,
            Err(failure) => return refused(failure),
        };
        match &*provider {
            Provider::Mcp(provider) => provider.call(clock, activity, name, &arguments).await,
            Provider::Http(provider) => provider.call(clock, activity, name, arguments).await,
            Provider::Component(component) => component.call_tool(clock, activity, name, given).await,
        }
    }

    /// Ends what was started.
    pub(crate) async fn close(&self) {
        join_all(self.providers.values().filter_map(|provider| match &**provider {
            Provider::Mcp(provider) => Some(provider.close()),
            Provider::Http(_) | Provider::Component(_) => None,
        }))
        .await;
    }

    /// What is answered from outside.
    pub(crate) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// A provider of the configuration, else the tool component that was uploaded by this name.
    fn find(&self, tenant: &Tenant, name: &str, rights: &Rights) -> Result<Arc<Provider>, Failure> {
        if let Some(provider) = self.providers.get(name) {
            return Ok(provider.clone());
        }
        if let Some(component) = self.uploaded.get(tenant, name) {
            return component.map(|component| Arc::new(Provider::Component(component)));
        }
        let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
        let uploaded = self.uploaded.names(tenant);
        let known = self.providers.keys().chain(self.workers.names()).chain(&uploaded);
        let known = known.filter(|name| rights.touch(&Right::tools_of(name)));
        let known: Vec<_> = known.map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
        let message =
            format!("there is no provider `{shown}` of tools, but {known}: configure it as `[tools.{shown}]`");
        Err(Failure::new("unknown-provider", message))
    }
}

impl Provider {
    async fn list(&self, clock: &dyn Clock, activity: &Activity) -> Performed {
        match self {
            Self::Mcp(provider) => provider.list(clock, activity).await,
            Self::Http(provider) => Performed::new(provider.list(), 1),
            Self::Component(component) => Performed::new(component.list(), 1),
        }
    }
}

/// One list of several. It is whole or it fails: a model that is silently given fewer tools does other things.
fn together(lists: Vec<Performed>) -> Performed {
    let attempts = lists.iter().map(|list| list.attempts).max().unwrap_or(0);
    let mut tools: Vec<Json> = Vec::new();
    for list in lists {
        match list.outcome {
            Outcome::Ok(list) => match list.read::<Vec<Json>>() {
                Ok(list) => tools.extend(list),
                Err(error) => return refused(unreadable(&error)),
            },
            outcome @ Outcome::Failed(_) => return Performed::new(outcome, attempts),
        }
    }
    let outcome = match crate::lane::answer(&tools) {
        Ok(tools) => Outcome::Ok(tools),
        Err(Trouble { failure, .. }) => Outcome::Failed(failure),
    };
    Performed::new(outcome, attempts)
}

/// The tools of a list that may be called.
fn only_allowed(mut listed: Performed, rights: &Rights) -> Performed {
    if rights.is_everything() {
        return listed;
    }
    let Outcome::Ok(tools) = &listed.outcome else { return listed };
    let may = |tool: &Json| {
        let name = tool.read::<Named>();
        name.is_ok_and(|tool| rights.check(&[Right::tool(&tool.provider, &tool.name)]).is_ok())
    };
    listed.outcome = match tools.read::<Vec<Json>>() {
        Ok(mut tools) => {
            tools.retain(may);
            match crate::lane::answer(&tools) {
                Ok(tools) => Outcome::Ok(tools),
                Err(Trouble { failure, .. }) => Outcome::Failed(failure),
            }
        }
        Err(error) => Outcome::Failed(unreadable(&error)),
    };
    listed
}

/// What a tool of a list is called.
#[derive(serde::Deserialize)]
struct Named {
    provider: String,
    name: String,
}

fn unreadable(error: &serde_json::Error) -> Failure {
    Failure::new("invalid-request", format!("the request cannot be read: {error}"))
}

fn arguments(json: &Json) -> Result<Map<String, Value>, Failure> {
    match json.read() {
        Ok(Value::Object(arguments)) => Ok(arguments),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) | Err(_) => {
            Err(Failure::new("invalid-arguments", "the arguments of a tool must be a JSON object: give `{}` for none"))
        }
    }
}

/// What a guest sees of a result that came as JSON: the value for programs, and a text to read.
pub(crate) fn result_of(result: &Json, is_error: bool) -> ToolResult {
    let text = result.read::<String>().unwrap_or_else(|_| result.to_string());
    ToolResult { content: vec![ContentPart::Text { text }], structured: Some(result.clone()), is_error }
}

/// Wraps the result of one attempt.
fn ended(result: Result<Json, Trouble>) -> Attempt {
    result.into()
}

/// The failure of a call for a tool that is not there.
pub(crate) fn unknown_tool(provider: &str, name: &str, known: &[&str]) -> Trouble {
    const SHOWN: usize = 20;
    let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
    let more = if known.len() > SHOWN { format!(" and {} more", known.len() - SHOWN) } else { String::new() };
    let known: Vec<_> =
        known.iter().take(SHOWN).map(|name| format!("`{}`", crate::quote::one_line(name, 80))).collect();
    let known = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
    Trouble::lasting("unknown-tool", format!("`{provider}` has no tool `{shown}`, but {known}{more}"))
}
