//! `abide:workflow-blocking`: the guest's world in plain functions, for languages whose tools cannot lower an `async func`. Requests and
//! outcomes are those of `abide:workflow`, so the histories are the same; only the waiting differs.

mod several;

use abide_model::{CallKind, CallOptions, Failure, Outcome, Request, http as model_http, llm as model_llm};
use abide_model::{others::ChildStarted, tools as model_tools};
use wasmtime::component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType};

use crate::bindings::abide::workflow::{
    children, http, llm, log, random, run, state, timer, tools, types, updates, versions,
};
use crate::calls::call_blocking;
use crate::convert;
use crate::imports::named;
use crate::state::GuestState;
use crate::updates::Update;
use crate::{imports, others};

/// What a function asks for.
struct Asked {
    kind: CallKind,
    request: Result<Request, Failure>,
    options: Result<CallOptions, Failure>,
}

impl Asked {
    fn of(kind: CallKind, request: Result<Request, Failure>) -> Self {
        Self { kind, request, options: Ok(CallOptions::default()) }
    }

    fn with(mut self, options: Option<types::CallOptions>) -> Self {
        self.options = convert::options(options);
        self
    }

    fn generate(request: llm::Request, options: Option<types::CallOptions>) -> Self {
        Self::of(CallKind::LlmGenerate, convert::generate_request(request)).with(options)
    }

    fn call_tool(provider: String, name: String, arguments: String, options: Option<types::CallOptions>) -> Self {
        Self::of(CallKind::ToolsCall, convert::tool_request(provider, name, arguments)).with(options)
    }

    fn fetch(request: http::Request, options: Option<types::CallOptions>) -> Self {
        Self::of(CallKind::HttpFetch, convert::fetch_request(request)).with(options)
    }

    fn sleep(duration_ms: u64) -> Self {
        Self::of(CallKind::TimerSleep, imports::sleep_request(duration_ms))
    }

    fn receive(name: &str) -> Self {
        Self::of(CallKind::SignalsReceive, named("a signal", name))
    }

    fn cancellation_requested() -> Self {
        Self::of(CallKind::CancellationRequested, convert::recorded(&serde_json::json!({})))
    }

    fn await_child(run_id: &str) -> Self {
        Self::of(CallKind::ChildrenResult, others::await_request(run_id))
    }
}

pub(crate) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    calls(linker)?;
    plain(linker)?;
    updates(linker)?;
    several::add_to_linker(&mut linker.instance("abide:workflow-blocking/several@0.1.0")?)
}

/// The functions that wait.
fn calls(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("abide:workflow-blocking/llm@0.1.0")?;
    waits(
        &mut instance,
        "generate",
        |_, (request, options)| Asked::generate(request, options),
        |outcome| convert::outcome::<model_llm::GenerateResponse>(outcome).map(convert::generate_response),
    )?;

    let mut instance = linker.instance("abide:workflow-blocking/tools@0.1.0")?;
    waits(
        &mut instance,
        "list",
        |_, (provider, options): (Option<String>, Option<types::CallOptions>)| {
            Asked::of(CallKind::ToolsList, convert::recorded(&model_tools::ListRequest { provider })).with(options)
        },
        |outcome| {
            let tools = convert::outcome::<Vec<model_tools::Tool>>(outcome)?;
            Ok(tools.into_iter().map(convert::tool_to_guest).collect::<Vec<tools::Tool>>())
        },
    )?;
    waits(
        &mut instance,
        "call",
        |_, (provider, name, arguments, options)| Asked::call_tool(provider, name, arguments, options),
        |outcome| convert::outcome::<model_tools::ToolResult>(outcome).map(convert::tool_result_to_guest),
    )?;

    let mut instance = linker.instance("abide:workflow-blocking/http@0.1.0")?;
    waits(
        &mut instance,
        "fetch",
        |_, (request, options)| Asked::fetch(request, options),
        |outcome| convert::outcome::<model_http::FetchResponse>(outcome).and_then(convert::fetch_response),
    )?;

    let mut instance = linker.instance("abide:workflow-blocking/timer@0.1.0")?;
    waits(&mut instance, "sleep", |_, (duration_ms,)| Asked::sleep(duration_ms), convert::outcome::<u64>)?;
    waits(
        &mut instance,
        "sleep-until",
        |state, (time_ms,)| {
            let now_ms = state.shared.lock().now_ms;
            Asked::of(CallKind::TimerSleep, imports::sleep_until_request(time_ms, now_ms))
        },
        convert::outcome::<u64>,
    )?;

    let mut instance = linker.instance("abide:workflow-blocking/signals@0.1.0")?;
    waits(&mut instance, "receive", |_, (name,): (String,)| Asked::receive(&name), others::text)?;
    let mut instance = linker.instance("abide:workflow-blocking/cancellation@0.1.0")?;
    waits(&mut instance, "requested", |_, ()| Asked::cancellation_requested(), convert::outcome::<String>)?;

    let mut instance = linker.instance("abide:workflow-blocking/children@0.1.0")?;
    waits(
        &mut instance,
        "start",
        |_, (workflow, input, options): (String, String, Option<children::ChildOptions>)| {
            let start = others::start_request(&workflow, input, options);
            Asked::of(CallKind::ChildrenStart, start.and_then(|start| convert::recorded(&start)))
        },
        |outcome| convert::outcome::<ChildStarted>(outcome).map(others::child_to_guest),
    )?;
    waits(&mut instance, "await-result", |_, (run_id,): (String,)| Asked::await_child(&run_id), others::text)?;

    let mut instance = linker.instance("abide:workflow-blocking/runs@0.1.0")?;
    waits(
        &mut instance,
        "signal",
        |_, (run, name, payload)| Asked::of(CallKind::RunsSignal, others::signal_request(run, name, payload)),
        others::done,
    )?;
    waits(
        &mut instance,
        "cancel",
        |_, (run, reason): (String, String)| Asked::of(CallKind::RunsCancel, others::cancel_request(run, &reason)),
        others::done,
    )
}

