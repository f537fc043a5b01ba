//! The raw limit of replay: how many async calls a second a guest makes in wasmtime itself. The component, the settings of the engine, fuel and time
//! slices are the host's; the call is answered by a constant, recorded by nobody and compared with nothing.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use abide_engine::{EngineConfig, inspect, wasmtime_config};
use abide_model::Limits;
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use wasmtime::component::{Accessor, Component, HasData, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::arguments::Arguments;
use crate::subject::read_guest;
use bindings::abide::workflow::{tools, types};

mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "workflow" });
}

/// What the tool answers: the same as the performer of the host that is measured.
const STRUCTURED: &str = r#"{"step":12345}"#;
/// As the host's.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// When a call is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answers {
    /// When the guest has nothing left to do but wait, as in a host.
    WhenWaitedFor,
    /// Before the guest can wait.
    AtOnce,
}

/// A guest without a host.
pub(crate) struct BareGuest {
    engine: Engine,
    pre: InstancePre<State>,
}

struct State {
    answers: Answers,
    pending: Arc<Mutex<Pending>>,
}

/// The call that waits.
#[derive(Default)]
struct Pending {
    answered: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

struct Imports;

impl HasData for Imports {
    type Data<'a> = &'a mut State;
}

impl tools::Host for State {}

impl tools::HostWithStore<State> for Imports {
    async fn list(
        _: &Accessor<State, Self>,
        _: Option<String>,
        _: Option<types::CallOptions>,
    ) -> Result<Vec<tools::Tool>, types::Failure> {
        Ok(Vec::new())
    }

    async fn call(
        accessor: &Accessor<State, Self>,
        _: String,
        _: String,
        _: String,
        _: Option<types::CallOptions>,
    ) -> Result<tools::ToolResult, types::Failure> {
        let (answers, pending) = accessor.with(|mut access| (access.get().answers, access.get().pending.clone()));
        if answers == Answers::WhenWaitedFor {
            poll_fn(|context| {
                let mut pending = lock(&pending);
                if std::mem::take(&mut pending.answered) {
                    return Poll::Ready(());
                }
                pending.waker = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
        Ok(tools::ToolResult { content: Vec::new(), structured: Some(STRUCTURED.to_owned()), is_error: false })
    }
}

fn lock(pending: &Mutex<Pending>) -> std::sync::MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

impl BareGuest {
    pub(crate) fn load(arguments: &Arguments, guest: &str) -> Result<Self> {
        let engine = Engine::new(&wasmtime_config(&EngineConfig::default())).map_err(anyhow::Error::msg)?;
        let component = inspect(&read_guest(arguments, guest)?)?.component;
        let pre = (|| {
            let component = Component::new(&engine, &component)?;
            let mut linker = Linker::new(&engine);
            tools::add_to_linker::<State, Imports>(&mut linker, |state| state)?;
            linker.define_unknown_imports_as_traps(&component)?;
            linker.instantiate_pre(&component)
        })()
        .map_err(anyhow::Error::msg)?;
        Ok(Self { engine, pre })
    }

    /// Lets the guest make so many calls. Gives how many a second.
    pub(crate) async fn calls_per_s(&self, calls: u64, answers: Answers) -> Result<f64> {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(TIME_SLICE);
                    self.engine.increment_epoch();
                }
            });
            let seconds = self.run(calls, answers);
            stop.store(true, Ordering::Relaxed);
            Ok(calls as f64 / seconds?)
        })
    }

    /// Runs the guest to its end, polled by hand as the host does it. Gives the seconds that it took.
    fn run(&self, calls: u64, answers: Answers) -> Result<f64> {
        let pending = Arc::new(Mutex::new(Pending::default()));
        let mut store = Store::new(&self.engine, State { answers, pending: pending.clone() });
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        // Enough for all calls: nobody fills it up in between.
        store.set_fuel(Limits::default().step_fuel.saturating_mul(1000)).map_err(anyhow::Error::msg)?;
        let input = json!({ "steps": calls, "provider": "bench", "tool": "echo" }).to_string();
        let mut work = pin!(async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            type Answer = (std::result::Result<String, types::Failure>,);
            let run = instance.get_typed_func::<(String,), Answer>(&mut store, "run")?;
            store.run_concurrent(async |accessor| run.call_concurrent(accessor, (input,)).await).await?
        });
        let flag = Arc::new(Flag::default());
        let waker = Waker::from(flag.clone());
        let began = Instant::now();
        loop {
            flag.0.store(false, Ordering::Release);
            match work.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(Ok((Ok(_),))) => return Ok(began.elapsed().as_secs_f64()),
                Poll::Ready(Ok((Err(failure),))) => bail!("the guest failed: {}: {}", failure.code, failure.message),
                Poll::Ready(Err(error)) => return Err(anyhow::Error::msg(error)).context("the guest stopped"),
                Poll::Pending if flag.0.load(Ordering::Acquire) => {}
                Poll::Pending => {
                    let mut pending = lock(&pending);
                    pending.answered = true;
                    pending.waker.take().context("the guest waits for nothing")?.wake();
                }
            }
        }
    }
}
