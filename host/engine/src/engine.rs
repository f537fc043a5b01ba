//! The engine: how components are compiled and loaded, and what every guest has in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use abide_model::{Error, ErrorCode};
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, Linker, TypedFunc};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store, WasmBacktraceDetails};

use crate::bindings::Workflow;
use crate::bindings::abide::workflow::types::Failure;
use crate::calls::Imports;
use crate::compiler::Compiler;
use crate::state::{GuestState, MAX_TABLE_ELEMENTS};
use crate::typed;

/// How long a guest computes before others get their turn.
const TIME_SLICE: Duration = Duration::from_millis(1);

/// What an engine is made for.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The most guests at the same time. Address space is reserved for so many, memory is not.
    pub max_guests: u32,
    /// The largest `memory_bytes` that a run may be given.
    pub max_memory_bytes: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { max_guests: 1200, max_memory_bytes: 1 << 30 }
    }
}

/// Compiles components and makes guests. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    linker: Arc<Linker<GuestState>>,
    /// What compiles, where it is not this process; and the largest memory that the code is for.
    compiler: Option<(Arc<Compiler>, u64)>,
    _ticker: Arc<Ticker>,
}

/// Tells the guests that their time slice is over; ends with the last engine.
struct Ticker(Arc<AtomicBool>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// An engine.
    pub fn new(config: &EngineConfig) -> Result<Self, Error> {
        Self::with_settings(&wasmtime_config(config))
    }

    /// The same, which has its components compiled elsewhere.
    pub fn compiled_by(config: &EngineConfig, compiler: Option<Compiler>) -> Result<Self, Error> {
        let compiler = compiler.map(|compiler| (Arc::new(compiler), config.max_memory_bytes));
        Ok(Self { compiler, ..Self::new(config)? })
    }

    /// An engine with settings that end with those of [`decide_results`].
    pub(crate) fn with_settings(settings: &Config) -> Result<Self, Error> {
        let inner = wasmtime::Engine::new(settings)
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot set up the wasm engine: {error:#}")))?;
        let mut linker = Linker::new(&inner);
        Workflow::add_to_linker::<_, Imports>(&mut linker, |state| state)
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot link the guest's world: {error:#}")))?;
        crate::blocking::add_to_linker(&mut linker).map_err(|error| {
            Error::new(ErrorCode::Internal, format!("cannot link the guest's world in plain functions: {error:#}"))
        })?;
        crate::wasi::add_to_linker(&mut linker)
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot link WASI: {error:#}")))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (engine, stopped) = (inner.weak(), stop.clone());
        std::thread::Builder::new()
            .name("abide-epoch".to_owned())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(TIME_SLICE);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => break,
                    }
                }
            })
            .map_err(|error| Error::new(ErrorCode::Internal, format!("cannot start a thread: {error}")))?;
        Ok(Self { inner, linker: Arc::new(linker), compiler: None, _ticker: Arc::new(Ticker(stop)) })
    }

    /// Compiles a component to machine code; takes from 0.1 s to many seconds of all cores. The code is good for engines with the same
    /// [`Engine::code_id`] only.
    pub fn compile(&self, component: &[u8]) -> Result<Vec<u8>, Error> {
        if let Some((compiler, max_memory_bytes)) = &self.compiler {
            return compiler.compile(component, *max_memory_bytes, &self.code_id());
        }
        self.inner.precompile_component(component).map_err(|error| {
            Error::new(ErrorCode::InvalidComponent, format!("the component cannot be compiled: {error:#}"))
        })
    }

    /// Names the form of the machine code: release of the compiler, its settings and the processor's features.
    pub fn code_id(&self) -> String {
        use std::hash::{Hash, Hasher};
        let mut hasher = StableHasher::default();
        self.inner.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// Loads a component from machine code in a file, which is mapped, not read.
    pub(crate) fn load(&self, path: &std::path::Path) -> Result<Program, wasmtime::Error> {
        let component = self.load_component(path)?;
        let entry = Entry::of(&component)?;
        let query = component.get_export_index(None, "query");
        let mut linker = self.linker_for(&component)?;
        typed::link(&mut linker, &component)?;
        let pre = linker.instantiate_pre(&component)?;
        Ok(Program { inner: Arc::new(ProgramInner { pre, entry, query, engine: self.clone() }) })
    }

    #[expect(unsafe_code, reason = "wasmtime trusts machine code that it made itself")]
    pub(crate) fn load_component(&self, path: &std::path::Path) -> Result<Component, wasmtime::Error> {
        // SAFETY: the file was made by `Engine::compile` of an engine with the same code id and put in place by a rename, in a
        // folder that only the host's user may write.
        unsafe { Component::deserialize_file(&self.inner, path) }
    }

    /// What every guest may import, and what of the imports of `component` is refused when it is called.
    pub(crate) fn linker_for(&self, component: &Component) -> wasmtime::Result<Linker<GuestState>> {
        let mut linker = (*self.linker).clone();
        crate::wasi::add_refused(&mut linker, component)?;
        Ok(linker)
    }

    pub(crate) fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

/// Core instances of a component, at most.
const MAX_INSTANCES: u32 = 100;
/// Tables of a component, at most.
const MAX_TABLES: u32 = 100;
/// Stacks for each guest. One that waits has one; one that waits in many of its own tasks at once has more. Each has a page in front of it that
/// nobody may touch, which the system counts as a mapping; a process has 65,530 of those where nobody said otherwise.
const STACKS: u32 = 2;

/// The settings of wasmtime that guests run with; public so that what they cost can be compared with wasmtime itself.
pub fn wasmtime_config(config: &EngineConfig) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    // A component made by the usual tools has one to four core instances and one memory; adapters add a few. There is as much as all guests
    // together may have, so that none of them takes what another needs: instances and tables that nobody has cost nothing.
    pool.total_component_instances(config.max_guests)
        .total_core_instances(config.max_guests.saturating_mul(MAX_INSTANCES))
        .total_memories(config.max_guests.saturating_mul(2))
        .total_tables(config.max_guests.saturating_mul(MAX_TABLES))
        .total_stacks(config.max_guests.saturating_mul(STACKS))
        .max_core_instances_per_component(MAX_INSTANCES)
        .max_memories_per_component(2)
        .max_tables_per_component(MAX_TABLES)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .max_memory_size(usize::try_from(config.max_memory_bytes).unwrap_or(usize::MAX))
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_unused_warm_slots(32);
    let mut settings = Config::new();
    settings
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable);
    decide_results(&mut settings);
    settings
}

