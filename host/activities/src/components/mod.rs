//! Tool components: components whose exported functions are tools and typed activities. Each attempt of a call has an instance, a store and
//! limits of its own, so that whatever goes wrong in it ends that attempt and nothing else.
//!
//! This file owns what is configured, `uploaded` what came while the host runs; `running` drives one attempt, `own_calls` performs what a
//! component asks for meanwhile.

mod own_calls;
mod running;
mod settings;
mod source;
mod uploaded;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use abide_engine::{CompiledCache, Engine, EngineConfig, ToolCall, ToolFunction, ToolProgram};
use abide_model::tools::{Tool, ToolResult};
use abide_model::{Clock, Digest, Error, Failure, InterfaceName, Json, Limits, Outcome};
use rand_core::{OsRng, TryRngCore};
use serde::Deserialize;
use tempfile::TempDir;

use crate::config::{ActivitiesConfig, ComponentProvider, Secret, check_name, wrong};
use crate::fetch::Fetcher;
use crate::lane::{Lane, answer, refused};
use crate::tools::{result_of, unknown_tool};
use crate::trouble::{Attempt, Trouble};
use crate::{Activity, Performed};

use own_calls::OwnCalls;
use source::Source;

pub use settings::{ToolHttp, ToolSettings};
pub use uploaded::{PreparedTool, ToolComponents, ToolOverview};

/// Attempts of one component that may be under way at the same time, where its configuration does not say.
const DEFAULT_MAX_CONCURRENT: usize = 16;
/// The most attempts under way of one component, and of all of them. Address space is reserved for so many instances.
const MAX_CONCURRENT: usize = 1000;
const MAX_INSTANCES: usize = 4000;
/// The largest memory that may be configured for one call.
const MAX_MEMORY_BYTES: u64 = 4 << 30;
/// Calls of its own that a component may wait for at the same time.
const MAX_OPEN_CALLS: u32 = 100;
/// The longest name of a tool, as models take them.
const MAX_TOOL_NAME: usize = 64;

/// All tool components, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Components(BTreeMap<String, Arc<Component>>);

/// One tool component.
pub(crate) struct Component {
    name: String,
    lane: Lane,
    source: Source,
    functions: Vec<ToolFunction>,
    /// The place of each tool in `functions`.
    tools: BTreeMap<String, usize>,
    listed: Json,
    limits: Limits,
    environment: BTreeMap<String, Secret>,
    /// Variables, and the secrets of the calling tenant that they hold.
    secret_environment: BTreeMap<String, String>,
    /// The hosts that it may reach, as they are configured.
    reaches: Vec<String>,
    fetcher: Fetcher,
    /// Whether a tenant brought it.
    is_uploaded: bool,
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Component({})", self.name)
    }
}

impl Components {
    /// Reads all files, and has each compiled beside.
    pub(crate) fn new(config: &ActivitiesConfig, base_dir: &Path, client: &reqwest::Client) -> Result<Self, Error> {
        if config.components.is_empty() {
            return Ok(Self::default());
        }
        for (name, provider) in &config.components {
            check_name("components", name)?;
            check_bounds(name, provider, MAX_MEMORY_BYTES)?;
        }
        let instances: usize = config.components.values().map(concurrent).sum();
        if instances > MAX_INSTANCES {
            let problem = format!("have {instances} for `max_concurrent` together, the limit is {MAX_INSTANCES}");
            return Err(wrong("components", problem));
        }
        let memory = config.components.values().map(|provider| provider.limits.memory_bytes).max().unwrap_or_default();
        let engine = Engine::new(&EngineConfig {
            // An instance may be on its way out while the next begins.
            max_guests: u32::try_from(instances * 2).unwrap_or(u32::MAX),
            max_memory_bytes: memory,
        })?;
        let (cache, temporary) = cache(config.cache.as_ref())?;
        let components = config.components.iter().map(|(name, provider)| {
            let source = Source::read(name, provider, base_dir, &engine, &cache, &temporary)?;
            Ok((name.clone(), Arc::new(Component::new(name, provider, source, client)?)))
        });
        components.collect::<Result<_, Error>>().map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Arc<Component>)> {
        self.0.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Component>> {
        self.0.get(name)
    }
}

/// Attempts of a component that may be under way.
fn concurrent(provider: &ComponentProvider) -> usize {
    provider.max_concurrent.unwrap_or(DEFAULT_MAX_CONCURRENT)
}

/// Refuses what no engine is made for.
fn check_bounds(name: &str, provider: &ComponentProvider, max_memory_bytes: u64) -> Result<(), Error> {
    if !(1..=MAX_CONCURRENT).contains(&concurrent(provider)) {
        let rule = format_args!("must be 1 to {MAX_CONCURRENT}");
        return Err(wrong(&format!("components.{name}.max_concurrent"), rule));
    }
    if provider.limits.memory_bytes > max_memory_bytes {
        let rule = format_args!("must be at most {max_memory_bytes}");
        return Err(wrong(&format!("components.{name}.limits.memory_bytes"), rule));
    }
    Ok(())
}

/// Where compiled components are kept: in the host's folder, or in one that goes with the last component.
fn cache(shared: Option<&CompiledCache>) -> Result<(CompiledCache, Option<Arc<TempDir>>), Error> {
    if let Some(cache) = shared {
        return Ok((cache.clone(), None));
    }
    let folder =
        TempDir::new().map_err(|error| wrong("components", format_args!("need a temporary folder: {error}")))?;
    Ok((CompiledCache::open(folder.path(), CompiledCache::MOST_BYTES)?, Some(Arc::new(folder))))
}

impl Component {
    /// What its machine code is found by.
    fn code(&self) -> Digest {
        self.source.code
    }

