//! The imports of the guest's world: each turns its arguments into a call, or answers from what the history gave.

use abide_model::{
    AttributeChanges, Attributes, CallKind, CallOptions, ErrorCode, Failure, Json, Outcome, Request,
    http as model_http, llm as model_llm, tools as model_tools,
};
use rand_chacha::rand_core::RngCore;
use serde_json::json;
use wasmtime::component::Accessor;

use crate::bindings::abide::workflow::{
    cancellation, http, llm, log, random, run, signals, state, timer, tools, types,
};
use crate::calls::{Imports, call};
use crate::convert;
use crate::state::{GuestState, LogLevel, MAX_LOG_BYTES, Output};

/// The most random bytes that are given at once.
const MAX_RANDOM_BYTES: u32 = 65_536;
/// The longest name of a signal or a published value, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 128;
/// The longest text of changed attributes, in bytes: more than those of a run may have.
const MAX_ATTRIBUTES_BYTES: usize = 64 << 10;
/// Ten years.
pub(crate) const MAX_SLEEP_MS: u64 = 10 * 366 * 24 * 3600 * 1000;

impl types::Host for GuestState {}

impl llm::Host for GuestState {}

impl llm::HostWithStore<GuestState> for Imports {
    async fn generate(
        accessor: &Accessor<GuestState, Self>,
        request: llm::Request,
        options: Option<types::CallOptions>,
    ) -> Result<llm::Response, types::Failure> {
        let request = convert::generate_request(request);
        let outcome = call(accessor, CallKind::LlmGenerate, request, convert::options(options)).await;
        convert::outcome::<model_llm::GenerateResponse>(outcome).map(convert::generate_response)
    }
}

impl tools::Host for GuestState {}

impl tools::HostWithStore<GuestState> for Imports {
    async fn list(
        accessor: &Accessor<GuestState, Self>,
        provider: Option<String>,
        options: Option<types::CallOptions>,
    ) -> Result<Vec<tools::Tool>, types::Failure> {
        let request = convert::recorded(&model_tools::ListRequest { provider });
        let outcome = call(accessor, CallKind::ToolsList, request, convert::options(options)).await;
        let tools = convert::outcome::<Vec<model_tools::Tool>>(outcome)?;
        Ok(tools.into_iter().map(convert::tool_to_guest).collect())
    }

    async fn call(
        accessor: &Accessor<GuestState, Self>,
        provider: String,
        name: String,
        arguments: String,
        options: Option<types::CallOptions>,
    ) -> Result<tools::ToolResult, types::Failure> {
        let request = convert::tool_request(provider, name, arguments);
        let outcome = call(accessor, CallKind::ToolsCall, request, convert::options(options)).await;
        convert::outcome::<model_tools::ToolResult>(outcome).map(convert::tool_result_to_guest)
    }
}

impl http::Host for GuestState {}

impl http::HostWithStore<GuestState> for Imports {
    async fn fetch(
        accessor: &Accessor<GuestState, Self>,
        request: http::Request,
        options: Option<types::CallOptions>,
    ) -> Result<http::Response, types::Failure> {
        let request = convert::fetch_request(request);
        let outcome = call(accessor, CallKind::HttpFetch, request, convert::options(options)).await;
        convert::outcome::<model_http::FetchResponse>(outcome).and_then(convert::fetch_response)
    }
}

impl timer::Host for GuestState {
    fn now(&mut self) -> u64 {
        self.shared.lock().now_ms
    }
}

impl timer::HostWithStore<GuestState> for Imports {
    async fn sleep(accessor: &Accessor<GuestState, Self>, duration_ms: u64) -> Result<u64, types::Failure> {
        let request = sleep_request(duration_ms);
        convert::outcome(call(accessor, CallKind::TimerSleep, request, Ok(CallOptions::default())).await)
    }

    async fn sleep_until(accessor: &Accessor<GuestState, Self>, time_ms: u64) -> Result<u64, types::Failure> {
        let now_ms = accessor.with(|mut access| access.get().shared.lock().now_ms);
        let request = sleep_until_request(time_ms, now_ms);
        convert::outcome(call(accessor, CallKind::TimerSleep, request, Ok(CallOptions::default())).await)
    }
}

pub(crate) fn sleep_request(duration_ms: u64) -> Result<Request, Failure> {
    if duration_ms > MAX_SLEEP_MS {
        return Err(Failure::new("invalid-request", format!("a timer of {duration_ms} ms is longer than 10 years")));
    }
    convert::recorded(&json!({ "duration_ms": duration_ms }))
}

pub(crate) fn sleep_until_request(time_ms: u64, now_ms: u64) -> Result<Request, Failure> {
    if time_ms.saturating_sub(now_ms) > MAX_SLEEP_MS {
        return Err(Failure::new("invalid-request", format!("the time {time_ms} is more than 10 years ahead")));
    }
    convert::recorded(&json!({ "until_ms": time_ms }))
}