/// The functions that answer at once.
fn plain(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("abide:workflow-blocking/timer@0.1.0")?;
    answers(&mut instance, "now", |guest, ()| (timer::Host::now(guest),))?;
    let mut instance = linker.instance("abide:workflow-blocking/random@0.1.0")?;
    answers(&mut instance, "bytes", |guest, (length,)| (random::Host::bytes(guest, length),))?;
    answers(&mut instance, "u64", |guest, ()| (random::Host::u64(guest),))?;
    let mut instance = linker.instance("abide:workflow-blocking/log@0.1.0")?;
    answers(&mut instance, "write", |guest, (level, message, fields)| {
        log::Host::write(guest, level, message, fields);
    })?;
    let mut instance = linker.instance("abide:workflow-blocking/run@0.1.0")?;
    answers(&mut instance, "get-info", |guest, ()| (run::Host::get_info(guest),))?;
    answers(&mut instance, "continue-as-new", |guest, (input,)| (run::Host::continue_as_new(guest, input),))?;
    let mut instance = linker.instance("abide:workflow-blocking/state@0.1.0")?;
    answers(&mut instance, "publish", |guest, (name, value)| (state::Host::publish(guest, name, value),))?;
    answers(&mut instance, "set-attributes", |guest, (attributes,)| (state::Host::set_attributes(guest, attributes),))?;
    let mut instance = linker.instance("abide:workflow-blocking/versions@0.1.0")?;
    answers(&mut instance, "patched", |guest, (id,)| (versions::Host::patched(guest, id),))?;
    answers(&mut instance, "record", |guest, (id, value)| (versions::Host::record(guest, id, value),))
}

fn updates(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    use updates::HostUpdate;

    let mut instance = linker.instance("abide:workflow-blocking/updates@0.1.0")?;
    instance.resource("update", ResourceType::host::<Update>(), |mut store, rep| {
        HostUpdate::drop(store.data_mut(), Resource::new_own(rep))
    })?;
    answers(&mut instance, "[method]update.id", |guest, (update,)| (HostUpdate::id(guest, update),))?;
    answers(&mut instance, "[method]update.name", |guest, (update,)| (HostUpdate::name(guest, update),))?;
    answers(&mut instance, "[method]update.arguments", |guest, (update,)| (HostUpdate::arguments(guest, update),))?;
    answers(&mut instance, "[method]update.accept", |guest, (update,)| HostUpdate::accept(guest, update))?;
    answers(&mut instance, "[method]update.reject", |guest, (update, reason)| {
        HostUpdate::reject(guest, update, reason);
    })?;
    answers(&mut instance, "[method]update.respond", |guest, (update, outcome)| {
        HostUpdate::respond(guest, update, outcome);
    })?;
    instance.func_wrap_async("receive", |mut store, (name,): (String,)| {
        Box::new(async move {
            let request = named("an update", &name);
            let outcome =
                call_blocking(&mut store, CallKind::UpdatesReceive, request, Ok(CallOptions::default())).await;
            Ok((store.data_mut().hold_update(outcome),))
        })
    })
}

/// Links a function that makes a call and waits for its outcome.
fn waits<P, R>(
    instance: &mut LinkerInstance<'_, GuestState>,
    name: &str,
    ask: fn(&mut GuestState, P) -> Asked,
    read: fn(Outcome) -> Result<R, types::Failure>,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + Send + 'static,
    R: Lower + wasmtime::component::ComponentType + Send + Sync + 'static,
{
    instance.func_wrap_async(name, move |mut store, parameters: P| {
        Box::new(async move {
            let Asked { kind, request, options } = ask(store.data_mut(), parameters);
            Ok((read(call_blocking(&mut store, kind, request, options).await),))
        })
    })
}

/// Links a function that answers at once.
fn answers<P, R>(
    instance: &mut LinkerInstance<'_, GuestState>,
    name: &str,
    answer: fn(&mut GuestState, P) -> R,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + 'static,
{
    instance.func_wrap(name, move |mut store, parameters: P| Ok(answer(store.data_mut(), parameters)))
}

#[cfg(test)]
mod tests {
    const TYPES: &str = include_str!("../../../../wit/types.wit");
    const RUN: &str = include_str!("../../../../wit/run.wit");
    const BLOCKING: &str = include_str!("../../../../wit/blocking/blocking.wit");

    #[test]
    fn it_is_the_world_in_plain_functions() {
        let (_, types) = TYPES.split_once("package abide:workflow@0.1.0;").unwrap();
        let (run, _) = RUN.split_once("/// The calls that this run waits for. Only").unwrap();
        let files = [
            types,
            include_str!("../../../../wit/llm.wit"),
            include_str!("../../../../wit/tools.wit"),
            include_str!("../../../../wit/http.wit"),
            run,
        ];
        for file in files {
            let plain = file.trim().replace("async func", "func");
            assert!(BLOCKING.contains(&plain), "`wit/blocking` differs from: {plain}");
        }
    }
}
