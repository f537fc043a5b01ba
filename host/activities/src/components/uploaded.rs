//! Tool components that come while the host runs: which there are, what they perform, and who may have which name. Where they are kept is not
//! the business of this file: the runtime stores them, and installs here what is durable.
//!
//! The configuration goes first: a name of its sections is nobody else's, and an interface that `[activities]` binds is performed by whom it
//! names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use abide_engine::{CompiledCache, Compiler, Engine, EngineConfig, inspect_tool};
use abide_model::{Error, ErrorCode, Failure, InterfaceName, Json, Outcome, Right, Tenant};
use tempfile::TempDir;

use super::settings::of_settings;
use super::source::Source;
use super::{Component, Components, ToolSettings, cache, check_bounds, concurrent};
use crate::bindings::binds;
use crate::config::{ActivitiesConfig, check_name};

/// Tool components that may be there at the same time.
const MAX_TOOLS: usize = 64;
/// Attempts of all of them together that may be under way.
const MAX_ATTEMPTS: usize = 500;
/// The largest memory of one call. All of them share an engine, which is made before anybody knows what comes.
const MAX_MEMORY_BYTES: u64 = 1 << 30;

/// A handle to all tool components that were uploaded. Cheap to clone.
#[derive(Clone)]
pub struct ToolComponents(Arc<Inner>);

struct Inner {
    configured: Components,
    /// The section of each name that the configuration has.
    taken: BTreeMap<String, &'static str>,
    /// The interfaces that the configuration binds.
    bound: Vec<InterfaceName>,
    /// Variables of the host's environment that settings may name.
    pass_env: BTreeSet<String>,
    client: reqwest::Client,
    cache: Option<CompiledCache>,
    compiler: Option<Compiler>,
    /// Made when the first one comes: it reserves address space.
    ground: OnceLock<Result<Ground, Error>>,
    installed: RwLock<BTreeMap<(Tenant, String), Installed>>,
}

/// What all of them are run by.
struct Ground {
    engine: Engine,
    cache: CompiledCache,
    temporary: Option<Arc<TempDir>>,
}

/// One of them.
enum Installed {
    Ready(Tool),
    /// It cannot be run here, for this reason.
    Broken(String),
}

#[derive(Clone)]
struct Tool {
    component: Arc<Component>,
    /// The interfaces that it performs.
    performed: Vec<InterfaceName>,
}

/// A tool component that was inspected and fits beside the others. It does nothing until it is installed.
pub struct PreparedTool {
    tenant: Tenant,
    tool: Tool,
    /// The component, to be stored. Of a core module, the component that was made of it.
    pub file: Vec<u8>,
    /// The settings, to be stored.
    pub settings: Json,
    /// The rights that its settings take.
    pub needs: Vec<Right>,
}

/// What is said of a tool component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolOverview {
    /// The interfaces that it exports.
    pub exports: Vec<String>,
    /// The interfaces that it performs without being bound in the configuration.
    pub performs: Vec<String>,
    /// The names of its tools.
    pub tools: Vec<String>,
    /// Why it cannot be run.
    pub problem: Option<String>,
}

impl std::fmt::Debug for ToolComponents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ToolComponents")
    }
}