/// What all engines have in common, whatever they are made for.
pub(crate) fn decide_results(settings: &mut Config) {
    settings
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        // What follows decides results, and so may never change for the histories that exist.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(true)
        .relaxed_simd_deterministic(true);
}

/// FNV-1a: the standard library's hasher may change between releases, and this one names files.
struct StableHasher(u64);

impl Default for StableHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for StableHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// A loaded component. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    inner: Arc<ProgramInner>,
}

struct ProgramInner {
    pre: InstancePre<GuestState>,
    entry: Entry,
    query: Option<ComponentExportIndex>,
    /// Keeps the engine's ticker going.
    engine: Engine,
}

/// Where a component begins.
#[derive(Clone, Copy)]
enum Entry {
    /// `run` of the world `abide:workflow/workflow`.
    Workflow(ComponentExportIndex),
    /// `run` of `wasi:cli/run`: an ordinary program.
    Program(ComponentExportIndex),
}

impl Entry {
    fn of(component: &Component) -> wasmtime::Result<Self> {
        if let Some(run) = component.get_export_index(None, "run") {
            return Ok(Self::Workflow(run));
        }
        let ty = component.component_type();
        let program = ty.exports(component.engine()).map(|(name, _)| name).find(|name| is_program(name));
        program
            .and_then(|name| component.get_export_index(None, name))
            .and_then(|interface| component.get_export_index(Some(&interface), "run"))
            .map(Self::Program)
            .ok_or_else(|| wasmtime::Error::msg("the component exports neither `run` nor `wasi:cli/run`"))
    }
}

/// Whether it is the name of the interface that ordinary programs export.
pub(crate) fn is_program(export: &str) -> bool {
    ["wasi:cli/run@0.2.", "wasi:cli/run@0.3."].into_iter().any(|beginning| export.starts_with(beginning))
}

/// What a component exports.
pub(crate) struct Exports {
    pub(crate) run: RunExport,
    pub(crate) query: Option<QueryExport>,
}

/// The ways to run a component.
#[derive(Clone, Copy)]
pub(crate) enum RunExport {
    /// With a failure of `abide:workflow`.
    Workflow(TypedFunc<(String,), (Result<String, Failure>,)>),
    /// With a failure that is a text.
    TextWorkflow(TypedFunc<(String,), (Result<String, String>,)>),
    /// An ordinary program.
    Program(TypedFunc<(), (Result<(), ()>,)>),
}

pub(crate) type QueryExport = TypedFunc<(String, String), (Result<String, Failure>,)>;

impl Program {
    pub(crate) fn engine(&self) -> &wasmtime::Engine {
        &self.inner.engine.inner
    }

    pub(crate) fn component(&self) -> &Component {
        self.inner.pre.component()
    }

    pub(crate) fn pre(&self) -> &InstancePre<GuestState> {
        &self.inner.pre
    }

    pub(crate) fn exports(&self, store: &mut Store<GuestState>, instance: &Instance) -> wasmtime::Result<Exports> {
        let run = match &self.inner.entry {
            Entry::Program(run) => RunExport::Program(instance.get_typed_func(&mut *store, run)?),
            Entry::Workflow(run) => match instance.get_typed_func(&mut *store, run) {
                Ok(run) => RunExport::Workflow(run),
                Err(error) => match instance.get_typed_func(&mut *store, run) {
                    Ok(run) => RunExport::TextWorkflow(run),
                    Err(_) => return Err(error),
                },
            },
        };
        let query = self.inner.query.as_ref().map(|query| instance.get_typed_func(&mut *store, query)).transpose()?;
        Ok(Exports { run, query })
    }

    /// Whether it exports `query`.
    pub fn has_query(&self) -> bool {
        self.inner.query.is_some()
    }

    /// Whether it is an ordinary program, whose input is its standard input.
    pub(crate) fn is_program(&self) -> bool {
        matches!(self.inner.entry, Entry::Program(_))
    }
}
