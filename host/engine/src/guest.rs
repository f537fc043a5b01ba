//! A guest at work: a component instance with the future of its `run`, polled by hand.
//!
//! The driver polls until [`Turn::Quiescent`]: the guest waits for outcomes and nothing else can happen. Then it takes the outputs,
//! resolves one call, and polls again. A guest that computes for long gives [`Turn::Yielded`] now and then, so that
//! others get their turn; that never changes what it does.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use abide_model::{
    Attributes, CallIndex, Failure, Json, Limits, MarkerRecorded, Outcome, ParkReason, RunId, RunStarted, Seq,
};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use wasmtime::component::ResourceTable;
use wasmtime::{AsContextMut, Store};

use crate::bindings::abide::workflow::run::Info;
use crate::engine::{Exports, Program};
use crate::entry::{Given, begin, outcome_of_run};
use crate::state::{Ending, GuestState, Output, QueryRequest, SharedState};
use crate::trap;
use crate::wasi::stdio::Stdio;
use crate::wasi::{Surroundings, Wasi};
use crate::watch::{self, Look, Watch};

/// What a guest starts with. It all stands in the history.
#[derive(Debug, Clone)]
pub struct GuestSpec {
    /// What the host calls the run.
    pub run_id: RunId,
    /// When it started.
    pub started_ms: u64,
    /// Its first event.
    pub started: RunStarted,
    /// The values that the history records, by name.
    pub markers: HashMap<String, MarkerRecorded>,
}

/// Why a guest cannot go on.
pub type Stop = ParkReason;

/// What a poll found.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// The guest waits for outcomes.
    Quiescent,
    /// It computes; poll again after others had their turn.
    Yielded,
    /// Its `run` ended.
    Ended(Ending),
    /// It cannot go on.
    Stopped(Stop),
}

/// A component instance at work.
pub struct Guest {
    /// Ends with an error only: `run`'s result goes through the shared state, so that a guest that ended can be queried.
    future: Pin<Box<dyn Future<Output = wasmtime::Error> + Send>>,
    shared: SharedState,
    wake: Arc<WakeFlag>,
    stopped: Option<Stop>,
    /// How it ended, where it ended itself in the middle of its code.
    exited: Option<Ending>,
    is_program: bool,
}