    fn new(
        name: &str,
        provider: &ComponentProvider,
        (source, functions): (Source, Vec<ToolFunction>),
        client: &reqwest::Client,
    ) -> Result<Self, Error> {
        let key = format!("components.{name}");
        let mut calling = provider.calling();
        calling.max_concurrent.get_or_insert(DEFAULT_MAX_CONCURRENT);
        let tools = tool_names(&key, &functions)?;
        let listed: Vec<Tool> = tools
            .iter()
            .map(|(tool, place)| {
                let function = &functions[*place];
                Tool {
                    provider: name.to_owned(),
                    name: tool.clone(),
                    description: function.description.clone(),
                    input_schema: function.input_schema.clone(),
                    output_schema: function.output_schema.clone(),
                }
            })
            .collect();
        let limits = &provider.limits;
        let mut environment = provider.env.clone();
        for variable in &provider.pass_env {
            environment.insert(variable.clone(), crate::config::environment(&format!("{key}.pass_env"), variable)?);
        }
        if let Some(twice) = provider.secret_env.keys().find(|name| environment.contains_key(*name)) {
            return Err(wrong(&format!("{key}.secret_env"), format_args!("has `{twice}`, which it is given already")));
        }
        if let Some(bad) = environment
            .keys()
            .chain(provider.secret_env.keys())
            .find(|name| name.is_empty() || name.contains(['=', '\0']))
        {
            return Err(wrong(&format!("{key}.env"), format_args!("has `{bad}`, which is no name of a variable")));
        }
        Ok(Self {
            environment,
            secret_environment: provider.secret_env.clone(),
            reaches: provider.http.allow.clone(),
            name: name.to_owned(),
            lane: Lane::new(&key, &calling)?,
            source,
            listed: Json::of(&listed).map_err(|error| wrong(&key, error))?,
            tools,
            functions,
            limits: Limits {
                memory_bytes: limits.memory_bytes,
                step_fuel: limits.step_fuel,
                request_bytes: limits.result_bytes,
                open_calls: MAX_OPEN_CALLS,
                ..Limits::default()
            },
            fetcher: Fetcher::new(&format!("{key}.http"), &provider.http, client.clone())?,
            is_uploaded: false,
        })
    }

    /// The same, brought by a tenant: its own calls need the tenant's rights.
    fn of_a_tenant(self) -> Self {
        Self { is_uploaded: true, ..self }
    }

    /// Its name in the configuration, or the one that it was uploaded by.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The function of the interface that may stand for `wanted`, in the latest version that does.
    pub(crate) fn function(&self, wanted: &InterfaceName, name: &str) -> Option<&ToolFunction> {
        let fits = |function: &&ToolFunction| {
            function.name == name && function.interface.as_ref().is_some_and(|offered| wanted.accepts(offered))
        };
        self.functions.iter().filter(fits).max_by(|a, b| a.interface.cmp(&b.interface))
    }

    /// The interfaces that it exports.
    pub(crate) fn interfaces(&self) -> Vec<&InterfaceName> {
        let mut interfaces: Vec<_> = self.functions.iter().filter_map(|function| function.interface.as_ref()).collect();
        interfaces.dedup();
        interfaces
    }

    /// The names of its tools.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &String> {
        self.tools.keys()
    }

