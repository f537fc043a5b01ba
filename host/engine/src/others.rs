//! What a guest asks about other runs, and about the versions of its own code.

use abide_model::others::{AwaitChild, CancelRun, ChildStarted, ParentClose, SignalRun, StartChild};
use abide_model::{
    CallKind, CallOptions, CallerId, Failure, Json, MarkerRecorded, Outcome, Request, RunId, WorkflowName,
};
use wasmtime::component::Accessor;

use crate::bindings::abide::workflow::{children, runs, types, versions};
use crate::calls::{Imports, call};
use crate::convert;
use crate::imports::{MAX_NAME_BYTES, MAX_SLEEP_MS};
use crate::state::{GuestState, Output};

/// The longest reason for a request to end, in bytes.
const MAX_REASON_BYTES: usize = 4096;

fn invalid(message: impl std::fmt::Display) -> Failure {
    Failure::new("invalid-request", message.to_string())
}

impl children::Host for GuestState {}

impl children::HostWithStore<GuestState> for Imports {
    async fn start(
        accessor: &Accessor<GuestState, Self>,
        workflow: String,
        input: String,
        options: Option<children::ChildOptions>,
    ) -> Result<children::Child, types::Failure> {
        let request = start_request(&workflow, input, options).and_then(|start| convert::recorded(&start));
        let outcome = call(accessor, CallKind::ChildrenStart, request, Ok(CallOptions::default())).await;
        convert::outcome::<ChildStarted>(outcome).map(child_to_guest)
    }

    async fn await_result(accessor: &Accessor<GuestState, Self>, run_id: String) -> Result<String, types::Failure> {
        let request = await_request(&run_id);
        text(call(accessor, CallKind::ChildrenResult, request, Ok(CallOptions::default())).await)
    }
}

pub(crate) fn child_to_guest(child: ChildStarted) -> children::Child {
    children::Child { id: child.id.to_string(), run_id: child.run_id.to_string() }
}

pub(crate) fn await_request(run_id: &str) -> Result<Request, Failure> {
    let run_id = RunId::parse(run_id).map_err(|error| invalid(error.message))?;
    convert::recorded(&AwaitChild { run_id })
}

pub(crate) fn start_request(
    workflow: &str,
    input: String,
    options: Option<children::ChildOptions>,
) -> Result<StartChild, Failure> {
    let mut start = StartChild {
        workflow: WorkflowName::parse(workflow).map_err(|error| invalid(error.message))?,
        input: convert::json("the input of the child", input)?,
        id: None,
        version: None,
        parent_close: ParentClose::default(),
        run_timeout_ms: None,
    };
    let Some(options) = options else { return Ok(start) };
    start.id = options.id.as_deref().map(CallerId::parse).transpose().map_err(|error| invalid(error.message))?;
    start.version = options.version;
    start.parent_close = match options.parent_close {
        Some(children::ParentClosePolicy::Cancel) | None => ParentClose::Cancel,
        Some(children::ParentClosePolicy::Terminate) => ParentClose::Terminate,
        Some(children::ParentClosePolicy::Abandon) => ParentClose::Abandon,
    };
    start.run_timeout_ms = options.run_timeout_ms;
    if start.run_timeout_ms.is_some_and(|timeout| timeout == 0 || timeout > MAX_SLEEP_MS) {
        return Err(invalid("`run-timeout-ms` has to be 1 to 10 years"));
    }
    Ok(start)
}

impl runs::Host for GuestState {}

impl runs::HostWithStore<GuestState> for Imports {
    async fn signal(
        accessor: &Accessor<GuestState, Self>,
        run: String,
        name: String,
        payload: String,
    ) -> Result<(), types::Failure> {
        let request = signal_request(run, name, payload);
        done(call(accessor, CallKind::RunsSignal, request, Ok(CallOptions::default())).await)
    }

    async fn cancel(accessor: &Accessor<GuestState, Self>, run: String, reason: String) -> Result<(), types::Failure> {
        let request = cancel_request(run, &reason);
        done(call(accessor, CallKind::RunsCancel, request, Ok(CallOptions::default())).await)
    }
}

pub(crate) fn cancel_request(run: String, reason: &str) -> Result<Request, Failure> {
    let reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
    convert::recorded(&CancelRun { run, reason })
}

pub(crate) fn signal_request(run: String, name: String, payload: String) -> Result<Request, Failure> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(invalid(format!("the name of a signal has 1 to {MAX_NAME_BYTES} bytes")));
    }
    convert::recorded(&SignalRun { run, name, payload: convert::json("the payload", payload)? })
}

/// An outcome that is JSON for the guest to read.
pub(crate) fn text(outcome: Outcome) -> Result<String, types::Failure> {
    match outcome {
        Outcome::Ok(json) => Ok(json.as_str().to_owned()),
        Outcome::Failed(failure) => Err(convert::failure_to_guest(failure)),
    }
}

/// An outcome that says only that it was done.
pub(crate) fn done(outcome: Outcome) -> Result<(), types::Failure> {
    text(outcome).map(|_| ())
}

impl versions::Host for GuestState {
    fn patched(&mut self, id: String) -> bool {
        // Too long a name is never recorded, so it is never patched.
        check_marker(&id).is_ok() && self.marker(id, Json::from(&true.into())).is_some()
    }

    fn record(&mut self, id: String, value: String) -> Result<String, types::Failure> {
        let check = || -> Result<Json, Failure> {
            check_marker(&id)?;
            if value.len() as u64 > self.limits.request_bytes {
                let (bytes, limit) = (value.len(), self.limits.request_bytes);
                return Err(Failure::new("too-large", format!("the value has {bytes} bytes, the limit is {limit}")));
            }
            convert::json("the value", value)
        };
        let value = check().map_err(convert::failure_to_guest)?;
        Ok(self.marker(id, value.clone()).unwrap_or(value).as_str().to_owned())
    }
}

fn check_marker(id: &str) -> Result<(), Failure> {
    match id.len() {
        1..=MAX_NAME_BYTES => Ok(()),
        _ => Err(invalid(format!("the name of a recorded value has 1 to {MAX_NAME_BYTES} bytes"))),
    }
}

impl GuestState {
    /// The value of a marker: the recorded one, or `value`, which is then recorded. `None` where the history was made by code that did not record it.
    fn marker(&mut self, id: String, value: Json) -> Option<Json> {
        let mut shared = self.shared.lock();
        let cause = shared.cause;
        match shared.markers.get(&id) {
            Some(marker) if marker.cause <= cause => return Some(marker.value.clone()),
            _ if !shared.live => return None,
            _ => {}
        }
        // Where it is too much, the guest stops, whatever it is given.
        if shared.tell(Output::Marker { id: id.clone(), value: value.clone() }, self.limits.step_bytes()).is_ok() {
            shared.markers.insert(id.clone(), MarkerRecorded { id, cause, value: value.clone() });
        }
        Some(value)
    }
}