impl random::Host for GuestState {
    fn bytes(&mut self, length: u32) -> Vec<u8> {
        let mut bytes = vec![0; length.min(MAX_RANDOM_BYTES) as usize];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    fn u64(&mut self) -> u64 {
        self.random.next_u64()
    }
}

impl log::Host for GuestState {
    fn write(&mut self, level: log::Level, message: String, fields: Option<String>) {
        let level = match level {
            log::Level::Trace => LogLevel::Trace,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Info => LogLevel::Info,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Error => LogLevel::Error,
        };
        // Fields that are no JSON, or too large, are left out: a log line is never a reason to fail.
        let fields = fields.filter(|fields| fields.len() <= MAX_LOG_BYTES).and_then(|fields| Json::parse(fields).ok());
        self.write_log(level, message, fields);
    }
}

impl run::Host for GuestState {
    fn get_info(&mut self) -> run::Info {
        let history_length = self.shared.lock().history_length;
        let should_continue = history_length >= self.limits.history_events / 2;
        run::Info { history_length, should_continue, ..self.info.clone() }
    }

    fn continue_as_new(&mut self, input: String) -> Result<(), types::Failure> {
        if input.len() as u64 > self.limits.request_bytes {
            let (bytes, limit) = (input.len(), self.limits.request_bytes);
            let message = format!("the input of the next run has {bytes} bytes, the limit is {limit}: keep less");
            return Err(convert::failure_to_guest(Failure::new("too-large", message)));
        }
        let input = convert::json("the input of the next run", input).map_err(convert::failure_to_guest)?;
        self.shared.lock().continue_with = Some(input);
        Ok(())
    }
}

impl signals::Host for GuestState {}

impl signals::HostWithStore<GuestState> for Imports {
    async fn receive(accessor: &Accessor<GuestState, Self>, name: String) -> Result<String, types::Failure> {
        let request = named("a signal", &name);
        match call(accessor, CallKind::SignalsReceive, request, Ok(CallOptions::default())).await {
            Outcome::Ok(payload) => Ok(payload.as_str().to_owned()),
            Outcome::Failed(failure) => Err(convert::failure_to_guest(failure)),
        }
    }
}

/// The request of a call that waits for what has a name.
pub(crate) fn named(what: &str, name: &str) -> Result<Request, Failure> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Failure::new("invalid-request", format!("the name of {what} has 1 to {MAX_NAME_BYTES} bytes")));
    }
    convert::recorded(&json!({ "name": name }))
}

impl state::Host for GuestState {
    fn publish(&mut self, name: String, value: String) -> Result<(), types::Failure> {
        let too_large = |message: String| Err(convert::failure_to_guest(Failure::new("too-large", message)));
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return too_large(format!("the name of a published value has 1 to {MAX_NAME_BYTES} bytes"));
        }
        if value.len() as u64 > self.limits.published_bytes {
            return too_large(format!(
                "the published value `{name}` has {} bytes, the limit is {}",
                value.len(),
                self.limits.published_bytes
            ));
        }
        let value = convert::json("the published value", value).map_err(convert::failure_to_guest)?;
        let mut shared = self.shared.lock();
        if !shared.published_names.contains(&name)
            && shared.published_names.len() >= self.limits.published_names as usize
        {
            let limit = self.limits.published_names;
            return too_large(format!("{limit} names are published, which is the limit: publish under one of those"));
        }
        shared.published_names.insert(name.clone());
        shared.publish(name, value);
        Ok(())
    }

    fn set_attributes(&mut self, attributes: String) -> Result<(), types::Failure> {
        self.attributes = self.changed_attributes(attributes).map_err(convert::failure_to_guest)?;
        let attributes = self.attributes.clone();
        let told = self.shared.lock().tell(Output::Attributes(attributes), self.limits.step_bytes());
        told.map_err(convert::failure_to_guest)
    }
}

impl GuestState {
    /// The attributes with changes. Whether they are refused depends on the history alone: a replay refuses them in the same way.
    fn changed_attributes(&self, changes: String) -> Result<Attributes, Failure> {
        if changes.len() > MAX_ATTRIBUTES_BYTES {
            let message = format!("the attributes have {} bytes, the limit is {MAX_ATTRIBUTES_BYTES}", changes.len());
            return Err(Failure::new("too-large", message));
        }
        let object = convert::json("the attributes", changes)?.read();
        let object = object.map_err(|_| Failure::new("invalid-request", "the attributes are no JSON object"))?;
        let changed = AttributeChanges::read(object).and_then(|changes| self.attributes.with(changes));
        changed.map_err(|error| match error.code {
            ErrorCode::TooLarge => Failure::new("too-large", error.message),
            _ => Failure::new("invalid-request", error.message),
        })
    }
}

impl cancellation::Host for GuestState {}

impl cancellation::HostWithStore<GuestState> for Imports {
    async fn requested(accessor: &Accessor<GuestState, Self>) -> Result<String, types::Failure> {
        let request = convert::recorded(&json!({}));
        convert::outcome(call(accessor, CallKind::CancellationRequested, request, Ok(CallOptions::default())).await)
    }
}