impl ToolComponents {
    pub(crate) fn new(config: &ActivitiesConfig, configured: &Components, client: &reqwest::Client) -> Self {
        let sections: [(&'static str, Vec<&String>); 3] = [
            ("components", config.components.keys().collect()),
            ("tools", config.tools.keys().collect()),
            ("workers", config.workers.keys().collect()),
        ];
        let taken = sections
            .into_iter()
            .flat_map(|(section, names)| names.into_iter().map(move |name| (name.clone(), section)));
        Self(Arc::new(Inner {
            configured: configured.clone(),
            taken: taken.collect(),
            // What is no name is refused with the bindings.
            bound: config.activities.keys().filter_map(|name| InterfaceName::parse(name).ok()).collect(),
            pass_env: config.tool_uploads.pass_env.iter().cloned().collect(),
            client: client.clone(),
            cache: config.cache.clone(),
            compiler: config.compiler.clone(),
            ground: OnceLock::new(),
            installed: RwLock::default(),
        }))
    }

    /// Inspects a tool component and begins to compile it. Computes: call it where that is fine. Refused are names of the configuration, and
    /// interfaces that another one performs.
    pub fn prepare(&self, tenant: &Tenant, name: &str, settings: &Json, file: &[u8]) -> Result<PreparedTool, Error> {
        check_name("tools", name).map_err(|error| Error::new(ErrorCode::InvalidArgument, error.message))?;
        if let Some(section) = self.0.taken.get(name) {
            let message = format!(
                "the host's configuration has `[{section}.{name}]`, and its names go first: take another name, or remove that section"
            );
            return Err(Error::new(ErrorCode::NameTaken, message));
        }
        let read = ToolSettings::read(settings)?;
        let provider = read.provider(&self.0.pass_env).map_err(of_settings)?;
        check_bounds(name, &provider, MAX_MEMORY_BYTES).map_err(of_settings)?;
        self.check_room(tenant, name, concurrent(&provider))?;
        let inspected =
            inspect_tool(file, read.wit.as_deref().map(|text| ("settings.wit", text))).map_err(of_settings)?;
        let Ground { engine, cache, temporary } = self.ground()?;
        let source = Source::of(inspected.component.clone(), engine, cache, temporary)?;
        let component =
            Component::new(name, &provider, (source, inspected.functions), &self.0.client).map_err(of_settings)?;
        let performed = read.performed(&component.interfaces())?;
        let tool = Tool { component: Arc::new(component.of_a_tenant()), performed };
        self.check_interfaces(tenant, name, &tool)?;
        let settings = Json::of(&read).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
        let needs = read.needs()?;
        Ok(PreparedTool { tenant: tenant.clone(), tool, file: inspected.component, settings, needs })
    }

    /// Puts it in place of the one of its name. Calls that are under way go on with that one.
    pub fn install(&self, prepared: &PreparedTool) {
        let key = (prepared.tenant.clone(), prepared.tool.component.name().to_owned());
        let before = self.write().insert(key, Installed::Ready(prepared.tool.clone()));
        self.forget_code(before);
    }

    /// Keeps the name of one that cannot be run, with the reason.
    pub fn install_broken(&self, tenant: &Tenant, name: &str, problem: &str) {
        self.write().insert((tenant.clone(), name.to_owned()), Installed::Broken(problem.to_owned()));
    }

    /// Forgets one. Calls that are under way go on.
    pub fn remove(&self, tenant: &Tenant, name: &str) {
        let gone = self.write().remove(&(tenant.clone(), name.to_owned()));
        self.forget_code(gone);
    }

    /// Removes what one was compiled to, unless another one is the same.
    fn forget_code(&self, gone: Option<Installed>) {
        let Some(Installed::Ready(gone)) = gone else { return };
        let code = gone.component.code();
        let mut others = self.0.configured.iter().map(|(_, component)| component.code());
        let is_used = others.any(|other| other == code)
            || self.read().values().filter_map(Installed::ready).any(|tool| tool.component.code() == code);
        if !is_used && let Ok(ground) = self.ground() {
            ground.cache.remove(code);
        }
    }

    /// What is said of one that was uploaded.
    pub fn overview(&self, tenant: &Tenant, name: &str) -> Option<ToolOverview> {
        match self.read().get(&(tenant.clone(), name.to_owned()))? {
            Installed::Ready(tool) => Some(overview_of(&tool.component, &tool.performed)),
            Installed::Broken(problem) => {
                Some(ToolOverview { problem: Some(problem.clone()), ..ToolOverview::default() })
            }
        }
    }

    /// Those of the configuration, by name.
    pub fn configured(&self) -> Vec<(String, ToolOverview)> {
        self.0.configured.iter().map(|(name, component)| (name.clone(), overview_of(component, &[]))).collect()
    }

    /// Which of `imports` nobody would perform any more if the one of this name went, or `instead` took its place. Imports that the
    /// configuration binds are not this one's.
    pub fn missed<'a>(
        &self,
        tenant: &Tenant,
        name: &str,
        instead: Option<&PreparedTool>,
        imports: &'a [String],
    ) -> Vec<&'a str> {
        let instead = instead.map(|prepared| &prepared.tool.performed[..]).unwrap_or_default();
        let is_missed = |import: &&'a String| {
            let Ok(wanted) = InterfaceName::parse(import) else { return false };
            if self.0.bound.iter().any(|name| binds(name, &wanted)) {
                return false;
            }
            let by = self.performer(tenant, &wanted).map(|component| component.name().to_owned());
            by.as_deref() == Some(name) && !instead.iter().any(|offered| wanted.accepts(offered))
        };
        imports.iter().filter(is_missed).map(String::as_str).collect()
    }

    /// Who performs an interface: of several versions, the latest that fits.
    pub(crate) fn performer(&self, tenant: &Tenant, wanted: &InterfaceName) -> Option<Arc<Component>> {
        let installed = self.read();
        let tools = of_tenant(&installed, tenant).filter_map(|(_, installed)| installed.ready());
        let offers = tools.flat_map(|tool| tool.performed.iter().map(move |offered| (offered, &tool.component)));
        let best = offers.filter(|(offered, _)| wanted.accepts(offered)).max_by(|(a, _), (b, _)| a.cmp(b));
        best.map(|(_, component)| component.clone())
    }

    /// One by its name; a failure where it cannot be run.
    pub(crate) fn get(&self, tenant: &Tenant, name: &str) -> Option<Result<Arc<Component>, Failure>> {
        match self.read().get(&(tenant.clone(), name.to_owned()))? {
            Installed::Ready(tool) => Some(Ok(tool.component.clone())),
            Installed::Broken(problem) => Some(Err(broken(name, problem))),
        }
    }

    /// What `tools.list` gives of each.
    pub(crate) fn lists(&self, tenant: &Tenant) -> Vec<Outcome> {
        let installed = self.read();
        let lists = of_tenant(&installed, tenant).map(|(name, installed)| match installed {
            Installed::Ready(tool) => tool.component.list(),
            Installed::Broken(problem) => Outcome::Failed(broken(name, problem)),
        });
        lists.collect()
    }

    /// Their names.
    pub(crate) fn names(&self, tenant: &Tenant) -> Vec<String> {
        of_tenant(&self.read(), tenant).map(|(name, _)| name.clone()).collect()
    }

    fn ground(&self) -> Result<&Ground, Error> {
        let made = self.0.ground.get_or_init(|| {
            let (cache, temporary) = cache(self.0.cache.as_ref())?;
            let config = EngineConfig {
                // An instance may be on its way out while the next begins.
                max_guests: u32::try_from(MAX_ATTEMPTS * 2).unwrap_or(u32::MAX),
                max_memory_bytes: MAX_MEMORY_BYTES,
            };
            let engine = Engine::compiled_by(&config, self.0.compiler.clone())?;
            Ok(Ground { engine, cache, temporary })
        });
        made.as_ref().map_err(Clone::clone)
    }

    fn check_room(&self, tenant: &Tenant, name: &str, attempts: usize) -> Result<(), Error> {
        let installed = self.read();
        let others = installed.iter().filter(|((owner, known), _)| (owner, known.as_str()) != (tenant, name));
        let (mut count, mut taken) = (1, attempts);
        for (_, other) in others {
            count += 1;
            taken += other.ready().map_or(0, |tool| tool.component.max_concurrent());
        }
        let full = |what: String| Err(Error::new(ErrorCode::LimitExceeded, what));
        if count > MAX_TOOLS {
            return full(format!("there are {MAX_TOOLS} uploaded tool components, which is the limit: delete one"));
        }
        if taken > MAX_ATTEMPTS {
            return full(format!(
                "uploaded tool components would have {taken} for `max_concurrent` together, the limit is {MAX_ATTEMPTS}: give less"
            ));
        }
        Ok(())
    }

    /// Refuses a second one for an interface: nobody could say which of them performs it.
    fn check_interfaces(&self, tenant: &Tenant, name: &str, tool: &Tool) -> Result<(), Error> {
        let installed = self.read();
        let others = of_tenant(&installed, tenant).filter(|(known, _)| *known != name);
        for (known, other) in others.filter_map(|(known, installed)| Some((known, installed.ready()?))) {
            for offered in &tool.performed {
                if other.performed.iter().any(|theirs| theirs.accepts(offered) || offered.accepts(theirs)) {
                    let message = format!(
                        "the tool component `{known}` performs `{offered}`: delete that one, or say with `interfaces` of the settings \
                         which of its interfaces `{name}` is to perform"
                    );
                    return Err(Error::new(ErrorCode::NameTaken, message));
                }
            }
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<(Tenant, String), Installed>> {
        self.0.installed.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<(Tenant, String), Installed>> {
        self.0.installed.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Installed {
    fn ready(&self) -> Option<&Tool> {
        match self {
            Self::Ready(tool) => Some(tool),
            Self::Broken(_) => None,
        }
    }
}

impl PreparedTool {
    /// Completes when it is compiled, with the error of the compiler where there is one.
    pub async fn compiled(&self) -> Result<(), Error> {
        self.tool.component.compiled().await
    }
}

fn of_tenant<'a>(
    installed: &'a BTreeMap<(Tenant, String), Installed>,
    tenant: &'a Tenant,
) -> impl Iterator<Item = (&'a String, &'a Installed)> {
    installed.iter().filter(move |((owner, _), _)| owner == tenant).map(|((_, name), installed)| (name, installed))
}

fn overview_of(component: &Component, performed: &[InterfaceName]) -> ToolOverview {
    ToolOverview {
        exports: component.interfaces().iter().map(ToString::to_string).collect(),
        performs: performed.iter().map(ToString::to_string).collect(),
        tools: component.tools().cloned().collect(),
        problem: None,
    }
}

fn broken(name: &str, problem: &str) -> Failure {
    Failure::new("unavailable", format!("the tool component `{name}` cannot be run: {problem}"))
}