#[derive(Default)]
struct WakeFlag(AtomicBool);

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Guest {
    /// A guest of `program` that has not begun.
    pub fn new(program: &Program, spec: GuestSpec) -> Self {
        let is_program = program.is_program();
        let program = program.clone();
        Self::start(is_program, move |shared| {
            {
                let mut shared = shared.lock();
                shared.now_ms = spec.started_ms;
                shared.history_length = 1;
                shared.markers = spec.markers;
                // The output of a program is its result, which has the limit of a request.
                let kept_bytes = if is_program { spec.started.limits.request_bytes } else { 0 };
                shared.stdio = Stdio::new(usize::try_from(kept_bytes).unwrap_or(usize::MAX));
            }
            let started = spec.started;
            let surroundings = surroundings(&started, spec.run_id, is_program);
            let mut state = new_state(shared, started.limits, started.seed, surroundings);
            state.info = Info {
                tenant: started.tenant.to_string(),
                workflow: started.workflow.to_string(),
                version: started.version.to_string(),
                id: started.id.to_string(),
                run_id: spec.run_id.to_string(),
                started_ms: spec.started_ms,
                history_length: 1,
                parent_run_id: started.parent.map(|parent| parent.run_id.to_string()),
                continued_from: started.continued_from.map(|run| run.to_string()),
                should_continue: false,
            };
            state.attributes = started.attributes;
            work(program, state, started.input)
        })
    }

    /// A guest that does `work`, which ends with an error only. Of a program, the exit code says how it ended.
    pub(crate) fn start<F>(is_program: bool, work: impl FnOnce(SharedState) -> F) -> Self
    where
        F: Future<Output = wasmtime::Error> + Send + 'static,
    {
        let shared = SharedState::default();
        let future = Box::pin(work(shared.clone()));
        Self { future, shared, wake: Arc::default(), stopped: None, exited: None, is_program }
    }

    /// Lets the guest go on as far as it can, or for one time slice.
    pub fn poll(&mut self) -> Turn {
        if let Some(stop) = &self.stopped {
            return Turn::Stopped(stop.clone());
        }
        if let Some(ending) = &self.exited {
            return Turn::Ended(ending.clone());
        }
        let waker = Waker::from(self.wake.clone());
        self.wake.0.store(false, Ordering::Release);
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(error) => {
                if let Some(ending) = self.exited() {
                    return Turn::Ended(ending);
                }
                let stop = trap::explain(&error, &self.shared);
                self.stopped = Some(stop.clone());
                Turn::Stopped(stop)
            }
            Poll::Pending => {
                let mut shared = self.shared.lock();
                // It did too much, and was only told so.
                if let Some((kind, message)) = shared.refused.take() {
                    let stop = Stop { kind, message, event: None, backtrace: Vec::new() };
                    drop(shared);
                    self.stopped = Some(stop.clone());
                    return Turn::Stopped(stop);
                }
                match shared.ended.clone() {
                    Some(ending) => Turn::Ended(ending),
                    None if self.wake.0.load(Ordering::Acquire) => Turn::Yielded,
                    None => Turn::Quiescent,
                }
            }
        }
    }

    /// How a guest ended that called `exit`.
    fn exited(&mut self) -> Option<Ending> {
        let mut shared = self.shared.lock();
        let code = shared.exit_code?;
        let ending = if self.is_program {
            Ending::Gave(shared.outcome_of_program(code))
        } else {
            let message = format!("the workflow ended itself with exit code {code} before `run` gave a result");
            Ending::Gave(Outcome::Failed(Failure::new("exit", message)))
        };
        drop(shared);
        self.exited = Some(ending.clone());
        Some(ending)
    }

    /// What the guest did since this was asked last, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        let mut shared = self.shared.lock();
        shared.told_bytes = 0;
        std::mem::take(&mut shared.outputs)
    }

    /// Moves the guest's clock to the input `cause`, which it is given next. `live` where the history says nothing of what it does then.
    pub fn advance(&mut self, now_ms: u64, cause: Seq, live: bool) {
        let mut shared = self.shared.lock();
        // The wall clock may be set back; a run's time never goes back.
        shared.now_ms = shared.now_ms.max(now_ms);
        shared.history_length = cause + 1;
        shared.cause = cause;
        shared.live = live;
        shared.logged_bytes = 0;
    }

    /// A value that the history records, from its cause on.
    pub fn add_marker(&mut self, marker: MarkerRecorded) {
        self.shared.lock().markers.insert(marker.id.clone(), marker);
    }

    /// Gives a call its outcome; the guest sees it at the next poll. `false` where the guest does not wait for that call.
    pub fn resolve(&mut self, call: CallIndex, outcome: Outcome) -> bool {
        let waker = {
            let mut shared = self.shared.lock();
            let Some(slot) = shared.slots.get_mut(&call).filter(|slot| !slot.dropped) else { return false };
            slot.outcome = Some(outcome);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Bytes of linear memory that the guest has.
    pub fn memory_bytes(&self) -> u64 {
        self.shared.lock().memory_bytes
    }

    /// Asks the exported `query`; poll until [`Guest::take_answer`] gives something. The guest is of no use for anything but
    /// more queries afterwards.
    pub fn ask(&mut self, name: &str, arguments: Json) {
        let mut shared = self.shared.lock();
        shared.query = Some(QueryRequest { name: name.to_owned(), arguments });
        if let Some(waker) = shared.query_waker.take() {
            waker.wake();
        }
    }

    /// Watches the guest from now on: then [`Guest::place`] and [`Guest::look`] have something to tell. What the guest does stays the same.
    pub fn watch(&mut self) {
        self.shared.lock().watch.get_or_insert_default();
    }

    /// The same, but for where it makes its calls.
    pub fn watch_fuel(&mut self) {
        self.shared.lock().watch.get_or_insert_with(Watch::fuel_only);
    }

    /// Where the guest made a call that it still waits for, innermost function first, as long as it is watched.
    pub fn place(&self, call: CallIndex) -> Option<Vec<String>> {
        self.shared.lock().watch.as_ref().and_then(|watch| watch.place(call).cloned())
    }

    /// Looks at a guest that is watched and waits, or has ended. `None` where there is nothing left to look at.
    pub fn look(&mut self, with_memory: bool) -> Option<Look> {
        let waker = self.shared.lock().watch.as_mut()?.want(with_memory);
        if let Some(waker) = waker {
            waker.wake();
        }
        self.poll();
        self.shared.lock().watch.as_mut()?.take_look()
    }

    /// The fuel that a guest has used that is watched, and that waits, has ended, or stopped.
    pub fn fuel_used(&mut self) -> u64 {
        match self.look(false) {
            Some(look) => look.fuel_used,
            None => self.shared.lock().watch.as_ref().map_or(0, Watch::fuel_used),
        }
    }

    /// The answer to the query.
    pub fn take_answer(&mut self) -> Option<Outcome> {
        self.shared.lock().query_answer.take()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
    }
}

/// The data of a guest's store, with nothing in it yet but its limits and its seed.
pub(crate) fn new_state(shared: SharedState, limits: Limits, seed: [u8; 32], surroundings: Surroundings) -> GuestState {
    GuestState {
        shared,
        random: ChaCha12Rng::from_seed(seed),
        info: Info {
            tenant: String::new(),
            workflow: String::new(),
            version: String::new(),
            id: String::new(),
            run_id: String::new(),
            started_ms: 0,
            history_length: 0,
            parent_run_id: None,
            continued_from: None,
            should_continue: false,
        },
        attributes: Attributes::default(),
        limits,
        held: ResourceTable::new(),
        wasi: Wasi::new(surroundings),
    }
}

/// A store whose guest keeps to its limits, and yields when its time slice is over.
pub(crate) fn new_store(engine: &wasmtime::Engine, state: GuestState) -> wasmtime::Result<Store<GuestState>> {
    let fuel = state.limits.step_fuel;
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store.set_fuel(fuel)?;
    // What the component model keeps for a guest lies in the memory of the host.
    store.set_max_component_handles(MAX_HANDLES);
    if let Some(table) = store.concurrent_resource_table() {
        table.set_max_capacity(MAX_HANDLES);
    }
    Ok(store)
}

/// The handles of a guest (to what it holds of the host, streams, futures, sets of what it waits for), and its tasks and what belongs to them.
const MAX_HANDLES: usize = 100_000;

/// What a guest sees of its surroundings. A program has nobody else to tell it which run it is.
fn surroundings(started: &RunStarted, run_id: RunId, is_program: bool) -> Surroundings {
    let mut environment = vec![
        ("ABIDE_WORKFLOW".to_owned(), started.workflow.to_string()),
        ("ABIDE_ID".to_owned(), started.id.to_string()),
        ("ABIDE_RUN_ID".to_owned(), run_id.to_string()),
    ];
    let mut arguments = vec![started.workflow.to_string()];
    if let Some(configuration) = &started.configuration {
        environment.extend(configuration.environment.clone());
        arguments.extend_from_slice(&configuration.arguments);
    }
    let stdin = if is_program { started.input.as_str().as_bytes().to_vec() } else { Vec::new() };
    Surroundings { environment, arguments, stdin }
}

/// Instantiates and runs the guest, then answers queries. Ends only with an error.
async fn work(program: Program, state: GuestState, input: Json) -> wasmtime::Error {
    let shared = state.shared.clone();
    let (fuel, result_bytes) = (state.limits.step_fuel, state.limits.result_bytes());
    let mut store = match new_store(program.engine(), state) {
        Ok(store) => store,
        Err(error) => return error,
    };
    let instance = match program.pre().instantiate_async(&mut store).await {
        Ok(instance) => instance,
        Err(error) => return error,
    };
    let Exports { run, query } = match program.exports(&mut store, &instance) {
        Ok(exports) => exports,
        Err(error) => return error,
    };
    let worked = store
        .run_concurrent(async |accessor| -> wasmtime::Result<std::convert::Infallible> {
            let mut running = pin!(begin(run, accessor, input));
            let mut ended = false;
            loop {
                let request = poll_fn(|context| {
                    if !ended && let Poll::Ready(result) = running.as_mut().poll(context) {
                        ended = true;
                        match result {
                            Ok(given) => {
                                let mut shared = shared.lock();
                                shared.ended = Some(match (shared.continue_with.take(), given) {
                                    (Some(input), _) => Ending::Continues(input),
                                    (None, Given::Result(result)) => Ending::Gave(outcome_of_run(result, result_bytes)),
                                    (None, Given::Status(code)) => Ending::Gave(shared.outcome_of_program(code)),
                                });
                            }
                            Err(error) => return Poll::Ready(Err(error)),
                        }
                    }
                    accessor.with(|mut access| watch::show(&mut access.as_context_mut(), context.waker()));
                    let mut shared = shared.lock();
                    match shared.query.take() {
                        Some(request) => Poll::Ready(Ok(request)),
                        None => {
                            shared.query_waker = Some(context.waker().clone());
                            Poll::Pending
                        }
                    }
                })
                .await?;
                let answer = match &query {
                    Some(query) => {
                        accessor.with(|mut access| access.as_context_mut().set_fuel(fuel))?;
                        let arguments = (request.name, request.arguments.as_str().to_owned());
                        let (result,) = query.call_concurrent(accessor, arguments).await?;
                        outcome_of_run(result, result_bytes)
                    }
                    None => Outcome::Failed(Failure::new("query-not-found", "this workflow answers no queries")),
                };
                shared.lock().query_answer = Some(answer);
            }
        })
        .await;
    watch::stop(&mut store.as_context_mut());
    match worked {
        Ok(Err(error)) | Err(error) => error,
    }
}
