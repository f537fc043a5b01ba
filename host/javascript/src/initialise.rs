//! Runs what a program does while its modules load, and takes a picture of the memory then: what a run begins with.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, OptLevel, Store, StoreLimits, StoreLimitsBuilder, Trap};
use wasmtime_wizer::Wizer;

use crate::error::Error;
use crate::modules::{ENTRY, Modules, SHIM};
use crate::snapshot::Instance;
use crate::{init_export, stubs};

/// How many instructions modules may take to load: some seconds.
const MAX_FUEL: u64 = 5_000_000_000;
/// How much memory a program may have when its modules are loaded. All of it becomes part of the component.
const MAX_MEMORY_BYTES: usize = 128 << 20;
/// How much of what the engine writes when it panics is kept.
const MAX_LOG_BYTES: usize = 16 << 10;
/// How many bytes the host may copy for the guest: texts of modules, twice.
const MAX_COPIED_BYTES: usize = 256 << 20;

/// What the host keeps while modules load.
pub(crate) struct Loading {
    /// Where modules come from.
    pub(crate) modules: Modules,
    limits: StoreLimits,
    log: String,
}

impl Loading {
    /// Keeps a line of the log.
    pub(crate) fn log(&mut self, text: &str) {
        let room = MAX_LOG_BYTES.saturating_sub(self.log.len());
        self.log.push_str(&text[..text.floor_char_boundary(room)]);
    }
}

/// The component, after its program was loaded.
pub(crate) fn initialise(component: &[u8], modules: Modules) -> Result<Vec<u8>, Error> {
    let component = init_export::rename(component)?;
    let mut wizer = Wizer::new();
    wizer.init_func(init_export::NAME);
    let (context, instrumented) =
        wizer.instrument_component(&component).map_err(Error::internal("the component takes no instruments"))?;

    let mut config = Config::new();
    config.consume_fuel(true).cranelift_opt_level(OptLevel::None).wasm_component_model_async(true);
    let engine = Engine::new(&config).map_err(Error::internal("there is no engine"))?;
    let compiled = Component::new(&engine, &instrumented).map_err(Error::internal("the component does not compile"))?;
    let mut linker = Linker::new(&engine);
    stubs::add(&mut linker, &compiled)?;

    let limits = StoreLimitsBuilder::new().memory_size(MAX_MEMORY_BYTES).build();
    let mut store = Store::new(&engine, Loading { modules, limits, log: String::new() });
    store.limiter(|loading| &mut loading.limits);
    store.set_fuel(MAX_FUEL).map_err(Error::internal("there is no fuel"))?;
    store.set_hostcall_fuel(MAX_COPIED_BYTES);

    block_on(async {
        let instance = linker
            .instantiate_async(&mut store, &compiled)
            .await
            .map_err(Error::internal("the component does not start"))?;
        load(&mut store, &instance).await?;
        wizer
            .snapshot_component(&context, &mut Instance { store: &mut store, instance })
            .await
            .map_err(Error::internal("the component cannot be written"))
    })
}

/// Loads the modules of the program.
async fn load(store: &mut Store<Loading>, instance: &wasmtime::component::Instance) -> Result<(), Error> {
    type Parameters<'a> = (&'a str, &'a str, Option<&'a str>, bool);
    let init = instance
        .get_typed_func::<Parameters<'_>, (Result<(), String>,)>(&mut *store, init_export::NAME)
        .map_err(Error::internal("the engine has another form"))?;
    let loaded = init.call_async(&mut *store, (SHIM, ENTRY, Some("abide:entry"), false)).await;
    let loading = store.data_mut();
    // What is wrong with a module is known better here than to the engine, which was told only a text.
    if let Some(error) = loading.modules.take_error() {
        return Err(error);
    }
    match loaded {
        Ok((Ok(()),)) => Ok(()),
        Ok((Err(message),)) => Err(Error::Load(explain(&message))),
        Err(error) => Err(match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => Error::Limit(
                "the program computes for too long while its modules load: move the work into `run`".to_owned(),
            ),
            _ if !loading.log.is_empty() => Error::Load(loading.log.trim().to_owned()),
            _ => Error::Load(format!("{:#}", error.root_cause())),
        }),
    }
}

/// The message of the program, without what the engine says around it.
fn explain(message: &str) -> String {
    let mut message = message;
    for begin in ["Failed to evaluate user JavaScript module: ", "Failed to finish JavaScript module evaluation: "] {
        message = message.strip_prefix(begin).unwrap_or(message);
    }
    // What the engine says of a call where no export is under way.
    message.trim_end().replace(
        "operation requires an active async call",
        "a call is made while the modules load, when there is no run: make it in `run`",
    )
}

/// Nothing here waits: host functions answer at once, and the guest ends or runs out of fuel.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