    /// Attempts that may be under way.
    fn max_concurrent(&self) -> usize {
        self.lane.max_concurrent()
    }

    /// The component, when it is compiled.
    async fn compiled(&self) -> Result<(), Error> {
        self.source.program().await.map(drop)
    }

    /// What `tools.list` gives.
    pub(crate) fn list(&self) -> Outcome {
        Outcome::Ok(self.listed.clone())
    }

    /// Performs `tools.call`. The error of a function's `result` is an answer that says that it is one.
    pub(crate) async fn call_tool(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        name: &str,
        arguments: &Json,
    ) -> Performed {
        let Some(function) = self.tools.get(name).map(|place| &self.functions[*place]) else {
            let known: Vec<_> = self.tools.keys().map(String::as_str).collect();
            return refused(unknown_tool(self.lane.key(), name, &known).failure);
        };
        let mut performed = self.call(clock, activity, function, arguments).await;
        if let Outcome::Ok(result) = &performed.outcome {
            performed.outcome = match as_tool_result(result, function).and_then(|result| answer(&result)) {
                Ok(result) => Outcome::Ok(result),
                Err(trouble) => Outcome::Failed(trouble.failure),
            };
        }
        performed
    }

    /// Calls a function, and gives its result as JSON by its type.
    pub(crate) async fn call(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        function: &ToolFunction,
        arguments: &Json,
    ) -> Performed {
        let program = match self.source.program().await {
            Ok(program) => program,
            Err(error) => {
                let message = format!("the tool component `{}` cannot be loaded: {error}", self.name);
                return refused(Failure::new("unavailable", message));
            }
        };
        self.lane.run(clock, activity, || self.attempt(clock, activity, &program, function, arguments)).await
    }

    async fn attempt(
        &self,
        clock: &dyn Clock,
        activity: &Activity,
        program: &ToolProgram,
        function: &ToolFunction,
        arguments: &Json,
    ) -> Attempt {
        let mut seed = [0; 32];
        if let Err(error) = OsRng.try_fill_bytes(&mut seed) {
            let message = format!("the operating system gives no random numbers: {error}");
            return Trouble::passing("unavailable", message).into();
        }
        let mut environment: Vec<_> =
            self.environment.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
        for (variable, secret) in &self.secret_environment {
            match activity.secrets.reveal_to(secret, &self.name, &self.reaches) {
                Ok(value) => environment.push((variable.clone(), value.to_string())),
                Err(failure) => return Trouble { failure, retry_after_ms: None }.into(),
            }
        }
        let call = ToolCall {
            interface: function.interface.clone(),
            function: function.name.clone(),
            arguments: arguments.clone(),
            limits: self.limits.clone(),
            environment,
            seed,
        };
        // A component of the configuration is the host's own, and does what its section says. One that was uploaded is its tenant's.
        let policy = if self.is_uploaded { Arc::new(activity.policy.of_tenant()) } else { Arc::default() };
        let own = OwnCalls { component: &self.name, fetcher: &self.fetcher, clock, activity, policy };
        running::run(program, call, &own).await
    }
}

/// A function's own name where no other one has it; with that of its interface, always.
fn tool_names(key: &str, functions: &[ToolFunction]) -> Result<BTreeMap<String, usize>, Error> {
    let mut names = BTreeMap::new();
    for (place, function) in functions.iter().enumerate() {
        let is_only = functions.iter().filter(|other| other.name == function.name).count() == 1;
        let name = match &function.interface {
            Some(interface) if !is_only => format!("{}.{}", interface.interface(), function.name),
            _ => function.name.clone(),
        };
        if name.len() > MAX_TOOL_NAME {
            return Err(wrong(
                key,
                format_args!("exports `{name}`: the name of a tool has at most {MAX_TOOL_NAME} bytes"),
            ));
        }
        // Of several versions of an interface, the last one in the component is the tool.
        names.insert(name, place);
    }
    Ok(names)
}

/// A result as its function's type has it in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Either {
    Ok(Json),
    Error(Json),
}

fn as_tool_result(result: &Json, function: &ToolFunction) -> Result<ToolResult, Trouble> {
    if !function.gives_result {
        return Ok(result_of(result, false));
    }
    match result.read() {
        Ok(Either::Ok(value)) => Ok(result_of(&value, false)),
        Ok(Either::Error(error)) => Ok(result_of(&error, true)),
        Err(error) => Err(Trouble::lasting("provider-error", format!("the result cannot be read: {error}"))),
    }
}
